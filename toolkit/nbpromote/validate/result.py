"""Checks of what a run left behind: its account of the cells, its files, its model. No outputs of cells."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from nbpromote.model import Cell, Check, Ending, Isolation, Json, Outcome, Run, size_told
from nbpromote.validate.case import Case, code_cells, counted, short
from nbpromote.validate.metrics import number


def ran_to_the_end(case: Case) -> Check:
    """Every code cell ran, in order, to the end."""
    ran = [cell for cell in case.run.cells if cell.ending.good]
    wrong = _ending(case.run) or _unaccounted(case)
    if wrong:
        details = _never_ran(case.run) if ran else ()
        return Check(name="ran-to-the-end", outcome=Outcome.FAILED, summary=wrong, details=details, count=len(ran))
    summary = f"{counted(len(ran), 'cell')} ran to the end"
    details = (*_cut(case.run), *_no_text(case.run))
    return Check(name="ran-to-the-end", outcome=Outcome.PASSED, summary=summary, details=details, count=len(ran))


def _cut(run: Run) -> Iterator[str]:
    """Cells whose outputs the notebook does not hold whole: whoever reads it should know."""
    for cell in run.cells:
        if cell.cut:
            yield f"cell {cell.number}: the notebook has only a part of {size_told(cell.output)} of output; {cell.cut}"


def _no_text(run: Run) -> Iterator[str]:
    for cell in run.cells:
        if cell.replaced:
            told = counted(cell.replaced, "character")
            yield f"cell {cell.number}: {told} of output that was no text, shown as \ufffd"


def _ending(run: Run) -> str:
    """How a run fell short; empty where its own account knows of nothing."""
    cell = run.failure
    total = len(run.cells)
    ran = sum(cell.ending.good for cell in run.cells)
    if cell is None:
        return "" if total else "0 of 0 cells ran: not a pass"
    told = short(cell.message)
    after = f": {told}" if told else ""
    match cell.ending:
        case Ending.ERROR:
            return f"{cell.error or 'error'} in cell {cell.number}{after}"
        case Ending.STOPPED:
            return f"stopped itself at cell {cell.number} of {total}{after}"
        case Ending.DIED:
            return f"died at cell {cell.number}{after}"
        case Ending.TIMED_OUT:
            return f"timed out at cell {cell.number}{_duration(cell)}"
        case Ending.INTERRUPTED:
            return f"interrupted at cell {cell.number} of {total}"
    return f"{ran} of {counted(total, 'cell')} ran: not a pass"


def _duration(cell: Cell) -> str:
    return "" if cell.seconds is None else f" after {round(cell.seconds, 1):g} s"


def _unaccounted(case: Case) -> str:
    """Positive proof: the account covers each cell of the executed notebook that holds code, in order."""
    numbers = [cell.number for cell in case.run.cells]
    cells = code_cells(case.executed)
    # an empty cell has nothing to run, and nbclient leaves it out
    held = [number for number, cell in enumerate(cells, 1) if cell.source.strip()]
    ran = [number for number in held if number in numbers]
    if not held or len(ran) < len(held):
        return f"{len(ran)} of {counted(len(held), 'cell')} ran: not a pass"
    if max(numbers) > len(cells):
        return f"{counted(len(numbers), 'cell')} ran, but the executed notebook holds {len(cells)}: not a pass"
    return "" if numbers == sorted(set(numbers)) else "the cells did not run in order: not a pass"


def _never_ran(run: Run) -> tuple[str, ...]:
    numbers = [str(cell.number) for cell in run.cells if cell.ending is Ending.NOT_REACHED]
    return (f"never ran: cell{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}",) if numbers else ()


def outputs_written(case: Case) -> Check:
    """Every declared output was written, and is not empty."""
    asked = case.run.candidates
    if not asked:
        return Check(name="outputs-written", outcome=Outcome.SKIPPED, summary="no declared outputs")
    wrong = tuple(f"{name}: {found}" for name, path in asked.items() if (found := _missing(path)))
    if wrong:
        summary = f"{len(wrong)} of {counted(len(asked), 'declared output')} not there: " + "; ".join(wrong)
        return Check(name="outputs-written", outcome=Outcome.FAILED, summary=summary, count=len(asked))
    summary = f"{counted(len(asked), 'declared output')} written"
    return Check(name="outputs-written", outcome=Outcome.PASSED, summary=summary, count=len(asked))


def _missing(path: Path) -> str:
    if not path.exists():
        return f"nothing was written to {path}"
    if path.is_dir():
        files = [file for file in path.rglob("*") if file.is_file()]
        return "" if any(file.stat().st_size for file in files) else f"no data in the folder {path}"
    return "" if path.stat().st_size else f"an empty file at {path}"


def no_secrets(case: Case) -> Check:
    """No secret is in anything that the run left."""
    leaks, given = case.run.leaks, len(case.run.secrets)
    if leaks:
        more = f", and {len(leaks) - 1} more" if len(leaks) > 1 else ""
        details = (*(leaks if more else ()), "nothing is published; change a secret that others may have seen")
        return Check(name="no-secrets", outcome=Outcome.FAILED, summary=leaks[0] + more, details=details, count=given)
    if not given:
        return Check(name="no-secrets", outcome=Outcome.SKIPPED, summary="no secrets are configured")
    summary = f"{counted(given, 'secret')} looked for, and found nowhere"
    return Check(name="no-secrets", outcome=Outcome.PASSED, summary=summary, count=given)


def stayed_inside(case: Case) -> Check:
    """Nothing was written but to the run's own places."""
    run, elsewhere = case.run, len(case.run.refused)
    mode = run.isolation.partition(":")[0]
    if mode not in (Isolation.ENFORCE, Isolation.WARN):
        summary = f"isolation is {run.isolation}" if run.isolation else "the record does not say"
        return Check(name="stayed-inside", outcome=Outcome.SKIPPED, summary=summary)
    if not elsewhere:
        how = "held by the system" if mode == Isolation.ENFORCE else "as far as Python saw"
        return Check(name="stayed-inside", outcome=Outcome.PASSED, summary=f"nothing written elsewhere, {how}")
    more = f", and {elsewhere - 1} more" if elsewhere > 1 else ""
    told = (*(run.refused if more else ()), _NEXT)
    if mode == Isolation.WARN:
        summary = f"not held back ({run.isolation}): {run.refused[0]}{more}"
        return Check(name="stayed-inside", outcome=Outcome.SKIPPED, summary=summary, details=told, count=elsewhere)
    summary = f"not allowed to {run.refused[0]}{more}"
    return Check(name="stayed-inside", outcome=Outcome.FAILED, summary=summary, details=told, count=elsewhere)


