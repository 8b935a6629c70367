"""How Jupyter's own classes come to a supervised kernel: a provisioner, registered as `nbpromote-warm`."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import Bool, List, Unicode

from nbpromote.errors import Unavailable
from nbpromote.execute.kernels.private import place
from nbpromote.execute.kernels.process import Birth, Process, fresh
from nbpromote.execute.kernels.zygotes import Warmth, born, warmed


class Supervised(LocalProvisioner):
    """A local kernel under a supervisor: nothing that it started outlives it."""

    preload = List(Unicode(), help="Modules that are imported once, for every kernel to be forked with.").tag(
        config=True
    )
    warm = Bool(True, help="Whether a fork will do.").tag(config=True)
    born: Process | None = None  # stays when Jupyter forgets the process

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        try:
            return await super().pre_launch(**kwargs)
        except OSError as error:
            raise Unavailable(
                f"the connection file of a kernel cannot be written to {error.filename or place()}: {error.strerror}",
                hint="make room there",
            ) from error

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        birth = Birth(
            argv=cmd,
            env=kwargs.get("env") or dict(os.environ),
            cwd=Path(kwargs.get("cwd") or Path.cwd()),
            private=kwargs.get("private"),
            stdout=kwargs.get("stdout"),
            stderr=kwargs.get("stderr"),
        )
        process = await _begun(birth, kwargs.get("warmth"))
        self.process = self.born = process  # type: ignore[assignment]
        self.pid = self.pgid = process.pid
        self.cwd = birth.cwd
        return self.connection_info

    async def send_signal(self, signum: int) -> None:
        if self.born is not None:
            self.born.send_signal(signum)

    async def cleanup(self, restart: bool = False) -> None:
        await super().cleanup(restart)
        if self.born is not None:
            self.born.end()


async def _begun(birth: Birth, warmth: Warmth | None) -> Process:
    """A fork where one can be had, else a fresh program."""
    zygote = warmed(birth.argv, warmth) if warmth is not None else None
    if zygote is not None:
        with suppress(Unavailable):  # it was killed
            process = await _there(born(zygote, birth))
            if process.pid is not None:
                return process
            process.end()
    return await _there(fresh(birth))


async def _there(process: Process) -> Process:
    while process.pid is None and process.poll() is None:
        await asyncio.sleep(0.002)
    return process


def manager(name: str, private: Path) -> Any:
    """A kernel manager over IPC sockets in a private folder, whose kernel is supervised."""
    from jupyter_client.manager import AsyncKernelManager

    km = AsyncKernelManager(
        kernel_name=name,
        transport="ipc",
        ip=str(private / "s"),
        connection_file=str(private / "kernel.json"),
    )
    assert km.kernel_spec is not None
    km.kernel_spec.metadata = {**km.kernel_spec.metadata, "kernel_provisioner": {"provisioner_name": "nbpromote-warm"}}
    return km


def process_of(km: Any) -> Process | None:
    """None for a kernel that was never started, or that another provisioner started."""
    return getattr(km.provisioner, "born", None)
