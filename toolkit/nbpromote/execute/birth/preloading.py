"""Import modules for others, and keep account of what importing them read, set, said and asked for."""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import os
import sys
import threading
import warnings
from collections import defaultdict
from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from contextlib import contextmanager, nullcontext
from typing import Any

# ipykernel's, from the first moment, and what modules look at that want to know where they run
_BACKEND = "module://matplotlib_inline.backend_inline"
# what each kernel has for itself, the zygote too; `becoming` puts right what was remembered of them
_OWN = {"IPYTHONDIR", "MPLCONFIGDIR", "MPLBACKEND", "TMPDIR", "PWD", "JPY_SESSION_NAME", "JPY_PARENT_PID"}


class Loaded:
    """What importing left. `words` are those that modules said, each with the module that said it."""

    def __init__(self) -> None:
        self.missing: list[str] = []
        self.refusal = ""
        self.before = dict(os.environ)
        self.set: dict[str, str] = {}  # variables that modules set for those after them
        self.read: dict[str, str] = {}  # variables that modules read, with the one that was imported then
        self.words: list[tuple[str, Word]] = []
        self.importers: dict[str, set[str]] = defaultdict(set)
        self.speakers: list[tuple[list[Word], list[str]]] = []  # what one said, and whose import would make it say so

    def differs(self, env: Mapping[str, str]) -> str:
        """Why a kernel with these variables would not be as a fresh one."""
        for name, module in self.read.items():
            if name not in _OWN and env.get(name) != self.before.get(name):
                return f"{name} is different for this kernel, and {module} reads it when it is imported"
        return ""

    def settle(self) -> None:
        """Find out once, for all forks, what each would have to."""
        for speaker in dict.fromkeys(name for name, _ in self.words):
            words = [word for name, word in self.words if name == speaker]
            self.speakers.append((words, [name for name in self._reaching(speaker) if name in sys.modules]))

    def _reaching(self, module: str) -> set[str]:
        """The modules whose import would import this one, the module itself among them."""
        found: set[str] = set()
        queue = [module]
        while queue:
            name = queue.pop()
            if name not in found:
                found.add(name)
                below = [other for other in sys.modules if other.startswith(f"{name}.")]
                queue += [*self.importers.get(name, ()), *below]
        return found


class Word:
    """A warning, or a text on one of the two streams, to be said once more where a kernel first imports the module."""

    def __init__(self, stream: str = "", text: str = "", warning: tuple[Any, ...] = ()) -> None:
        self.stream, self.text, self.warning = stream, text, warning

    def say(self) -> None:
        if self.warning:
            message, category, filename, line = self.warning
            warnings.warn_explicit(message, category, filename, line)
        else:
            getattr(sys, self.stream).write(self.text)


def load(first: tuple[str, ...], names: list[str]) -> Loaded:
    """Import in order; of `first`, what every kernel imports, without an account. None of these, and it is no kernel.

    One that cannot be imported is left to the notebook, where its author sees why.
    """
    loaded = Loaded()
    if first:
        os.environ.setdefault("MPLBACKEND", _BACKEND)
    for name in first:
        _imported(name)
    asked: list[str] = []
    at = [""]
    with _environ(loaded, at), _streams(loaded), _imports(loaded), _shell(asked) if first else nullcontext():
        for name in names:
            at[0] = name
            if not _imported(name):
                loaded.missing.append(name)
            left = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
            if left and not loaded.refusal:
                loaded.refusal = f"{name} starts a thread ({', '.join(left)}), which no fork has"
            if asked and not loaded.refusal:
                loaded.refusal = f"{name} sets up the notebook's shell when it is imported ({asked[0]})"
    loaded.settle()
    now = dict(os.environ)
    loaded.set = {name: now[name] for name in now if name not in _OWN and loaded.before.get(name) != now[name]}
    return loaded


def _imported(name: str) -> bool:
    try:
        importlib.import_module(name)
    except BaseException:
        return False
    return True


