"""Findings for people and for those who collect them: text as linters write it, JSON, JUnit, SARIF, GitHub."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from nbpromote.model import Finding, Json, Severity
from nbpromote.report import words
from nbpromote.report.layout import Paint
from nbpromote.report.suites import Case, Suite
from nbpromote.report.suites import junit as written


def findings_as(
    form: str,
    found: Sequence[Finding],
    looked_at: Iterable[str],
    descriptions: Mapping[str, str],
    *,
    colour: bool = False,
) -> str:
    """In one of the forms `text`, `json`, `junit`, `sarif` and `github`."""
    forms: Mapping[str, Callable[[], str]] = {
        "text": lambda: findings(found, colour=colour),
        "json": lambda: _document(findings_json(found)),
        "junit": lambda: junit(found, looked_at),
        "sarif": lambda: _document(sarif(found, descriptions)),
        "github": lambda: github(found),
    }
    return forms[form]()


def _document(plain: Mapping[str, Json]) -> str:
    return json.dumps(plain, indent=2, ensure_ascii=False)


def findings(findings: Sequence[Finding], *, colour: bool = False) -> str:
    """`path:line:column: code message`, with cell and hint, and a count at the end."""
    paint = Paint(colour)
    lines = []
    for finding in findings:
        code = f"{paint(finding.code, _colour(finding))} " if finding.code else ""
        lines.append(
            f"{paint(words.line(_place(finding)), 'bold')}: {code}{words.line(finding.message)}{_cell(finding)}"
        )
        lines += [f"    {words.line(finding.hint)}"] if finding.hint else []
    return "\n".join([*lines, _summary(findings, paint)])


def _place(finding: Finding) -> str:
    return ":".join(str(part) for part in (finding.path, finding.line, finding.column) if part is not None)


def _cell(finding: Finding) -> str:
    if finding.cell is None:
        return f" [{words.line(finding.cell_id)}]" if finding.cell_id else ""
    return f" [cell {finding.cell}" + (f", {words.line(finding.cell_id)}]" if finding.cell_id else "]")


def _colour(finding: Finding) -> str:
    return "red" if _fails(finding) else "yellow"


def _fails(finding: Finding) -> bool:
    return finding.severity is Severity.ERROR


def _summary(findings: Sequence[Finding], paint: Paint) -> str:
    errors = sum(_fails(finding) for finding in findings)
    warnings = len(findings) - errors
    if not findings:
        return paint("no problem found", "green")
    told = [_counted(errors, "problem")] if errors else ["no problem"]
    told += [_counted(warnings, "warning")] if warnings else []
    return paint(f"{' and '.join(told)} found", "red" if errors else "yellow")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count > 1 else ''}"


def findings_json(findings: Sequence[Finding]) -> dict[str, Json]:
    return {
        "findings": [
            {
                "code": finding.code,
                "severity": finding.severity.value,
                "path": finding.path,
                "line": finding.line,
                "column": finding.column,
                "cell": finding.cell,
                "cell_id": finding.cell_id,
                "message": finding.message,
                "hint": finding.hint,
            }
            for finding in findings
        ]
    }


# -- JUnit ---------------------------------------------------------------------------------------------------


def junit(findings: Sequence[Finding], looked_at: Iterable[str] = ()) -> str:
    """One suite a file, one case a finding. Files of `looked_at` without a finding have one case that passed."""
    by_path = {path: [f for f in findings if f.path == path] for path in (*looked_at, *(f.path for f in findings))}
    suites = [
        Suite(name=path, cases=[_case(finding) for finding in found] or [Case(name="check", place=path)])
        for path, found in by_path.items()
    ]
    return written("nbpromote check", suites)


def _case(finding: Finding) -> Case:
    """A warning is a case that passed, with what was said in its output."""
    return Case(
        name=f"{finding.code} {_place(finding)}{_cell(finding)}".strip(),
        place=finding.path,
        outcome="failure" if _fails(finding) else "",
        message=finding.message,
        text="\n".join(part for part in (finding.message, finding.hint) if part),
        kind=finding.code,
    )


# -- GitLab --------------------------------------------------------------------------------------------------


def codequality(findings: Sequence[Finding]) -> list[dict[str, Json]]:
    """GitLab's report of code quality, which it shows beside the changes of a merge request."""
    return [
        {
            "description": words.line(finding.message + _cell(finding) + (f": {finding.hint}" if finding.hint else "")),
            "check_name": finding.code or "nbpromote",
            "fingerprint": _fingerprint(finding),
            "severity": "major" if _fails(finding) else "minor",
            "location": {"path": finding.path, "lines": {"begin": finding.line or 1}},
        }
        for finding in findings
    ]


# -- SARIF ---------------------------------------------------------------------------------------------------

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(findings: Sequence[Finding], descriptions: Mapping[str, str], *, version: str = "") -> dict[str, Json]:
    """SARIF 2.1.0, as code hosts take it. `descriptions` are of all codes that could be found."""
    codes = sorted({*descriptions, *(finding.code for finding in findings)})
    rules = [
        {
            "id": code,
            "shortDescription": {"text": descriptions.get(code) or code},
            "help": {"text": "docs/checks.md says what each code means"},
        }
        for code in codes
    ]
    driver = {"name": "nbpromote", **({"semanticVersion": version} if version else {}), "rules": rules}
    results = [_result(finding, codes.index(finding.code)) for finding in findings]
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }


def _result(finding: Finding, rule: int) -> dict[str, Json]:
    place: dict[str, Json] = {"artifactLocation": {"uri": _uri(finding.path), "uriBaseId": "%SRCROOT%"}}
    if finding.line:
        place["region"] = {"startLine": finding.line, **({"startColumn": finding.column} if finding.column else {})}
    location: dict[str, Json] = {"physicalLocation": place}
    if finding.cell is not None:
        name = f"cell {finding.cell}"
        location["logicalLocations"] = [
            {"name": name, "fullyQualifiedName": f"{finding.path} {name}", "kind": "element"}
        ]
    text = f"{finding.message}. {finding.hint}" if finding.hint else finding.message
    return {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": finding.severity.value,
        "message": {"text": text},
        "locations": [location],
        "partialFingerprints": {"nbpromote/v1": _fingerprint(finding)},
    }


def _uri(path: str) -> str:
    from urllib.parse import quote

    return quote(path)


def _fingerprint(finding: Finding) -> str:
    """The same for the same finding after lines have moved: the cell's id stays, its line does not."""
    message = re.sub(r" \(line \d+ of the cell\)", "", finding.message)
    said = json.dumps([finding.code, finding.path, finding.cell_id, message])
    return hashlib.sha256(said.encode()).hexdigest()[:32]


# -- GitHub --------------------------------------------------------------------------------------------------


def github(findings: Sequence[Finding]) -> str:
    """Annotations of a GitHub workflow, one line each."""
    return "\n".join(_annotation(finding) for finding in findings)


def _annotation(finding: Finding) -> str:
    given = {"file": finding.path, "line": finding.line, "col": finding.column, "title": finding.code}
    properties = ",".join(f"{key}={_property(str(value))}" for key, value in given.items() if value)
    hint = f"\n{finding.hint}" if finding.hint else ""
    return f"::{finding.severity.value} {properties}::{_data(words.clean(finding.message + _cell(finding) + hint))}"


def _data(text: str) -> str:
    """As GitHub's own toolkit escapes: `%` first, so that nothing is escaped twice."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
