"""Reports for pull requests and for those who collect them: Markdown, JUnit, code quality, OpenMetrics."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from nbpromote import report
from records import different, failing, hostile, passing, refused

SUBJECTS = [passing, failing, refused, different, lambda: hostile("http://evil.example/")]


@pytest.mark.parametrize("form", sorted(set(report.FORMS) - {"html"}))
@pytest.mark.parametrize("subject", SUBJECTS)
def test_no_form_holds_what_would_steer_a_terminal(form: str, subject) -> None:
    told = report.report_as(form, subject())

    assert all(letter in "\n\u200b" or letter.isprintable() for letter in told)


# -- Markdown ------------------------------------------------------------------------------------------------


def test_markdown_tells_verdict_reasons_metrics_checks_and_what_differs() -> None:
    told = report.report_as("markdown", refused())

    assert told.startswith("### ❌ train\\_delay: Refused at staging\n")
    assert "- **refuses**: mae is 12.874, above the limit of 12 (`params/staging.policy.yaml:6`)" in told
    assert "| `mae` | 12.87 | 13.31 | -0.436 (-3.3 %) | ❌ mae at most 12; ✅ mae at most 2 % above live |" in told
    assert "ran-to-the-end" in told
    assert "+mae 12.9" in told


def test_nothing_in_markdown_is_the_notebook_s_own() -> None:
    told = report.report_as("markdown", hostile("http://evil.example/"))

    outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", told, flags=re.DOTALL)
    assert "<script" not in outside.replace("\\<", "")
    assert "http://" not in outside


def test_markdown_of_a_huge_run_is_taken_as_a_comment() -> None:
    subject = refused()
    many = {f"metric_{number}": float(number) for number in range(5000)}
    check = replace(subject.evidence.checks[0], summary="word " * 5000)
    cells = tuple(replace(subject.comparison.cells[1], source=("-a " * 400,) * 500) for _ in range(200))
    evidence = replace(subject.evidence, metrics=many, checks=(check,) * 500)
    huge = replace(subject, evidence=evidence, comparison=replace(subject.comparison, cells=cells))

    told = report.report_as("markdown", huge)

    assert len(told.encode()) < 65_536
    assert "5000" not in told
    assert "… and 4940 more metrics" in told


# -- JUnit ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("subject", SUBJECTS)
def test_junit_is_a_suite_with_a_case_for_each_cell_check_and_gate(subject) -> None:
    subject = subject()

    (suite,) = ElementTree.fromstring(report.report_as("junit", subject))

    evidence = subject.evidence
    count = len(evidence.run.cells) + len(evidence.checks) + len(subject.verdicts)
    assert (len(suite), suite.get("tests")) == (count, str(count))


def test_junit_tells_what_failed_and_what_only_warned() -> None:
    (suite,) = ElementTree.fromstring(report.report_as("junit", refused()))

    failed = {case.get("name"): case[0].get("type") for case in suite if case.find("failure") is not None}
    assert failed == {"gate: mae at most 12": "params/staging.policy.yaml:6"}
    assert (suite.get("failures"), suite.get("skipped"), suite.get("time")) == ("1", "1", "3.930")
    warned = [case for case in suite if case.get("name") == "gate: r2 at least 0.9 (warn)"]
    assert "below the limit" in warned[0].findtext("system-out")


def test_junit_of_a_failing_cell_has_its_error_without_colours() -> None:
    (suite,) = ElementTree.fromstring(report.report_as("junit", failing()))

    (case,) = [case for case in suite if case.get("name") == "cell 3 (cccc)"]
    assert (case[0].tag, case[0].get("type"), case[0].get("message")) == ("failure", "KeyError", "KeyError: 'arrival'")


# -- GitLab --------------------------------------------------------------------------------------------------


def test_code_quality_points_at_the_line_that_asked() -> None:
    found = json.loads(report.report_as("gitlab-codequality", refused()))

    assert [(one["location"]["path"], one["location"]["lines"]["begin"], one["severity"]) for one in found] == [
        ("params/staging.policy.yaml", 6, "major"),
        ("params/staging.policy.yaml", 8, "minor"),
    ]
    assert len({one["fingerprint"] for one in found}) == 2
    assert found[0]["description"] == "train_delay in staging: mae is 12.874, above the limit of 12"


def test_code_quality_of_a_pass_is_empty_and_of_a_failing_cell_names_the_notebook() -> None:
    assert json.loads(report.report_as("gitlab-codequality", passing())) == []
    (found,) = json.loads(report.report_as("gitlab-codequality", failing()))
    assert found["location"] == {"path": "notebooks/train_delay.ipynb", "lines": {"begin": 1}}


@pytest.mark.parametrize("subject", SUBJECTS)
def test_openmetrics_has_one_number_a_line_and_an_end(subject) -> None:
    lines = report.report_as("openmetrics", subject()).splitlines()

    assert lines[-1] == "# EOF"
    sample = re.compile(r'nbpromote_[a-z]+\{([a-z]+="([^"\\\n]|\\.)*",?)+\} -?\d[\d.e+-]*')
    assert all(line.startswith("# ") or sample.fullmatch(line) for line in lines)
    assert len(lines) == len(set(lines))


def test_openmetrics_tells_metrics_measures_and_the_verdict() -> None:
    told = report.report_as("openmetrics", refused())

    around = 'notebook="train_delay",environment="staging"'
    assert f'nbpromote_metric{{{around},name="mae"}} 12.874\n' in told
    assert f'nbpromote_measure{{{around},name="time"}} 3.93\n' in told
    assert f"nbpromote_passed{{{around}}} 0.0\n" in told
