"""Warm kernels, from the asker's side: one zygote for each kernel program, environment and list of modules."""

from __future__ import annotations

import atexit
import hashlib
import json
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from nbpromote.errors import Unavailable
from nbpromote.execute.kernels.environ import own
from nbpromote.execute.kernels.private import end_marked, private_folder
from nbpromote.execute.kernels.process import LOAD, Birth, Process, forked

_PATIENCE = 4.0  # seconds until one that does not end is killed
IDLE = 600.0  # seconds without a kernel after which a zygote ends itself


@dataclass(frozen=True, kw_only=True)
class Warmth:
    """What a zygote imports, under the variables that all its kernels share."""

    preload: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Zygote:
    """`process` has its lifeline at standard input: it ends when that is closed, by us or by our end."""

    folder: Path
    process: subprocess.Popen[bytes]
    home: ExitStack

    @property
    def address(self) -> Path:
        return self.folder / "zygote"

    def end(self) -> None:
        assert self.process.stdin is not None
        with suppress(OSError):
            self.process.stdin.close()
            self.process.send_signal(signal.SIGCONT)
        try:
            ended_well = self.process.wait(_PATIENCE) == 0
        except subprocess.TimeoutExpired:
            self.process.kill()
            ended_well = self.process.wait() == 0
        if not ended_well:  # its forks, whose supervisors may be gone as well
            end_marked(self.folder)
        self.home.close()


_PRESENT: dict[str, Zygote] = {}
_DOOR = Lock()


def launcher(argv: Sequence[str]) -> list[str] | None:
    """The beginning of a command that starts an IPython kernel, up to `-m`; None for any other kernel."""
    if "-m" not in argv:
        return None
    at = list(argv).index("-m")
    is_ours = argv[at + 1 : at + 2] in (["ipykernel_launcher"], ["ipykernel"])
    return list(argv[:at]) if is_ours else None


def warmed(argv: Sequence[str], warmth: Warmth) -> Zygote | None:
    """The zygote for a kernel's command, started where there is none yet; None where it cannot have one."""
    python = launcher(argv)
    if python is None:
        return None
    key = hashlib.sha256(json.dumps([python, warmth.preload, sorted(warmth.env.items())]).encode()).hexdigest()
    with _DOOR:
        zygote = _PRESENT.get(key)
        if zygote is None or zygote.process.poll() is not None:
            if zygote is not None:
                zygote.home.close()  # but its forks live on, each under its supervisor
            zygote = _PRESENT[key] = _started(python, warmth)
        return zygote


def _started(python: list[str], warmth: Warmth) -> Zygote:
    home = ExitStack()
    folder = home.enter_context(private_folder())
    call = f"; zygote.main({str(folder / 'zygote')!r}, {list(warmth.preload)!r}, {IDLE})"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*python, "-c", LOAD.format("zygote") + call],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env={**warmth.env, **own(folder, folder)},
            cwd=folder,
            start_new_session=True,
        )
    return Zygote(folder, process, home)


def born(zygote: Zygote, birth: Birth) -> Process:
    """Raises `Unavailable` where the zygote did not come up."""
    while not zygote.address.exists():
        if zygote.process.poll() is not None:
            raise Unavailable(f"no warm kernel: {(zygote.folder / 'log').read_text(errors='replace').strip()}")
    return forked(zygote.address, birth)


def end_all() -> None:
    """The zygotes of this process."""
    with _DOOR:
        for zygote in _PRESENT.values():
            zygote.end()
        _PRESENT.clear()


atexit.register(end_all)
