"""Data contracts that name a schema of pandera's: asked in a kernel of the notebook's own environment, at its end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from nbpromote import execute, notebook, tables
from nbpromote.errors import Error
from nbpromote.execute import Job, Witness
from nbpromote.model import Breach, DataRule, Judged, Run
from nbpromote.secrets import Scanner


def begin(job: Job) -> Witness | None:
    """Who will be asked, being warmed while the notebook runs; None where there is nothing to ask, or nobody."""
    if not any(_named(job.draft)) or notebook.language(job.node) != "python":
        return None
    kernel = job.environment.kernel or notebook.kernel(job.node) or "python3"
    return execute.witness(kernel, job.environment.pass_env, preload=tables.WARMING, given={})


def judged(run: Run, witness: Witness | None, scanner: Scanner) -> Run:
    """The run with what the schemas say of its inputs and outputs, by the sealed files that lie in its folder."""
    asked = {name: rule for name, rule in _named(run) if _place(run, name).exists()}
    if not asked or run.failure is not None:
        return run
    if witness is None:
        return replace(run, judged=dict.fromkeys(asked, Judged(error="only Python kernels can be asked")))
    try:
        questions = [_question(run, name, rule) for name, rule in asked.items()]
        found = tables.answers(witness.ask(tables.question(questions), {}))
    except Error as error:
        found = dict.fromkeys(asked, Judged(error=scanner.redact(str(error))))
    missing = Judged(error="the kernel gave no answer")
    return replace(run, judged={name: _clean(found.get(name, missing), scanner) for name in asked})


def _named(run: Run) -> Iterator[tuple[str, DataRule]]:
    for rules in (run.contract.inputs, run.contract.outputs):
        yield from ((name, rule) for name, rule in rules.items() if rule.schema)


def _place(run: Run, name: str) -> Path:
    return run.candidates[name] if name in run.outputs else Path(run.reads[name])


def _question(run: Run, name: str, rule: DataRule) -> tables.Question:
    code = run.folder / "code"
    schema, _, attribute = str(rule.schema).partition(":")
    bases = (PurePosixPath(run.path).parent, PurePosixPath(), PurePosixPath("src"))
    return tables.Question(
        name=name,
        schema=str(code / schema),
        attribute=attribute,
        data=str(_place(run, name)),
        path=tuple(str(code / base) for base in bases),
    )


def _clean(said: Judged, scanner: Scanner) -> Judged:
    """Values of a table are nobody's business in a record when they are secrets."""
    breaches = tuple(_without(breach, scanner) for breach in said.breaches)
    return replace(said, breaches=breaches, error=scanner.redact(said.error))


def _without(breach: Breach, scanner: Scanner) -> Breach:
    return replace(
        breach,
        column=scanner.redact(breach.column),
        check=scanner.redact(breach.check),
        rows=tuple(map(scanner.redact, breach.rows)),
        values=tuple(map(scanner.redact, breach.values)),
    )
