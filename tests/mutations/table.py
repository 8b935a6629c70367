"""The table: what is mutated, and what must be said of it. `docs/mutations.md` is written from it."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from nbpromote.model import Run

Cells = Mapping[str, str]
PASSES, FAILS, INCONCLUSIVE = "passes", "fails", "is inconclusive"


@dataclass(frozen=True, kw_only=True)
class Left:
    """What a run left, and what it is compared with."""

    run: Run
    executed: Any
    accepted: Any


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """One copy. `says` is the check or the gate that must object, and `words` what its reason must match.

    `data`, `cells`, `days`, `lock` and `secret` are changed before the notebook runs; `left` is changed in what an
    unmutated run left, where only the record matters.
    """

    name: str
    verdict: str
    says: str = ""
    words: str = ""
    data: Callable[[pd.DataFrame], pd.DataFrame] | None = None
    cells: Callable[[Cells], Cells] | None = None
    file: Callable[[bytes], bytes] | None = None  # of the data, as it is written
    days: float = 0  # how old that file is
    secret: str = ""  # the value of a secret that the notebook is given
    left: Callable[[Left], Left] | None = None


# -- ways to change the notebook


def edited(cell: str, old: str, new: str) -> Callable[[Cells], Cells]:
    def change(cells: Cells) -> Cells:
        assert old in cells[cell], cell
        return {**cells, cell: cells[cell].replace(old, new)}

    return change


def extended(cell: str, line: str) -> Callable[[Cells], Cells]:
    return lambda cells: {**cells, cell: f"{cells[cell].rstrip()}\n{line}\n"}


def without(cell: str) -> Callable[[Cells], Cells]:
    return lambda cells: {name: source for name, source in cells.items() if name != cell}


def moved(cell: str, *, before: str) -> Callable[[Cells], Cells]:
    def change(cells: Cells) -> Cells:
        names = [name for name in cells if name != cell]
        names.insert(names.index(before), cell)
        return {name: cells[name] for name in names}

    return change


# -- ways to change what a run left


def printed(cell: str, accepted: str, now: str) -> Callable[[Left], Left]:
    """A marked cell that printed something else, then and now."""

    def change(left: Left) -> Left:
        for node, text in ((left.accepted, accepted), (left.executed, now)):
            _cell(node, cell).outputs[0].text = text
        return left

    return change


def redrawn(paint: Callable[[np.ndarray], np.ndarray]) -> Callable[[Left], Left]:
    """The figure with other pixels."""
    from PIL import Image

    def change(left: Left) -> Left:
        output = next(one for one in _cell(left.executed, "plot").outputs if "image/png" in one.get("data", {}))
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(output.data["image/png"]))).convert("RGB"))
        file = io.BytesIO()
        Image.fromarray(paint(pixels.astype(int)).clip(0, 255).astype("uint8")).save(file, "PNG")
        output.data["image/png"] = base64.b64encode(file.getvalue()).decode()
        return left

    return change


def recorded(**fields: Any) -> Callable[[Left], Left]:
    return lambda left: replace(left, run=replace(left.run, **fields))


def lost(left: Left) -> Left:
    """Somebody cleared the accepted outputs."""
    for cell in left.accepted.cells:
        cell.outputs, cell.execution_count = [], None
    return left


def cut(left: Left) -> Left:
    """A marked cell gave out more than is kept."""
    cells = [replace(cell, cut="logs/cell-6.txt") if cell.number == 6 else cell for cell in left.run.cells]
    return replace(left, run=replace(left.run, cells=tuple(cells)))


def _cell(node: Any, name: str) -> Any:
    return next(cell for cell in node.cells if cell.id == name.replace(" ", "-"))


# -- the table


def _noise(table: pd.DataFrame) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return table.assign(temp=table["temp"] * (1 + 1e-12 * rng.standard_normal(len(table))))


def _grain(pixels: np.ndarray) -> np.ndarray:
    return pixels + np.random.default_rng(0).integers(-2, 3, pixels.shape)


DAY = ("2026-01-31 12:00:00.123456", "2026-02-01 03:04:05.654321")
BAR = "100%|##########| 40/40 [00:0{0}<00:00, {0}1.2it/s]\r"

MUTATIONS = (
    # what no reviewer minds
    Mutation(name="nothing at all", verdict=PASSES),
    Mutation(name="noise of 1e-12 in a column", verdict=PASSES, data=_noise),
    Mutation(name="the rows in another order", verdict=PASSES, data=lambda table: table.sample(frac=1, random_state=0)),
    Mutation(
        name="a line that prints, in a cell that nobody compares",
        verdict=PASSES,
        cells=extended("fit", "print('fitted')"),
    ),
    Mutation(
        name="a comment in a cell that is compared", verdict=PASSES, cells=extended("scores", "# as in the paper")
    ),
    Mutation(
        name="two cells swapped that do not need each other",
        verdict=PASSES,
        cells=moved("plot", before="fit"),
    ),
    Mutation(
        name="another time of day in an output",
        verdict=PASSES,
        left=printed("scores", f"done at {DAY[0]}\n", f"done at {DAY[1]}\n"),
    ),
    Mutation(
        name="another temporary folder in an output",
        verdict=PASSES,
        left=printed("scores", "wrote /tmp/tmpab12cd34/out.csv\n", "wrote /tmp/tmpzz98yy76/out.csv\n"),
    ),
    Mutation(
        name="another address in memory in an output",
        verdict=PASSES,
        left=printed("scores", "<Ridge object at 0x7f86aa7128e0>\n", "<Ridge object at 0x7fe0123456f0>\n"),
    ),
    Mutation(
        name="a progress bar of another speed",
        verdict=PASSES,
        left=printed("scores", BAR.format(1) + "\nfitted\n", BAR.format(7) + "\nfitted\n"),
    ),
    Mutation(
        name="a number written with fewer digits",
        verdict=PASSES,
        left=printed("scores", "mean absolute error 12.8000\n", "mean absolute error 12.8\n"),
    ),
    Mutation(
        name="a number that differs within the cell's tolerance",
        verdict=PASSES,
        left=printed("scores", "mean absolute error 12.8000\n", "mean absolute error 12.8010\n"),
    ),
    Mutation(name="grain in the figure that nobody sees", verdict=PASSES, left=redrawn(_grain)),
    # data that is not what it was
    Mutation(
        name="a column is constant",
        verdict=FAILS,
        says="outputs-sound",
        words="temp holds one value only",
        data=lambda table: table.assign(temp=50.0),
    ),
    Mutation(
        name="a column is empty",
        verdict=FAILS,
        says="outputs-sound",
        words="wind_speed holds nothing",
        data=lambda table: table.assign(wind_speed=np.nan),
    ),
    Mutation(
        name="a month is missing",
        verdict=FAILS,
        says="outputs-match",
        words="cell 4",
        data=lambda table: table[table["month"] == 1],
    ),
    Mutation(
        name="half of the rows are missing",
        verdict=FAILS,
        says="outputs-sound",
        words="residuals.*rows",
        data=lambda table: table.iloc[::2],
    ),
    Mutation(
        name="every row is there twice",
        verdict=FAILS,
        says="outputs-sound",
        words="residuals.*rows",
        data=lambda table: pd.concat([table, table]),
    ),
    Mutation(
        name="the labels are swapped among the rows",
        verdict=FAILS,
        says="mae at most 2 % above live",
        words=r"mae is 2\d\.\d+ against 12\.\d+ live",
        data=lambda table: table.assign(arr_delay=table["arr_delay"].sample(frac=1, random_state=0).to_numpy()),
    ),
    Mutation(
        name="delays in hours instead of minutes",
        verdict=FAILS,
        says="scraps-as-declared",
        words="mae.*5",
        data=lambda table: table.assign(arr_delay=table["arr_delay"] / 60),
    ),
    Mutation(
        name="a table without rows",
        verdict=FAILS,
        says="ran-to-the-end",
        words="ValueError in cell 5",
        data=lambda table: table.head(0),
    ),
    Mutation(
        name="a file of no bytes",
        verdict=FAILS,
        says="ran-to-the-end",
        words="in cell 3",
        file=lambda data: b"",
    ),
    Mutation(
        name="a file cut off in the middle",
        verdict=FAILS,
        says="ran-to-the-end",
        words="in cell 3",
        file=lambda data: data[: len(data) // 2],
    ),
    Mutation(name="a stale file", verdict=FAILS, says="inputs-sound", words="flights.*(old|2 d|age)", days=30),
    # metrics
    Mutation(
        name="a metric is NaN",
        verdict=FAILS,
        says="metrics-finite",
        words="mae is NaN",
        cells=edited("glue", "float(error.mean())", 'float("nan")'),
    ),
    Mutation(
        name="a metric is infinite",
        verdict=FAILS,
        says="metrics-finite",
        words="mae is infinite",
        cells=edited("glue", "float(error.mean())", 'float("inf")'),
    ),
    Mutation(
        name="a metric is text",
        verdict=FAILS,
        says="scraps-as-declared",
        words="mae.*text",
        cells=edited("glue", "float(error.mean())", 'f"{error.mean():.1f}"'),
    ),
    Mutation(
        name="a metric is missing",
        verdict=FAILS,
        says="scraps-as-declared",
        words="mae",
        cells=edited("glue", 'glue("mae", float(error.mean()))', ""),
    ),
    Mutation(
        name="a metric is handed out twice",
        verdict=FAILS,
        says="metrics-finite",
        words="flights was glued more than once",
        cells=extended("by carrier", 'glue("flights", 3)'),
    ),
    Mutation(
        name="a model that predicts a constant",
        verdict=FAILS,
        says="outputs-sound",
        words="predicted holds one value only",
        cells=edited("fit", "model.predict(X[held_out])", "np.full(held_out.sum(), y[~held_out].mean())"),
    ),
    # outputs
    Mutation(
        name="a column is renamed",
        verdict=FAILS,
        says="outputs-sound",
        words="wind_speed",
        cells=edited("write", "predicted=predicted)", 'predicted=predicted).rename(columns={"wind_speed": "wind"})'),
    ),
    Mutation(
        name="a column is of another type",
        verdict=FAILS,
        says="outputs-sound",
        words="flight.*string|flight.*int",
        cells=edited("write", "predicted=predicted)", "predicted=predicted, flight=tested['flight'].astype(str))"),
    ),
    Mutation(
        name="an output is not written",
        verdict=FAILS,
        says="outputs-written",
        words="residuals: nothing was written",
        cells=edited("write", "tested.to_parquet(residuals, index=False)", ""),
    ),
    Mutation(
        name="a figure on another scale",
        verdict=FAILS,
        says="outputs-match",
        words="cell 8",
        cells=edited("plot", "ax.legend()", 'ax.legend()\nax.set_yscale("log")'),
    ),
    Mutation(
        name="a figure without one of its series",
        verdict=FAILS,
        says="outputs-match",
        words="cell 8",
        cells=edited("plot", 'ax.hist(table["arr_delay"].clip(-20, 120), bins=40, alpha=0.5, label="arrival")\n', ""),
    ),
    Mutation(
        name="a number beyond the cell's tolerance",
        verdict=FAILS,
        says="outputs-match",
        words="cell 6",
        left=printed("scores", "mean absolute error 12.80\n", "mean absolute error 13.80\n"),
    ),
    Mutation(
        name="a date in an output that is data",
        verdict=FAILS,
        says="outputs-match",
        words="cell 6",
        left=printed("scores", "until 2013-02-28 23:00:00\n", "until 2013-01-31 23:00:00\n"),
    ),
    Mutation(
        name="the accepted outputs are gone", verdict=INCONCLUSIVE, says="outputs-match", words="accepted", left=lost
    ),
    Mutation(
        name="only a part of an output was kept", verdict=INCONCLUSIVE, says="outputs-match", words="cell 6", left=cut
    ),
    # the notebook
    Mutation(
        name="a compared cell is deleted",
        verdict=INCONCLUSIVE,
        says="outputs-match passes over 6 comparisons or more",
        words="5",
        cells=without("by month"),
    ),
    Mutation(
        name="a cell that others need is deleted",
        verdict=FAILS,
        says="ran-to-the-end",
        words="NameError in cell 5",
        cells=without("fit"),
    ),
    Mutation(
        name="a cell before what it needs",
        verdict=FAILS,
        says="ran-to-the-end",
        words="NameError in cell 3",
        cells=moved("fit", before="read"),
    ),
    Mutation(
        name="a cell that stops the notebook early",
        verdict=FAILS,
        says="ran-to-the-end",
        words="stopped itself at cell 7 of 10",
        cells=extended("glue", "import sys; sys.exit(0)"),
    ),
    Mutation(
        name="a kernel that dies",
        verdict=FAILS,
        says="ran-to-the-end",
        words="died at cell 9",
        cells=extended("write", "import os; os.kill(os.getpid(), 9)"),
    ),
    Mutation(
        name="a magic that does not exist",
        verdict=FAILS,
        says="ran-to-the-end",
        words="cell 5.*%profile_all|%profile_all",
        cells=extended("fit", "%profile_all"),
    ),
    Mutation(
        name="a parameter that is overwritten",
        verdict=FAILS,
        says="parameters-as-given",
        words="months was given",
        cells=extended("by carrier", 'globals()["months"] = [1]'),
    ),
    Mutation(
        name="a write to a place that is not the run's",
        verdict=FAILS,
        says="ran-to-the-end",
        words="PermissionError in cell 9",
        cells=extended("write", 'open("../notes.txt", "w").write("done")'),
    ),
    Mutation(
        name="a secret in an output",
        verdict=FAILS,
        says="no-secrets",
        words="cell 3.*warehouse|warehouse.*cell 3",
        secret="open-sesame-4711",
        cells=extended("read", 'import os; print(os.environ["WAREHOUSE"])'),
    ),
    # around it
    Mutation(
        name="another version of a library than the lock's",
        verdict=FAILS,
        says="packages-match",
        words="pandas .*, locked 1.0.0",
        left=recorded(locked={"pandas": "1.0.0"}),
    ),
    Mutation(
        name="a kernel that does not say which packages it has",
        verdict=INCONCLUSIVE,
        says="packages-match",
        words="did not say",
        left=recorded(packages={}),
    ),
    Mutation(
        name="a run without any cell",
        verdict=FAILS,
        says="ran-to-the-end",
        words="0 of 0 cells ran",
        left=recorded(cells=()),
    ),
)
