"""JUnit XML, as CI hosts take it: the one writer. Of records it knows checks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from nbpromote.model import Check, Outcome
from nbpromote.report import words


@dataclass(frozen=True, kw_only=True)
class Case:
    """`outcome` is failure, error or skipped; empty for a case that passed, whose text is what it printed."""

    name: str
    place: str  # the notebook or the file
    outcome: str = ""
    message: str = ""
    text: str = ""
    seconds: float | None = None
    kind: str = ""


@dataclass(frozen=True, kw_only=True)
class Suite:
    name: str
    cases: Sequence[Case]
    seconds: float | None = None

    def count(self, outcome: str) -> int:
        return sum(case.outcome == outcome for case in self.cases)


OUTCOMES = {
    Outcome.FAILED: "failure",
    Outcome.INCONCLUSIVE: "failure",
    Outcome.ERRORED: "error",
    Outcome.SKIPPED: "skipped",
}


def case_of(check: Check, notebook: str) -> Case:
    return Case(
        name=check.name,
        place=notebook,
        outcome=OUTCOMES.get(check.outcome, ""),
        message=check.summary if check.outcome in OUTCOMES else "",
        text="\n".join(check.details) if check.outcome in OUTCOMES else "",
    )


def junit(name: str, suites: Sequence[Suite], *, seconds: float | None = None) -> str:
    """A whole document; each suite and all of them together are counted."""
    root = _element("testsuites", name, suites, seconds)
    for suite in suites:
        element = _element("testsuite", suite.name, [suite], suite.seconds)
        element.extend(map(_case, suite.cases))
        root.append(element)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode")


def _element(tag: str, name: str, suites: Sequence[Suite], seconds: float | None) -> ElementTree.Element:
    counts = {"tests": sum(len(suite.cases) for suite in suites)}
    for key, outcome in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        counts[key] = sum(suite.count(outcome) for suite in suites)
    time = {} if seconds is None else {"time": f"{seconds:.3f}"}
    return ElementTree.Element(tag, {"name": _xml(name), **{key: str(n) for key, n in counts.items()}, **time})


def _case(case: Case) -> ElementTree.Element:
    element = ElementTree.Element("testcase", name=_xml(case.name), classname=_xml(case.place))
    if case.seconds is not None:
        element.set("time", f"{case.seconds:.3f}")
    if case.outcome:
        told = ElementTree.SubElement(element, case.outcome, message=_xml(case.message))
        if case.kind:
            told.set("type", _xml(case.kind))
        told.text = _xml(case.text)
    elif case.text:
        ElementTree.SubElement(element, "system-out").text = _xml(case.text)
    return element


# what XML 1.0 has no place for
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _xml(text: str) -> str:
    return _NO_XML.sub("", words.clean(text))
