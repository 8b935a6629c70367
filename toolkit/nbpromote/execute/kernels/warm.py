"""The fork that a kernel is, where one can be had, else why it is a fresh program."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

from nbpromote.errors import Unavailable
from nbpromote.execute.kernels import environ, keeping, specs, zygotes
from nbpromote.execute.kernels.process import Birth, Process, forked, fresh
from nbpromote.execute.kernels.zygotes import Warmth, Zygote

OFTEN = 0.002  # seconds

# what was found out about a zygote holds for this process: who would wait once more would wait in vain
_HOPELESS: dict[tuple[str, ...], str] = {}


async def begun(birth: Birth, warmth: Warmth | None) -> Process:
    """A kernel that is there; `start` says what it is."""
    if warmth is None:
        return await _fresh(birth)
    why = zygotes.unfit(birth.argv, warmth) or _HOPELESS.get(_key(birth, warmth), "")
    if not why:
        for address, zygote in _addresses(birth, warmth):
            process, why = await _asked(address, zygote, birth, warmth)
            if process is not None:
                process.start = "warm"
                return process
        if zygote is not None:
            _HOPELESS[_key(birth, warmth)] = why
    return await _fresh(birth, why)


def begin(kernel: str, warmth: Warmth) -> None:
    """Start what kernels of a name will be forked from, and wait for nothing."""
    argv = specs.command(kernel)
    python = zygotes.launcher(argv)
    if python is not None and not zygotes.unfit(argv, warmth) and keeping.covering(python, warmth) is None:
        zygotes.warmed(python, warmth, environ.own(Path(), Path()))


def _key(birth: Birth, warmth: Warmth) -> tuple[str, ...]:
    return (birth.argv[0], *warmth.preload, *(f"{name}={value}" for name, value in sorted(warmth.env.items())))


async def _fresh(birth: Birth, why: str = "") -> Process:
    process = fresh(birth)
    while process.pid is None and process.poll() is None:
        await asyncio.sleep(OFTEN)
    process.start = f"fresh: {why}" if why else "fresh"
    return process


def _addresses(birth: Birth, warmth: Warmth) -> Iterator[tuple[Path, Zygote | None]]:
    """First one that a user keeps for a working session, then this process's own."""
    python = zygotes.launcher(birth.argv) or []
    kept = keeping.covering(python, warmth)
    if kept is not None:
        yield kept.address, None
    own = zygotes.warmed(python, warmth, birth.env.keys())
    yield own.address, own


async def _asked(address: Path, zygote: Zygote | None, birth: Birth, warmth: Warmth) -> tuple[Process | None, str]:
    """The kernel, else why there is none."""
    end = time.monotonic() + warmth.patience
    while not address.exists() and zygote is not None and zygote.is_alive and time.monotonic() < end:
        await asyncio.sleep(OFTEN)
    try:
        process = forked(address, birth)
    except Unavailable:
        return None, f"its zygote did not come up: {zygote.said}" if zygote else "its zygote has ended"
    while process.pid is None and process.poll() is None:
        if time.monotonic() > end:
            process.end()
            return None, f"its zygote did not come up within {warmth.patience:g} s"
        await asyncio.sleep(OFTEN)
    if process.pid is not None:
        return process, ""
    process.end()
    said = f": {zygote.said}" if zygote and not zygote.is_alive else ""
    return None, process.refused or f"its zygote has ended{said}"
