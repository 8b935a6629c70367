"""nbval's own collector and comparison, answered from recorded outputs by a stand-in for its kernel."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from nbpromote.model import Sanitizer
from nbpromote.validate.case import plain
from nbpromote.validate.comparing.lines import changes

if TYPE_CHECKING:
    import pytest


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """One code cell: what it showed in this run, and what was accepted. Marks are in `source` and `tags`."""

    source: str
    tags: tuple[str, ...] = ()
    accepted: tuple[Mapping[str, Any], ...] = ()
    outputs: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What nbval found. `differences` are lines to show by cell, `trouble` is why it did not finish."""

    count: int
    differences: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    trouble: tuple[str, ...] = ()


# nbval's items need what is left; without these, pytest touches no streams, signals, hooks or files
_WITHOUT = """
    assertion cacheprovider capture debugging doctest faulthandler junitxml logging pastebin recwarn setuponly
    setupplan stepwise subtests terminal threadexception tmpdir unittest unraisableexception warnings
"""


def compare(cells: Sequence[Recorded], sanitizers: Sequence[Sanitizer] = ()) -> Comparison:
    """Let nbval compare marked cells, as `--nbval-lax --nbval-sanitize-with` does. Prints nothing, leaves nothing."""
    import pytest  # 0.2 s, and nbval 0.3 s; only notebooks with marked cells pay it
    from nbval import plugin as nbval

    stand_in = _StandIn(cells, sanitizers)
    with tempfile.TemporaryDirectory(prefix="nbpromote-") as folder, _lent() as said:
        notebook = _written(cells, Path(folder))
        ini = Path(folder, "pytest.ini")
        ini.write_text("[pytest]\n")
        where = [str(notebook), "-c", str(ini), "--rootdir", folder, "--confcutdir", folder, "--noconftest"]
        without = [part for name in _WITHOUT.split() for part in ("-p", f"no:{name}")]
        code = pytest.main(["--nbval-lax", *where, *without], plugins=[nbval, stand_in])
    if stand_in.interrupted:
        raise KeyboardInterrupt
    return stand_in.comparison(int(code), said.getvalue())


def _written(cells: Sequence[Recorded], folder: Path) -> Path:
    """The accepted outputs in a notebook of their own; nbval reads no others."""
    plain_cells = [
        {
            "cell_type": "code",
            "source": cell.source,
            "execution_count": number,  # that it ran: nbval does not compare a cell without
            "outputs": [_comparable(output) for output in cell.accepted],
            "metadata": {"tags": list(cell.tags)},
        }
        for number, cell in enumerate(cells, 1)
    ]
    node = {"cells": plain_cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    path = folder / "notebook.ipynb"
    path.write_text(json.dumps(node), encoding="utf-8")
    return path


def _comparable(output: Mapping[str, Any]) -> dict[str, Any]:
    """The output with JSON spelled out as text: nbval cannot show a difference between two dicts."""
    data = {
        mime: value if isinstance(value, str) else json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)
        for mime, value in output.get("data", {}).items()
    }
    return {**output, "data": data} if data else dict(output)


