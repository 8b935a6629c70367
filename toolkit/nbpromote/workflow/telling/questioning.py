"""A run as a list of questions that are known before it is made, each with its answer: what the pytest plugin asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nbpromote import gate as gates
from nbpromote import notebook, release, validate
from nbpromote.errors import NotFound
from nbpromote.model import Check, Decision, Evidence, Gate, Mode, Outcome
from nbpromote.project import Project
from nbpromote.report import words
from nbpromote.workflow.evidence import accepting, naming, running
from nbpromote.workflow.site import Site

Question = int | str | Gate  # the number of a cell, the name of a check, a gate


@dataclass(frozen=True, kw_only=True)
class Questions:
    """What a run of one notebook in one environment is asked, in order."""

    notebook: str
    environment: str
    cells: tuple[int, ...]  # that hold code
    checks: tuple[str, ...]
    gates: tuple[Gate, ...]

    def __iter__(self) -> Iterator[Question]:
        yield from self.cells
        yield from self.checks
        yield from self.gates


@dataclass(frozen=True, kw_only=True)
class Answers:
    evidence: Evidence
    decision: Decision

    def to(self, question: Question) -> Check:
        """Whatever was asked and not answered is no pass."""
        if isinstance(question, Gate):
            return self._gate(question)
        if isinstance(question, int):
            return self._cell(question)
        return self.evidence.check(question) or _unanswered(question, "this run was not asked it")

    def _cell(self, number: int) -> Check:
        run, name = self.evidence.run, told(number)
        cell = next((cell for cell in run.cells if cell.number == number), None)
        if cell is None:
            return _unanswered(name, "the account of the run lacks it, so nothing proves that it ran")
        if cell.ending.good:
            return Check(name=name, outcome=Outcome.PASSED, summary="it ran to its end")
        details = [words.failure(first, of=len(run.cells)) for first in (run.failure,) if first and first is not cell]
        summary = words.failure(cell, of=len(run.cells))
        return Check(name=name, outcome=Outcome.FAILED, summary=summary, details=tuple(details))

    def _gate(self, gate: Gate) -> Check:
        """A gate that only warns fails nothing, and says what it saw."""
        name = told(gate)
        verdict = next((verdict for verdict in self.decision.verdicts if verdict.gate == gate), None)
        if verdict is None:
            return _unanswered(name, "it was not asked")
        warns = verdict.outcome.blocks and not verdict.refuses
        return Check(name=name, outcome=Outcome.SKIPPED if warns else verdict.outcome, summary=verdict.reason)


def told(question: Question) -> str:
    """`cell[3]`, `check[outputs-match]`, `gate[mae at most 30]`: to choose from, one line each."""
    if isinstance(question, Gate):
        return f"gate[{words.gate(question)}]"
    return f"cell[{question}]" if isinstance(question, int) else f"check[{words.line(question)}]"


def _unanswered(name: str, why: str) -> Check:
    return Check(name=name, outcome=Outcome.INCONCLUSIVE, summary=why)


def questions(project: Project, name: str, *, env: str | None = None) -> Questions:
    """What a run of the notebook will be asked; the code is what `run` would take."""
    site = Site(project)
    environment = site.require(env or site.entry())
    return _questions(site, name, environment, _to_run(site, name, environment), tuple(validate.CHECKS))


def questions_of(project: Project, run_id: str) -> Questions:
    """What a run that was made has been asked, and the gates of its environment."""
    site, evidence = Site(project), accepting.find_evidence(project, run_id)
    run = evidence.run
    node = notebook.parse("notebook.ipynb", run.notebook_file.read_bytes())
    return _questions(site, run.notebook, run.environment, node, tuple(check.name for check in evidence.checks))


def answers(project: Project, asked: Questions, *, run_id: str | None = None) -> Answers:
    """Of a run that is made now, or was."""
    if run_id:
        evidence = accepting.find_evidence(project, run_id)
    else:
        evidence = running.run(project, asked.notebook, env=asked.environment)
    rival = naming.rival(Site(project), evidence)
    decision = gates.decide(evidence, asked.gates, live=rival, environment=asked.environment)
    return Answers(evidence=evidence, decision=decision)


def _questions(site: Site, name: str, environment: str, node: Any, checks: tuple[str, ...]) -> Questions:
    demanded = site.policy(environment, name).gates if environment in site.environments else ()
    return Questions(
        notebook=name,
        environment=environment,
        cells=tuple(number for number, cell in enumerate(validate.code_cells(node), 1) if cell.source.strip()),
        checks=checks,
        gates=tuple(gate for gate in demanded if gate.mode is not Mode.OFF),
    )


def _to_run(site: Site, name: str, environment: str) -> Any:
    """The working tree's notebook where work starts, else the live release's, else HEAD's."""
    pair = site.pair(name)
    if site.policy(environment, "").is_entry:
        return notebook.read(pair)
    live = site.ledger.state(environment)[pair.name].live
    if live is not None and not live.adopted:
        sealed = release.open_(site.store, live.release)
        return notebook.parse(sealed.path, site.store.get(sealed.files[f"code/{sealed.path}"].sha256))
    path = site.project.relative(pair.path)
    data = site.git.read("HEAD", path) if site.git.head() else None
    if data is None:
        hint = f"above the entry environment code comes from HEAD: git add {path}"
        raise NotFound(f"{path} is not committed", hint=hint)
    return notebook.parse(path, data)
