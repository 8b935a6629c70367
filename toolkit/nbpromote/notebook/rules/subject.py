"""What the rules look at: a notebook read once, and what other rooms say of the project it stands in."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol

from nbpromote.model import Finding, Pair, Parameter
from nbpromote.notebook import cells, parameters, sides, syntax
from nbpromote.notebook.rules.resources import Resource
from nbpromote.notebook.sides import Side

if TYPE_CHECKING:
    from nbformat import NotebookNode


_SILENCED = re.compile(r"#\s*noqa:\s*(?P<codes>[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*)", re.IGNORECASE)


class Files(Container[str], Protocol):
    """The project's files by their paths from the root: those that are there, and which of them git tracks."""

    def read(self, path: str) -> bytes | None: ...

    def tracks(self, path: str) -> bool: ...


@dataclass(frozen=True, kw_only=True)
class Around:
    """What a notebook stands among, as other rooms tell it. What is left out is not asked."""

    resources: tuple[Resource, ...] = ()
    entry: str = ""  # the environment whose resources the defaults and the stored outputs may name
    files: Files | None = None
    unlocked: Callable[[str], bool] = lambda name: False  # whether the lock lacks an imported name
    fits: parameters.Fits | None = None  # whether a default is of its annotation's type
    knows_type: Callable[[str], bool] = lambda annotation: True
    secrets: Callable[[str, str], Iterable[tuple[int, str]]] = lambda text, kind: ()  # line and what it looks like
    marked: Callable[[Any], bool] = lambda cell: False  # whether a cell is marked for comparison
    mistagged: Callable[[Any], Iterable[str]] = lambda cell: ()  # what is wrong with tags that say how it is compared


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A code cell. `first` is the line of the script at which its source begins, where that is known."""

    number: int
    id: str
    node: NotebookNode
    first: int | None = None

    @property
    def source(self) -> str:
        return str(self.node.source)

    @property
    def declares(self) -> bool:
        return parameters.TAG in cells.tags(self.node)

    @property
    def injected(self) -> bool:
        return parameters.INJECTED in cells.tags(self.node)

    @cached_property
    def tree(self) -> ast.Module | None:
        """None for what is no Python."""
        return syntax.tree(self.source)

    def walk(self) -> Iterator[ast.AST]:
        return ast.walk(self.tree) if self.tree else iter(())


@dataclass(frozen=True, kw_only=True)
class Page:
    """One side whose code is judged."""

    path: str
    node: NotebookNode
    cells: tuple[Cell, ...]
    fits: parameters.Fits | None = None

    @property
    def folder(self) -> str:
        folder = str(PurePosixPath(self.path).parent)
        return "" if folder == "." else folder

    @property
    def python(self) -> bool:
        return sides.language(self.node) == "python"

    @property
    def below(self) -> tuple[Cell, ...]:
        """The code cells that use parameters: all but those that declare or inject them."""
        return tuple(cell for cell in self.cells if not cell.declares and not cell.injected)

    def at(
        self, cell: Cell, message: str, *, line: int | None = None, column: int | None = None, hint: str = ""
    ) -> Finding:
        """A finding in a cell; `line` and `column` count within the cell, from 1, until it is `placed`."""
        return Finding(
            path=self.path,
            line=line,
            column=column,
            cell=cell.number,
            cell_id=cell.id,
            message=message,
            hint=hint,
        )

    def placed(self, finding: Finding) -> Finding:
        """The finding with its line counted in the file, which a script has and an `.ipynb` has not."""
        first, line = self.cells[(finding.cell or 1) - 1].first, finding.line
        if first is not None:
            return replace(finding, line=first + line - 1 if line else first)
        message = f"{finding.message} (line {line} of the cell)" if line else finding.message
        return replace(finding, line=None, column=None, message=message)

    def says_noqa(self, finding: Finding) -> bool:
        """Whether the finding's line ends with `# noqa: CODE`."""
        if finding.cell is None or finding.line is None:
            return False
        lines = self.cells[finding.cell - 1].source.split("\n")
        said = _SILENCED.search(lines[finding.line - 1]) if finding.line <= len(lines) else None
        return said is not None and finding.code in re.split(r"[,\s]+", said["codes"].upper())

    def on(self, cell: Cell, place: Any, message: str, *, hint: str = "") -> Finding:
        """A finding at a node of the cell's syntax tree."""
        return self.at(cell, message, line=place.lineno, column=place.col_offset + 1, hint=hint)

    @cached_property
    def declared(self) -> tuple[tuple[Parameter, ...], tuple[parameters.Problem, ...]]:
        schema, problems = parameters.declared(self.node, fits=self.fits)
        return schema.parameters, problems

    @cached_property
    def declaring(self) -> Cell | None:
        return next((cell for cell in self.cells if cell.declares and cell.source.strip()), None)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A notebook under examination.

    `pages` are the sides whose code is judged: one where both hold the same. `stored` is the `.ipynb`.
    """

    pair: Pair
    read: tuple[Side, ...] = ()
    pages: tuple[Page, ...] = ()
    stored: Page | None = None
    around: Around = field(default_factory=Around)

    @property
    def python(self) -> Iterator[Page]:
        return (page for page in self.pages if page.python)

    def told_by_reading(self, code: str) -> Iterator[Finding]:
        """What reading the sides found already."""
        return (finding for side in self.read for finding in side.findings if finding.code == code)


def subject(pair: Pair, read: tuple[Side, ...], around: Around) -> Subject:
    good = [side for side in read if side.node is not None and not side.findings]
    pages = [page(side, fits=around.fits) for side in good]
    if len(good) == 2 and cells.code(pages[0].node) == cells.code(pages[1].node):
        # told once: at the line of the script, with the id of the notebook's cell
        pages = [page(good[0], ids=good[1].node, fits=around.fits)]
    stored = next((page(side) for side in good if side.path.endswith(".ipynb")), None)
    return Subject(pair=pair, read=read, pages=tuple(pages), stored=stored, around=around)


def page(side: Side, *, ids: NotebookNode | None = None, fits: parameters.Fits | None = None) -> Page:
    assert side.node is not None
    lines, names = _first_lines(side), _ids(side.node, ids)
    numbered = cells.numbered(side.node)
    found = (Cell(number=n, id=names.get(n, cell.id), node=cell, first=lines.get(n)) for n, cell in numbered)
    return Page(path=side.path, node=side.node, cells=tuple(found), fits=fits)


def _ids(node: NotebookNode, other: NotebookNode | None) -> dict[int, str]:
    """Ids of the other side's cells by this side's numbers; the code is the same, but for empty cells."""
    numbers = [number for number, cell in cells.numbered(node) if cells.canonical(cell.source)]
    theirs = [cell.id for _, cell in cells.numbered(other) if cells.canonical(cell.source)] if other else []
    return dict(zip(numbers, theirs, strict=False))


def _first_lines(side: Side) -> dict[int, int]:
    """For a script, the line of the file at which each code cell's source begins, where it can be found."""
    if side.node is None or side.path.endswith(".ipynb"):
        return {}
    lines, found, start = side.text.split("\n"), {}, 0
    for number, cell in cells.numbered(side.node):
        source = cell.source.split("\n")
        at = next((i for i in range(start, len(lines)) if _spells(lines[i], source[0])), None) if source[0] else None
        if at is not None:
            found[number] = at + 1
            start = at + len(source)
    return found


def _spells(line: str, first: str) -> bool:
    """Whether a script's line stands for a cell's first: jupytext makes comments of magics and `%%bash` a marker."""
    if first.startswith("%%") and line.startswith("# %% ") and f'language="{first[2:]}"' in line:
        return True
    return line == first or line.strip() == f"# {first.strip()}"