class _StandIn:
    """A kernel to nbval and a plugin to pytest: hands out recorded outputs, notes what nbval says."""

    def __init__(self, cells: Sequence[Recorded], sanitizers: Sequence[Sanitizer]) -> None:
        self.cells = cells
        self.sanitizers = sanitizers
        self.interrupted = False
        self._turn = 0
        self._messages: list[dict[str, Any]] = []
        self._asked = 0
        self._compared = 0
        self._differences: dict[int, tuple[str, ...]] = {}
        self._trouble: list[str] = []

    def comparison(self, code: int, said: str) -> Comparison:
        trouble = list(self._trouble)
        if code not in (0, 1):
            trouble += [f"pytest ended with {code}", *plain(said).splitlines()[-10:]]
        if self._asked != len(self.cells):
            trouble.append(f"nbval looked at {self._asked} of {len(self.cells)} cells")
        return Comparison(count=self._compared, differences=self._differences, trouble=tuple(trouble))

    # -- a kernel --

    def is_alive(self) -> bool:
        return True

    def stop(self) -> None:
        pass

    def interrupt(self) -> None:
        pass

    def execute_cell_input(self, source: str, allow_stdin: bool | None = None) -> str:
        outputs = [_message(_comparable(output)) for output in self.cells[self._turn].outputs]
        idle = {"msg_type": "status", "content": {"execution_state": "idle"}}
        self._messages = [*outputs, idle]
        return "recorded"

    def await_reply(self, msg_id: str, timeout: float | None = None) -> None:
        pass

    def await_idle(self, msg_id: str, timeout: float | None = None) -> None:
        self._messages.clear()

    def get_message(self, stream: str, timeout: float | None = None) -> dict[str, Any]:
        return {**self._messages.pop(0), "parent_header": {"msg_id": "recorded"}}

    # -- a plugin --

    def pytest_configure(self, config: pytest.Config) -> None:
        config.option.color = "no"  # nbval asks for it, and the terminal plugin that has it is off

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            collector: Any = item.parent
            collector.kernel = self
            collector.setup = lambda: None  # nbval's would start a kernel, and read these from a file
            collector.sanitize_patterns.update((each.regex, each.replace) for each in self.sanitizers)

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self._turn = item.cell_num  # type: ignore[attr-defined]

    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        import pytest
        from nbval.plugin import NbCellError

        self._asked += call.when == "call"
        # nbval sets it on a cell when it compares, and only then: the proof of a comparison
        self._compared += call.when == "call" and hasattr(item, "comparison_traceback")
        error = call.excinfo.value if call.excinfo is not None else None
        if isinstance(error, NbCellError):
            self._differences[self._turn + 1] = _told(error)
        elif error is not None and not isinstance(error, pytest.skip.Exception):
            self._trouble.append(f"cell {self._turn + 1}: {type(error).__name__}: {error}")

    def pytest_assertrepr_compare(self, op: str, left: object, right: object) -> list[str]:
        """The accepted output against this run's, instead of pytest's words about an `assert`."""
        return _changes(str(left), str(right))

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        # pytest's own kinds of it mean that collecting failed, and show in the exit code
        self.interrupted = excinfo.type is KeyboardInterrupt


def _message(output: Mapping[str, Any]) -> dict[str, Any]:
    return {"msg_type": output["output_type"], "content": output}


def _changes(accepted: str, now: str) -> list[str]:
    found = changes(plain(accepted).splitlines(), plain(now).splitlines())
    # of the same lines, but for what they end with or how they are coloured
    return list(found) or [f"-{accepted[-80:]!r}", f"+{now[-80:]!r}"]


_SHOWN = 12  # lines of a difference; the executed notebook has all


def _told(error: Any) -> tuple[str, ...]:
    """`cell 3: mismatch 'text/plain'`, then its lines; nbval counts cells from 0."""
    lines = [line.rstrip()[:200] for line in plain(error.inner_traceback or "").splitlines()]
    lines = [line for line in lines if line.strip() and "assert reference_output" not in line]
    title = lines.pop(0).strip() if lines else str(error)
    more = ["  ... and more"] if len(lines) > _SHOWN else []
    return (f"cell {error.cell_num + 1}: {title}", *lines[:_SHOWN], *more)


_ONE_AT_A_TIME = Lock()  # what is lent belongs to the whole process
_LAST = ("last_type", "last_value", "last_traceback", "last_exc")


@contextmanager
def _lent() -> Iterator[StringIO]:
    """Lend the process to pytest and take it back as it was. Yields what pytest prints."""
    said = StringIO()
    with _ONE_AT_A_TIME:
        ours = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("PYTEST")}
        last = {name: getattr(sys, name) for name in _LAST if hasattr(sys, name)}
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        try:
            with redirect_stdout(said), redirect_stderr(said), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield said
        finally:
            for name in [name for name in os.environ if name.startswith("PYTEST")]:
                del os.environ[name]
            os.environ.update(ours)
            _put_back(last)


def _put_back(last: dict[str, Any]) -> None:
    for name in _LAST:
        if name in last:
            setattr(sys, name, last[name])
        elif hasattr(sys, name):
            delattr(sys, name)  # it would keep a traceback, and all it holds, alive
