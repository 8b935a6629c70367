"""Candidate and live, scored on the same rows, where a policy asks for that before a run is judged."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbpromote import files, tables, validate
from nbpromote.errors import Error, nearest
from nbpromote.model import Contest, Deployment, Environment, Evaluation, Gate, Mode, Run, sha256
from nbpromote.workflow.evidence import witnessing
from nbpromote.workflow.site.lineage import Seen

if TYPE_CHECKING:
    from nbpromote.validate.contests import Rows


@dataclass(frozen=True, kw_only=True)
class Ring:
    """Where contests are held: the gates that ask for some, the live model that answers, and its kernel's variables.

    `redact` takes secrets out of what rows say.
    """

    gates: tuple[Gate, ...] = ()
    live: Deployment | None = None
    pass_env: tuple[str, ...] = ()
    redact: Callable[[str], str] = str

    @classmethod
    def of(cls, environment: Environment, live: Deployment | None, *, redact: Callable[[str], str] = str) -> Ring:
        asked = tuple(gate for gate in environment.policy.gates if gate.on and gate.mode is not Mode.OFF)
        return cls(gates=asked, live=live, pass_env=environment.pass_env, redact=redact)

    def warm(self) -> None:
        """Begin what the live model will be asked in, while something else goes on."""
        if self.live and self.live.model and any(gate.relative for gate in self.gates):
            witnessing.witness(self.live.kernel, self.pass_env)


def contests(run: Run, executed: Any, ring: Ring) -> tuple[Contest, ...]:
    """Every contest that the gates ask for, each once; of a run that did not reach its end, none."""
    if run.failure is not None:
        return ()
    evaluations = dict.fromkeys(gate.on for gate in ring.gates if gate.on)
    found = (contest for on in evaluations for contest in _on_table(on, run, executed, ring))
    return tuple(replace(each, of=ring.redact(each.of), trouble=ring.redact(each.trouble)) for each in found)


def _on_table(on: str, run: Run, executed: Any, ring: Ring) -> tuple[Contest, ...]:
    gates = [gate for gate in ring.gates if gate.on == on]
    against = ring.live if any(gate.relative for gate in gates) else None
    asked = tuple(dict.fromkeys(_asked(gate, against) for gate in gates))
    try:
        with tempfile.TemporaryDirectory(prefix="nbpromote-table-") as folder:
            return tuple(_held(asked, run, executed, replace(ring, live=against), Path(folder)))
    except ValueError as error:
        trouble = str(error)
    except Exception as error:  # a contest that cannot be held must not cost the run its evidence
        trouble = f"could not be held: {type(error).__name__}: {error}"
    return tuple(replace(one, trouble=trouble) for one in asked)


def _held(asked: Sequence[Contest], run: Run, executed: Any, ring: Ring, folder: Path) -> Iterator[Contest]:
    from nbpromote.validate.contests import held  # numpy: 0.1 s

    evaluation = _evaluation(run, asked[0].on)
    table, digest = _table(run, executed, evaluation, folder)
    rows = _rows(table, digest, evaluation)
    if ring.live is not None:
        rows = _with_live(rows, ring.live, table, pass_env=ring.pass_env)
    for one in asked:
        try:
            slices = tables.columns(table, (one.by,))[one.by] if one.by else None
        except ValueError as error:
            yield replace(one, trouble=str(error))
            continue
        yield from held(one, replace(rows, slices=slices))


def _asked(gate: Gate, against: Deployment | None) -> Contest:
    return Contest(
        metric=gate.metric or "",
        on=gate.on or "",
        by=gate.by or "",
        confidence=gate.confidence,
        against=against.run if against else "",
    )


def _evaluation(run: Run, on: str) -> Evaluation:
    found = run.contract.evaluations
    if on not in found:
        where = run.contract.path or f"{run.path.rsplit('.', 1)[0]}.contract.yaml"
        known = ", ".join(found) or "none"
        raise ValueError(f"{where} has no evaluation {on!r}{nearest(on, found)} (evaluations: {known})")
    return found[on]


def _table(run: Run, executed: Any, evaluation: Evaluation, folder: Path) -> tuple[Path, str]:
    """What the run wrote for a declared output, or a glued table as a file in `folder`; and its digest."""
    name = evaluation.on
    if name in run.outputs:
        written = run.files[name].sha256 if name in run.files else ""
        # the run that a copied model comes from may be gone from here, and what it published not
        for path in (run.candidates[name], Path(run.outputs[name])):
            found = Seen().measure(str(path))
            if found and found.sha256 == written:
                return path, written
        raise ValueError(f"the table {name!r} of run {run.id} is not on this machine: {_RUN_IT}")
    glued = validate.glued_table(executed, name)
    if glued is None:
        raise ValueError(f"evaluation on {name!r}: the run has no such declared output and no such glued table")
    return files.write(folder / "glued.parquet", glued), sha256(glued)


_RUN_IT = "with strategy retrain it is written here; a gate without `on` needs none"


def _rows(table: Path, digest: str, evaluation: Evaluation) -> Rows:
    from nbpromote.validate.contests import Rows

    found = tables.columns(table, (evaluation.target, evaluation.prediction))
    return Rows(truth=found[evaluation.target], candidate=found[evaluation.prediction], digest=digest)


def _with_live(rows: Rows, live: Deployment, table: Path, *, pass_env: tuple[str, ...]) -> Rows:
    try:
        said = witnessing.said_of_rows(live, table, pass_env=pass_env)
    except Error as error:  # whoever cannot be asked has not lost
        return replace(rows, missing=str(error))
    if len(said) != len(rows.truth):
        return replace(rows, missing=f"the live model gave {len(said)} answers for {len(rows.truth)} rows")
    return replace(rows, live=said)
