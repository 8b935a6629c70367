"""A project whose notebook is accepted and live, and what is said of each mutated copy of it: real runs, real gates."""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd

from ground import Ground, begun
from mutations import example
from mutations.table import FAILS, INCONCLUSIVE, PASSES, Left, Mutation
from nbpromote import gate, notebook, validate, workflow
from nbpromote.model import Check, Decision, Deployment, Evidence, Outcome
from nbpromote.report import words
from nbpromote.validate import Reference
from nbpromote.workflow.site import Site

_OUTCOMES = {FAILS: Outcome.FAILED, INCONCLUSIVE: Outcome.INCONCLUSIVE}


@dataclass(frozen=True)
class Said:
    """What came of one copy."""

    evidence: Evidence
    decision: Decision

    @property
    def verdict(self) -> str:
        """As a reviewer would put it: what is wrong weighs more than what cannot be told."""
        found = {check.outcome for _, check in self.objections}
        if self.evidence.passed and self.decision.allowed:
            assert not found
            return PASSES
        return FAILS if Outcome.FAILED in found else INCONCLUSIVE

    @property
    def objections(self) -> list[tuple[str, Check]]:
        """Every check and gate that blocks, by the name that a reader sees."""
        gates = [
            (words.gate(one.gate), Check(name="", outcome=one.outcome, summary=one.reason))
            for one in self.decision.verdicts
            if one.refuses
        ]
        return [(check.name, check) for check in self.evidence.unmet] + gates

    def by(self, name: str) -> str:
        """What a check or a gate had to object; empty where it had nothing."""
        return "\n".join(f"{c.outcome}: {c.summary}\n" + "\n".join(c.details) for n, c in self.objections if n == name)

    @property
    def told(self) -> str:
        return "\n".join(f"{name} {check.outcome}: {check.summary}" for name, check in self.objections) or "nothing"


@dataclass(frozen=True)
class Original:
    """The project that every mutation is a copy of."""

    ground: Ground
    table: pd.DataFrame
    evidence: Evidence

    @property
    def live(self) -> Deployment:
        found = self._site.ledger.state("dev")[example.NAME].live
        assert found is not None
        return found

    @cached_property
    def _site(self) -> Site:
        return Site(self.ground.project)

    @cached_property
    def _accepted(self) -> Any:
        return nbformat.read(self._notebook, as_version=4)

    @property
    def _notebook(self) -> Path:
        return self.ground.root / f"notebooks/{example.NAME}.ipynb"

    def judge(self, mutation: Mutation) -> Said:
        evidence = self._shown(mutation) if mutation.left else self._ran(mutation)
        gates = self._site.policy("dev", example.NAME).gates
        return Said(evidence, gate.decide(evidence, gates, live=self.live, environment="dev"))

    def _shown(self, mutation: Mutation) -> Evidence:
        """What is asked of a record, where nothing of the notebook changed."""
        assert mutation.left is not None
        run = self.evidence.run
        executed = notebook.parse("notebook.ipynb", run.notebook_file.read_bytes())
        left = mutation.left(Left(run=run, executed=executed, accepted=copy.deepcopy(self._accepted)))
        against = Reference(notebook=left.accepted, name="the accepted outputs", live=self.evidence)
        return validate.evidence(left.run, executed=left.executed, against=against, contests=self.evidence.contests)

    def _ran(self, mutation: Mutation) -> Evidence:
        """What a run of the copy came to. The next one starts from the original again."""
        root = self.ground.root
        _write(mutation.data(self.table) if mutation.data else self.table, root / "data/dev/flights.parquet", mutation)
        node = copy.deepcopy(self._accepted)
        if mutation.cells:
            kept = {cell.id: cell for cell in node.cells}
            node.cells = [_cell(name, source, kept) for name, source in mutation.cells(example.CELLS).items()]
        nbformat.write(node, self._notebook)
        if mutation.secret:
            self.ground.write("params/dev.yaml", f'secrets: {{warehouse: "env:WAREHOUSE"}}\n{example.PARAMS}')
            os.environ["WAREHOUSE"] = mutation.secret
        try:
            return workflow.run(self.ground.project, example.NAME, env="dev")
        finally:
            os.environ.pop("WAREHOUSE", None)
            self.ground.git("checkout", "--quiet", ".")


def _cell(name: str, source: str, kept: dict[str, Any]) -> Any:
    """With the outputs that were accepted of it."""
    cell = kept[name.replace(" ", "-")]
    cell.source = source.strip()
    return cell


def _write(table: pd.DataFrame, path: Path, mutation: Mutation) -> None:
    table.to_parquet(path, index=False)
    if mutation.file:
        path.write_bytes(mutation.file(path.read_bytes()))
    before = path.stat().st_mtime - mutation.days * 24 * 3600
    os.utime(path, (before, before))


def original(root: Path, empty_store: Path) -> Original:
    """Run, accepted and released in dev."""
    ground = begun(root, empty_store)
    ground.write("pyproject.toml", '[tool.nbpromote]\nproject = "flights"\nlock = "requirements.txt"\n')
    ground.write(".gitignore", ".nbpromote/\ndata/\n")
    ground.write("requirements.txt", f"pandas=={pd.__version__}\n")
    ground.write("params/dev.yaml", example.PARAMS)
    ground.write("params/dev.policy.yaml", example.POLICY)
    ground.write(f"notebooks/{example.NAME}.contract.yaml", example.CONTRACT)
    nbformat.write(example.notebook(), ground.write(f"notebooks/{example.NAME}.ipynb", ""))
    table = example.flights()
    table.to_parquet(ground.write("data/dev/flights.parquet", ""), index=False)
    ground.commit("start")
    workflow.run(ground.project, example.NAME, env="dev")
    accepted = workflow.baseline(ground.project, example.NAME)
    ground.commit("accept the outputs")
    done = workflow.release(ground.project, example.NAME)
    assert done.done, done.candidates
    return Original(ground, table, accepted)
