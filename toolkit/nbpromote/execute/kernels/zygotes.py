"""Warm kernels, from the asker's side: one zygote for each kernel program, environment and list of modules."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
from collections.abc import Container, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from nbpromote.execute.kernels import environ
from nbpromote.execute.kernels.private import end_marked, private_folder
from nbpromote.execute.kernels.process import LOAD

IDLE = 600.0  # seconds without a kernel after which a zygote ends itself


@dataclass(frozen=True, kw_only=True)
class Warmth:
    """What a zygote imports, under the variables that all its kernels share.

    `patience` is how many seconds it may take to come up. Where `refusal` says why, no fork will do.
    """

    preload: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    idle: float = IDLE
    patience: float = 60.0
    refusal: str = ""


@dataclass(frozen=True, kw_only=True)
class Zygote:
    """One of this process's. Its lifeline is its standard input: it ends when that is closed, by us or by our end."""

    python: Sequence[str]
    warmth: Warmth
    folder: Path
    process: subprocess.Popen[bytes]
    keeping: ExitStack  # of the folder

    @property
    def address(self) -> Path:
        return self.folder / "zygote"

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    @property
    def said(self) -> str:
        """The last line of its log."""
        log = self.folder / "log"
        lines = log.read_text(errors="replace").split("\n") if log.exists() else []
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")

    def end(self) -> None:
        assert self.process.stdin is not None
        with suppress(OSError):
            self.process.stdin.close()
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()  # while it imports it does not see that its input has ended
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:  # an import that hangs hears nothing
            self.process.kill()
            self.process.wait()
        self.keeping.close()


_PRESENT: list[Zygote] = []
_DOOR = Lock()


def unfit(argv: Sequence[str], warmth: Warmth) -> str:
    """Why a kernel of this command cannot be forked; empty where it can."""
    if warmth.refusal:
        return warmth.refusal
    if sys.platform != "linux":
        return f"forks are not safe on {sys.platform}"
    if launcher(argv) is None:
        return f"{Path(argv[0]).name} starts no IPython kernel"
    places = warmth.env.get("PYTHONPATH", "").split(":")
    if any(place and not place.startswith("/") for place in places):
        return "PYTHONPATH counts from the working folder, which each kernel has for itself"
    return ""


def launcher(argv: Sequence[str]) -> list[str] | None:
    """The beginning of a command that starts an IPython kernel, up to `-m`; None for any other kernel."""
    if "-m" not in argv:
        return None
    at = list(argv).index("-m")
    is_ours = argv[at + 1 : at + 2] in (["ipykernel_launcher"], ["ipykernel"])
    return list(argv[:at]) if is_ours else None


def warmed(python: Sequence[str], warmth: Warmth, own: Container[str]) -> Zygote:
    """This process's zygote: one that covers what is wanted, else a new one, which may not be up yet.

    `own` are the variables that its kernels have each for itself.
    """
    with _DOOR:
        for gone in [zygote for zygote in _PRESENT if not zygote.is_alive]:
            _PRESENT.remove(gone)
            gone.end()
        for zygote in _PRESENT:
            same = zygote.python == python and zygote.warmth.env == warmth.env
            if same and {*warmth.preload} <= {*zygote.warmth.preload}:
                return zygote
        _PRESENT.append(_started(python, warmth, own))
        return _PRESENT[-1]


def _started(python: Sequence[str], warmth: Warmth, own: Container[str]) -> Zygote:
    keeping = ExitStack()
    folder = keeping.enter_context(private_folder())
    # what each kernel has for itself the zygote has as well, or modules would look into the user's own settings
    its_own = {name: value for name, value in environ.own(folder, folder).items() if name in own}
    process = launch(python, folder, {**warmth.env, **its_own}, warmth, kept=False)
    return Zygote(python=python, warmth=warmth, folder=folder, process=process, keeping=keeping)


def launch(
    python: Sequence[str], folder: Path, env: Mapping[str, str], warmth: Warmth, *, kept: bool, of: str = "kernels"
) -> subprocess.Popen[bytes]:
    """A zygote of kernels or of commands; one that is `kept` outlives whoever started it."""
    call = f"; zygote.main({str(folder / 'zygote')!r}, {list(warmth.preload)!r}, {warmth.idle}, {kept}, {of!r})"
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [*python, "-c", LOAD.format("zygote") + call],
            stdin=subprocess.DEVNULL if kept else subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=dict(env),
            cwd=folder,
            start_new_session=True,
        )


def end_all() -> None:
    """The zygotes of this process."""
    with _DOOR:
        while _PRESENT:
            zygote = _PRESENT.pop()
            zygote.end()
            if zygote.process.returncode < 0:  # it was killed, and so may be those that supervised its forks
                end_marked(zygote.folder)


atexit.register(end_all)
os.register_at_fork(after_in_child=_PRESENT.clear)  # they are the parent's, to ask and to end
