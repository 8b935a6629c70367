"""One small notebook, as a script and with outputs, and what tests do to notebooks."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat.v4 import new_output

from nbpromote import notebook
from nbpromote.model import Pair

CELLS = """\

# %% [markdown]
# # Train

# %% tags=["parameters"]
months: list[int] = [1]  # months to use
alpha = -0.5

# %%
import helpers

total = sum(months) * alpha

# %%
print(total)
"""


def executed(pair: Pair) -> Pair:
    """The pair with an output in each code cell of the `.ipynb`."""
    node = notebook.read(pair)
    for number, cell in enumerate(code_cells(node), start=1):
        cell["execution_count"] = number
        cell["outputs"] = [new_output("stream", text=f"output {number}\n")]
    notebook.write(node, pair.ipynb)
    return pair


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def code_cells(node):
    return [cell for cell in node.cells if cell.cell_type == "code"]


def outputs(path: Path) -> list[str]:
    return [output.text for cell in code_cells(nbformat.read(path, 4)) for output in cell.outputs]


def agree(pair: Pair) -> bool:
    """Whether both files say the same, in code and in text."""
    both = notebook.Contents(notebook=pair.ipynb.read_bytes(), script=pair.script.read_bytes())
    return notebook.base(pair, both) is not None