@contextmanager
def _environ(loaded: Loaded, at: list[str]) -> Iterator[None]:
    """Which variables are looked at."""
    plain = type(os.environ)

    class Watched(plain):  # type: ignore[valid-type, misc]
        def __getitem__(self, name: str) -> str:
            loaded.read.setdefault(name, at[0])
            return plain.__getitem__(self, name)

        def __contains__(self, name: object) -> bool:
            loaded.read.setdefault(str(name), at[0])
            return plain.__contains__(self, name)

        def __iter__(self) -> Iterator[str]:  # who takes all of them looks for none
            yield from [self.decodekey(name) for name in self._data]

        def copy(self) -> dict[str, str]:
            return {name: plain.__getitem__(self, name) for name in self}

        def items(self) -> ItemsView[str, str]:
            return self.copy().items()

        def values(self) -> ValuesView[str]:
            return self.copy().values()

    os.environ.__class__ = Watched
    try:
        yield
    finally:
        os.environ.__class__ = plain


@contextmanager
def _streams(loaded: Loaded) -> Iterator[None]:
    """What is said goes to the log and is kept; who keeps a stream for later has the kernel's, whichever it is then."""

    def warned(message: Any, category: Any, filename: str, lineno: int, *_more: Any, **_named: Any) -> None:
        loaded.words.append((_speaker(), Word(warning=(message, category, filename, lineno))))

    before = warnings.showwarning
    warnings.showwarning = warned
    sys.stdout, sys.stderr = _Stream("stdout", loaded), _Stream("stderr", loaded)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
        if warnings.showwarning is warned:
            warnings.showwarning = before


class _Stream:
    def __init__(self, name: str, loaded: Loaded) -> None:
        self._name, self._loaded = name, loaded

    def write(self, text: str) -> int:
        current = getattr(sys, self._name)
        if current is not self:
            return int(current.write(text))
        self._loaded.words.append((_speaker(), Word(stream=self._name, text=text)))
        return len(text)

    def __getattr__(self, attribute: str) -> Any:
        current = getattr(sys, self._name)
        return getattr(getattr(sys, f"__{self._name}__") if current is self else current, attribute)


def _speaker() -> str:
    """The module that is being imported."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "<module>":
            return str(frame.f_globals.get("__name__"))
        frame = frame.f_back
    return ""


@contextmanager
def _imports(loaded: Loaded) -> Iterator[None]:
    """Who imports whom, also where it was imported before."""
    before = builtins.__import__

    def noted(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        importer = (globals or {}).get("__name__", "")
        try:
            package = (globals or {}).get("__package__") or importer
            full = importlib.util.resolve_name("." * level + name, package) if level else name
        except (ImportError, ValueError):
            full = name
        loaded.importers[full].add(importer)
        for part in fromlist or ():
            loaded.importers[f"{full}.{part}"].add(importer)
        return before(name, globals, locals, fromlist, level)

    # `warnings` counts no frames of the import system, and this is one
    noted.__code__ = noted.__code__.replace(co_filename="<frozen importlib._bootstrap>")
    builtins.__import__ = noted
    try:
        yield
    finally:
        builtins.__import__ = before


@contextmanager
def _shell(asked: list[str]) -> Iterator[None]:
    """Modules that ask where they run are told: in a kernel. `asked` gets what they want of its shell beyond that."""
    import IPython
    from IPython.core import getipython

    class ZMQInteractiveShell:
        config: dict[str, Any] = {"IPKernelApp": {}}  # noqa: RUF012

        def __getattr__(self, attribute: str) -> Any:
            asked.append(attribute)
            raise AttributeError(attribute)

    real = getipython.get_ipython
    stand_in = [ZMQInteractiveShell()]

    def get_ipython() -> Any:
        return stand_in[0] if stand_in else real()

    getipython.get_ipython = IPython.get_ipython = get_ipython
    try:
        yield
    finally:
        stand_in.clear()
        getipython.get_ipython = IPython.get_ipython = real
