"""The page: what it shows, that it is light, and that nothing in it can run. In a real browser: test_browser."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from nbformat import v4, writes

from nbpromote import gate, report
from nbpromote.model import Cell, Deployment, Ending, Evidence, Outcome
from nbpromote.report.pages import metrics, notebook, weight
from nbpromote.report.pages.harmless import harmless
from nbpromote.report.pages.scale import Scale, drawing
from nbpromote.report.pages.sheet import Sheet
from nbpromote.report.verdict import headline, remarks
from records import (
    GATES,
    PICTURE,
    PIXEL,
    Outline,
    different,
    executed,
    failing,
    framed,
    hostile,
    passing,
    refused,
)

ROOM = 400_000

# -- the verdict ---------------------------------------------------------------------------------------------


def test_the_verdict_of_each_kind_is_one_line(good: Evidence) -> None:
    gone_live = replace(refused(), attempt=(replace(refused().attempt[0], step="verified"),), decision=None)

    assert headline(passing()).said == "Passed"
    assert headline(failing()).said == "Not passed"
    assert headline(refused()).said == "Refused at staging"
    assert headline(gone_live).said == "Went live in staging"
    assert headline(replace(gone_live, is_live=True)).said == "Live in staging"
    assert headline(different()).said == "Different"
    assert headline(different()).told == "1 metric, 1 figure, 1 cell, 1 scrap, 1 parameter, 1 package, 1 file"
    assert headline(refused()).told == "1 of 3 gates refuses · 1 of 1 check passed · 2 of 2 cells ran in 3.9 s"


def test_a_run_that_the_gates_would_refuse_does_not_look_passed() -> None:
    verdict = headline(replace(refused(), kind=report.Kind.RUN))

    assert (verdict.level, verdict.said) == ("no", "Passed, and staging would refuse it")


def test_what_went_live_and_would_not_today_is_no_plain_yes() -> None:
    subject = replace(refused(), kind=report.Kind.RELEASE, attempt=(replace(refused().attempt[0], step="verified"),))

    assert (headline(subject).level, headline(subject).said) == ("warn", "Went live in staging")


def test_each_reason_is_told_once_with_the_line_that_asks() -> None:
    told = [(remark.level, remark.text, remark.where) for remark in remarks(refused())]

    assert told == [
        ("no", "mae is 12.874, above the limit of 12", "params/staging.policy.yaml:6"),
        ("warn", "r2 is 0.812, below the limit of 0.9", "params/staging.policy.yaml:8"),
    ]


def test_the_failing_cell_is_told_by_its_error_and_not_again_by_its_check() -> None:
    assert [remark.text for remark in remarks(failing())] == ["cell 3 of 3 (cccc) failed: KeyError: 'arrival'"]


def test_a_run_of_which_nothing_was_asked_says_so(good: Evidence) -> None:
    (remark,) = remarks(report.Subject(evidence=replace(good, checks=())))

    assert remark.text == "no check proves that every cell ran to the end"


# -- numbers to pictures -------------------------------------------------------------------------------------


def test_relative_limits_are_drawn_where_the_gate_ends() -> None:
    mae, r2, rows, scored = metrics.metrics(Sheet(refused()))["rows"]

    assert [(limit.label, limit.broken) for limit in mae.drawn.limits] == [("≤ 12", True), ("≤ 13.58", False)]
    assert (mae.mood, r2.mood, rows.mood) == ("better", "better", "")
    assert mae.change == "-0.436 (-3.3 %)"
    assert (mae.outcome, r2.outcome, rows.outcome) == ("refused", "warning", "")
    assert (scored.name, scored.told) == ("mae on holdout", "1,000 rows · 95 % sure: 12.4 to 13.4")
    assert scored.drawn.span.start < scored.drawn.candidate < scored.drawn.span.start + scored.drawn.span.length


def test_of_slices_the_worst_comes_first() -> None:
    (group,) = metrics.slices(Sheet(refused()))

    assert [row.name for row in group["rows"]] == ["EV", "UA"]
    assert group["title"] == "mae on holdout by carrier"


@pytest.mark.parametrize("values", [(0.0, 0.0), (-3.0, 2.0), (1e-9, 1e12), (5.0, 5.0), (1e308, -1e308)])
def test_nothing_that_is_drawn_leaves_the_picture(values: tuple[float, float]) -> None:
    drawn = drawing("x", *values, gates=GATES)

    places = [drawn.candidate, drawn.live, *(limit.at for limit in drawn.limits)]
    assert all(0 <= place <= 100 for place in places)


def test_a_number_that_is_none_is_not_drawn(good: Evidence) -> None:
    subject = replace(refused(), evidence=replace(good, metrics={"mae": float("nan")}))

    assert metrics.metrics(Sheet(subject))["rows"][0].drawn is None
    assert Scale([float("inf"), None]).at(1) <= 100


# -- the page ------------------------------------------------------------------------------------------------


def test_the_page_of_a_refusal_shows_everything_that_was_asked_and_compared() -> None:
    page = report.page(refused())

    outline = Outline(page)
    for word in ("Refused at staging", "brisk-otter", "calm-heron, live in staging since 2026-11-20 08:00", "12.87"):
        assert word in outline.words
    for word in ("-0.436 (-3.3 %)", "≤ 13.58", "mae at most 12", "ran-to-the-end", "1 of 2 numbers differs", "numpy"):
        assert word in outline.words
    for word in ("[1, 2, 3]", "params/staging.yaml:4", "by_month", "9,104", "constant", "2.4.1", "3.11.9, 2 cores"):
        assert word in outline.words
    assert [image["src"] for image in outline.all("img")] == [PICTURE] * 3
    assert "promote: refused" in outline.words


def test_the_page_of_a_first_run_has_no_other_side() -> None:
    outline = Outline(report.page(passing()))

    assert "nothing is live to compare with" in outline.words
    assert [image["alt"] for image in outline.all("img")] == ["Figure residuals, drawn by the notebook"]
    assert "<h1>Title</h1>" in framed(report.page(passing())).replace(' id="Title"', "")


def test_the_page_of_a_failing_run_says_why_on_top_and_shows_the_cell(bad: Evidence) -> None:
    cells = [v4.new_code_cell(source) for source in ("a = 1", "b = 2", "table['arrival']")]
    cells[2].outputs = [v4.new_output("error", ename="KeyError", evalue="'arrival'", traceback=["\x1b[31mKeyError: x"])]
    subject = replace(failing(), executed=writes(v4.new_notebook(cells=cells)))

    page = report.page(subject)

    told = ["cell 3 of 3 (cccc) failed: KeyError", 'id="failing"', "table[", "KeyError: x", 'id="metrics"']
    assert sorted(told, key=page.index) == told


@pytest.mark.parametrize("subject", [passing, failing, refused, different])
def test_a_screen_reader_finds_its_way(subject) -> None:
    page = report.page(subject())

    outline = Outline(page)
    names = [tag for tag, _ in outline.elements]
    levels = [int(tag[1]) for tag in names if re.fullmatch("h[1-6]", tag)]
    ids = [found["id"] for _, found in outline.elements if "id" in found]
    assert outline.all("html")[0]["lang"] == "en"
    assert (names.count("h1"), names.count("main"), names.count("header"), names.count("footer")) == (1, 1, 1, 1)
    assert all(after - before <= 1 for before, after in pairwise(levels)), levels
    assert all(cell.get("scope") for cell in outline.all("th"))
    assert all(image["alt"] for image in outline.all("img"))
    assert all(drawn.get("aria-label") for drawn in outline.all("svg"))
    assert all(part.get("aria-labelledby") in ids for part in outline.all("section"))
    assert len(ids) == len(set(ids))
    assert all(link["href"][1:] in ids for link in outline.all("a"))
    assert not outline.all("script")


@pytest.mark.parametrize("subject", [failing, refused, different])
def test_every_finding_can_be_reached_in_the_order_of_the_page(subject) -> None:
    outline = Outline(report.page(subject()))

    places = [remark.place for remark in remarks(subject())]
    spots = [found["id"] for _, found in outline.elements if found.get("id") in places and found.get("tabindex") == "0"]
    assert spots == places
    next_links = [link["href"][1:] for link in outline.all("a") if link.get("aria-label") == "next finding"]
    assert next_links == places[1:]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cells": 3}', "<html>"])
def test_a_notebook_that_cannot_be_read_leaves_the_rest_of_the_page(good: Evidence, text: str) -> None:
    page = report.page(report.Subject(evidence=good, executed=text))

    assert "cannot be read" in page
    assert not Outline(page).all("iframe")


def test_the_page_is_the_same_each_time() -> None:
    subject = refused()

    assert report.page(subject) == report.page(subject)


def test_templates_in_the_working_folder_are_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("basic", "classic", "base"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html.j2").write_text("owned")
        (tmp_path / name / "base.html.j2").write_text("owned")
    monkeypatch.chdir(tmp_path)

    assert "owned" not in report.page(passing())


# -- its weight ----------------------------------------------------------------------------------------------


def test_the_page_is_small_without_the_figures() -> None:
    assert weight(report.page(refused())) < 100_000


def test_a_huge_run_has_a_page_under_a_megabyte() -> None:
    assert weight(report.page(huge())) < 1_000_000


def huge() -> report.Subject:
    """Hundreds of everything that a notebook can make many of."""
    cells = [
        v4.new_code_cell(
            f"value_{n} = {{'a': {n}}}  # {'x' * 200}",
            outputs=[
                v4.new_output("stream", text="a line\n" * 500),
                v4.new_output("display_data", {"text/html": "<tr><td>1</td></tr>" * 2000, "text/plain": "1 " * 9000}),
            ],
        )
        for n in range(200)
    ]
    subject = refused()
    found, run = subject.comparison, subject.evidence.run
    lines = tuple(f"{sign}{'word ' * 90}" for sign in "-+ " for _ in range(60))
    many = [replace(found.cells[1], source=lines) for _ in range(80)]
    check = replace(subject.evidence.checks[0], outcome=Outcome.FAILED, details=("detail " * 60,) * 300)
    evidence = replace(
        subject.evidence,
        metrics={f"metric_{n}": float(n) for n in range(1000)},
        checks=(check,) * 30,
        contests=subject.evidence.contests * 1,
        scraps=(replace(subject.evidence.scraps[0], value=[{f"column {c}": r for c in range(40)} for r in range(50)]),)
        * 20,
        run=replace(
            run,
            cells=tuple(Cell(number=n, id=f"c{n}", ending=Ending.OK, seconds=1, memory=n) for n in range(1, 301)),
            parameters={f"p{n}": "long " * 1000 for n in range(300)},
            packages={f"package-{n}": "1.2.3" for n in range(1000)},
            notes=("a note " * 20,) * 500,
        ),
    )
    comparison = replace(
        found, cells=tuple(many), parameters=tuple(replace(found.parameters[0], before="x " * 2000) for _ in range(250))
    )
    return replace(subject, evidence=evidence, comparison=comparison, executed=writes(v4.new_notebook(cells=cells)))


# -- the notebook in its frame -------------------------------------------------------------------------------


def test_plain_pictures_and_tables_of_a_notebook_are_kept() -> None:
    kept = (
        '<table class="dataframe"><tr><td style="text-align: right">1</td></tr></table>'
        f'<img src="data:image/png;base64,{PIXEL}">'
        "<style>#T_1 {color: red}</style><details open><summary>more</summary></details>"
    )
    output = v4.new_output("display_data", {"text/html": kept, "text/plain": "x"})

    document = notebook.document(notebook.read(executed(output)), ROOM)

    for part in (
        '<td style="text-align: right">1</td>',
        PIXEL,
        "#T_1 {color: red}",
        "<summary>more</summary>",
    ):
        assert part in document


@pytest.mark.parametrize(
    ("html", "left"),
    [
        ("<p>a &amp; b</p>", "<p>a &amp; b</p>"),
        ("a<br/>b<img alt='c'/>", 'a<br>b<img alt="c">'),
        ("<script>x</script>y", "y"),
        ("<svg><svg>x</svg></svg>y", "y"),
        ("<svg/>y<embed src=x>z", "yz"),
        ("<custom-tag onclick=x>y</custom-tag>", "y"),
        ("<a href=' javascript:x'>y</a><a href='#z'>z</a>", '<a>y</a><a href="#z">z</a>'),
        ("<img src='http://x'><img src='data:text/html,x'>", "<img><img>"),
        ("<p title='\"><script>'>x</p>", '<p title="&quot;&gt;&lt;script&gt;">x</p>'),
        ("<style>a > b {content: '<!--'}</style>", "<style>a > b {content: '\\3c !--'}</style>"),
        (
            "<p style='color: red; background: url(http://x)'>x</p>",
            '<p style="color: red; background: none(http://x)">x</p>',
        ),
        ("<style>@import 'http://x'; a {b: u\\rl(//x)}</style>", "<style> a {b: none(//x)}</style>"),
        ("<style>a {b: url(data:image/png;base64,AA)}</style>", "<style>a {b: url(data:image/png;base64,AA)}</style>"),
        ("<!-- <p> --><!DOCTYPE x><?php x ?>y", "y"),
        ("&lt;script&gt;", "&lt;script&gt;"),
    ],
)
def test_what_may_stay_is_listed(html: str, left: str) -> None:
    assert harmless(html) == left


def test_a_picture_is_preferred_to_a_script_or_widget() -> None:
    output = v4.new_output(
        "display_data",
        {
            "application/javascript": "x()",
            "application/vnd.jupyter.widget-view+json": {"model_id": "x"},
            "image/png": PIXEL,
            "text/plain": "x",
        },
    )

    assert PIXEL in notebook.document(notebook.read(executed(output)), ROOM)


def test_what_is_left_out_of_a_long_output_is_said() -> None:
    table = v4.new_output("display_data", {"text/html": "<td>1</td>" * 90_000, "text/plain": "1 " * 90_000})

    document = notebook.document(notebook.read(executed(table)), ROOM)

    assert "160,000 letters are left out here" in document
    assert "<td>" not in document


# -- a notebook that means harm ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", report.Kind)
def test_harm_in_names_values_and_outputs_stays_words(kind: report.Kind) -> None:
    page = report.page(replace(hostile("http://evil.example/"), kind=kind))

    outline, frame = Outline(page), Outline(framed(page))
    for document in (outline, frame):
        assert not document.all("script")
        assert not document.handlers
        assert document.policies == [notebook.CSP]
        assert {tag for tag, _ in document.elements}.isdisjoint({"link", "base", "form", "object", "embed", "button"})
    assert len(outline.all("iframe")) == 1
    assert outline.all("iframe")[0]["sandbox"] is None, "nothing is allowed in the frame"
    for document in (outline, frame):
        addresses = [
            value for _, found in document.elements for name, value in found.items() if name in ("src", "href")
        ]
        assert all((address or "").startswith(("data:image/", "#")) for address in addresses)
    assert "default-src 'none'" in notebook.CSP


def test_no_order_to_a_terminal_and_no_mark_that_turns_text_around_is_on_the_page(live: Deployment) -> None:
    trick = "ok\x1b[2J\r\x08\u202e\x9b31m"
    subject = replace(passing(), name=trick, rival=report.Rival.of_live(replace(live, alias=trick)))

    page = report.page(subject)

    assert all(letter in "\n\xa0" or letter.isprintable() for letter in page)


def test_gates_of_today_are_asked_of_what_is_shown(good: Evidence, live: Deployment) -> None:
    decision = gate.decide(good, GATES, live=live, environment="staging")

    assert "mae at most 2 % above live" in Outline(report.page(replace(passing(), decision=decision))).words
