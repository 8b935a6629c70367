"""From a fork to the kernel that was asked for: of the zygote only its modules are left."""

from __future__ import annotations

import atexit
import gc
import importlib.machinery
import io
import os
import runpy
import signal
import sys
import tempfile
import threading
import time
import traceback
from contextlib import suppress
from typing import Any, cast

from .preloading import Loaded, Word


def become(request: dict[str, Any], loaded: Loaded) -> None:
    """Does not come back."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update({**request["env"], **loaded.set})
    time.tzset()
    argv = request["argv"]
    program = argv.index("-m") + 1
    sys.orig_argv = [*argv]
    sys.argv = argv[program:]
    if not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
        sys.path.insert(0, request["cwd"])
    _forget()
    _sleep(loaded)
    _leave(_ran(argv[program]))


def _forget() -> None:
    """What modules remember of a process, or drew by lot, and what is ours."""
    tempfile.tempdir = None
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()  # Python's own generator does so at every fork
    if "multiprocessing.process" in sys.modules:
        sys.modules["multiprocessing.process"].current_process().authkey = os.urandom(32)
    if "matplotlib" in sys.modules:
        for remembered in ("get_configdir", "get_cachedir"):
            _ask_again(getattr(sys.modules["matplotlib"], remembered, None))
    ours = __name__.split(".")[0]
    for name in [name for name in sys.modules if name.split(".")[0] == ours]:
        del sys.modules[name]
    main = vars(sys.modules["__main__"])
    for name in [name for name in main if not (name.startswith("__") and name.endswith("__"))]:
        del main[name]


def _ask_again(function: Any) -> None:
    """matplotlib keeps an answer in a variable of its own decorator."""
    names = getattr(getattr(function, "__code__", None), "co_freevars", ())
    for name, cell in zip(names, getattr(function, "__closure__", None) or ()):  # noqa: B905 (not in Python 3.9)
        if name == "called":
            cell.cell_contents = False


def _sleep(loaded: Loaded) -> None:
    """Modules whose import said something are put aside; who imports them gets them back, and hears it."""
    for words, names in loaded.speakers:
        asleep = {name: sys.modules[name] for name in names if name in sys.modules}
        for name in asleep.keys() - {"__main__"}:
            del sys.modules[name]
        sys.meta_path.insert(0, _Sleeping(asleep, words))


class _Sleeping:
    """Finds and loads modules that are there already."""

    def __init__(self, asleep: dict[str, Any], words: list[Word]) -> None:
        self._asleep, self._words = asleep, words
        self._specs = {name: module.__spec__ for name, module in asleep.items()}

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name not in self._asleep:
            return None
        spec = importlib.machinery.ModuleSpec(name, cast(Any, self), origin=self._specs[name].origin)
        spec.submodule_search_locations = self._specs[name].submodule_search_locations
        return spec

    def create_module(self, spec: Any) -> Any:
        return self._asleep[spec.name]

    def exec_module(self, module: Any) -> None:
        module.__spec__ = self._specs[module.__name__]
        if self in sys.meta_path:
            sys.meta_path.remove(self)
            for name, found in self._asleep.items():
                sys.modules.setdefault(name, found)
            for word in self._words:
                word.say()


def _ran(module: str) -> int:
    """The exit code of what `python -m` does."""
    try:
        runpy._run_module_as_main(module)  # type: ignore[attr-defined]
    except SystemExit as leaving:
        if leaving.code is None or isinstance(leaving.code, int):
            return leaving.code or 0
        print(leaving.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _leave(code: int) -> None:
    """As Python ends, but that it does not take apart, object by object, what will be gone in a moment."""
    # ipykernel may wait seconds for itself where its own exit handlers come before it has answered
    for thread in threading.enumerate():
        if thread.name == "Control":
            thread.join(1)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    gc.collect()
    for file in gc.get_objects():
        if isinstance(file, (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)):
            with suppress(OSError, ValueError):
                file.flush()
    for stream in (sys.__stdout__, sys.__stderr__):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()  # type: ignore[union-attr]
    os._exit(code & 0xFF)