_NEXT = "declare it under `outputs` in params/*.yaml and write to that parameter; or `isolation: warn` in the policy"


def model_predicts(case: Case) -> Check:
    """The model answered its own input example, with numbers where numbers are due."""
    if case.model is None:
        return Check(name="model-predicts", outcome=Outcome.SKIPPED, summary="no model was logged")
    predictions = case.model.predictions
    if predictions is None:
        summary = "nobody asked the model: its kernel is not Python, or ended first"
        return Check(name="model-predicts", outcome=Outcome.INCONCLUSIVE, summary=summary)
    if isinstance(predictions, Mapping):
        if predictions.get("error"):
            summary = f"the model does not predict: {short(str(predictions['error']))}"
            return Check(name="model-predicts", outcome=Outcome.FAILED, summary=summary)
        if predictions.get("missing"):
            summary = f"the model loads; {predictions['missing']} to predict"
            return Check(name="model-predicts", outcome=Outcome.SKIPPED, summary=summary)
        predictions = predictions.get("values", predictions)
    return _predicted(list(_leaves(predictions)))


def _predicted(values: list[Json]) -> Check:
    wrong = [value for value in values if value is None or not math.isfinite(number(value) or 0)]
    total = counted(len(values), "prediction")
    if not values:
        outcome, summary = Outcome.INCONCLUSIVE, "the model predicted nothing for its input example"
    elif wrong:
        outcome, summary = Outcome.FAILED, f"{len(wrong)} of {total} missing, NaN or infinite"
    else:
        outcome, summary = Outcome.PASSED, f"{total} for its own input example"
    return Check(name="model-predicts", outcome=outcome, summary=summary, count=len(values))


def _leaves(value: Json) -> Iterator[Json]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item)
    else:
        yield value
