"""Comparisons as the JSON that `--json` prints. Keys are a promise to scripts: added to, never renamed."""

from __future__ import annotations

from collections.abc import Sequence

from nbpromote.model import CellChange, Comparison, Json, Shown, ValueChange, dump
from nbpromote.report import words


def comparisons_json(found: Sequence[Comparison]) -> dict[str, Json]:
    """Pictures are left out: the page has them."""
    return {"same": all(one.same for one in found), "comparisons": [_comparison(one) for one in found]}


def _comparison(comparison: Comparison) -> dict[str, Json]:
    before, after = comparison.sides
    return {
        "same": comparison.same,
        "before": dump(before),
        "after": dump(after),
        "cells": [cell_json(cell) for cell in comparison.cells],
        "metrics": [value_json(change) for change in comparison.metrics],
        "scraps": [value_json(change) for change in comparison.scraps],
        "parameters": [value_json(change) for change in comparison.parameters],
        "packages": [value_json(change) for change in comparison.packages],
        "files": [value_json(change) for change in comparison.files],
    }


def cell_json(cell: CellChange) -> dict[str, Json]:
    return {
        "before": cell.before,
        "after": cell.after,
        "id": cell.id,
        "name": words.clean(cell.name),
        "likeness": cell.likeness.value,
        "source": [words.clean(line) for line in cell.source],
        "outputs": [_shown(output) for output in cell.outputs],
    }


def _shown(output: Shown) -> dict[str, Json]:
    return {
        "kind": output.kind,
        "likeness": output.likeness.value,
        "summary": words.clean(output.summary),
        "lines": [words.clean(line) for line in output.lines],
        "distance": output.distance,
    }


def value_json(change: ValueChange) -> dict[str, Json]:
    return {
        "name": change.name,
        "before": change.before,
        "after": change.after,
        "likeness": change.likeness.value,
        "from": change.origin or None,
    }
