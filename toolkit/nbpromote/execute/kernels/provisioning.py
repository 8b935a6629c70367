"""How Jupyter's own classes come to a supervised kernel: a provisioner, registered as `nbpromote-warm`."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import Bool, Float, List, Unicode

from nbpromote.errors import Unavailable
from nbpromote.execute.kernels import environ
from nbpromote.execute.kernels.private import place
from nbpromote.execute.kernels.process import Birth, Process
from nbpromote.execute.kernels.warm import OFTEN, begun
from nbpromote.execute.kernels.zygotes import IDLE, Warmth

_SOON, _PATIENCE = 0.5, 1.0  # seconds


class Supervised(LocalProvisioner):
    """A local kernel under a supervisor: nothing that it started outlives it."""

    preload = List(Unicode(), help="Modules that are imported once, for every kernel to be forked with.").tag(
        config=True
    )
    warm = Bool(True, help="Whether a fork will do.").tag(config=True)
    idle = Float(IDLE, help="Seconds without a kernel after which the process that imported them ends.").tag(
        config=True
    )
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
            guard=kwargs.get("guard"),
            stdout=kwargs.get("stdout"),
            stderr=kwargs.get("stderr"),
        )
        process = await begun(birth, kwargs["warmth"] if "warmth" in kwargs else self._warmth(birth))
        self.process = self.born = process  # type: ignore[assignment]
        self.pid = self.pgid = process.pid
        self.cwd = birth.cwd
        await self._listened()
        return self.connection_info

    def _warmth(self, birth: Birth) -> Warmth | None:
        """As the kernel's own specification wants it, where nobody says anything else."""
        if not self.warm:
            return None
        env = {name: value for name, value in birth.env.items() if not environ.is_own(name)}
        return Warmth(preload=tuple(self.preload), env=env, idle=self.idle)

    async def _listened(self) -> None:
        """Who connects to a socket before it is there tries again only after 100 ms."""
        info, end = self.connection_info, time.monotonic() + _PATIENCE
        if self.born is None or info.get("transport") != "ipc":
            return
        last = Path(f"{info['ip']}-{info['hb_port']}")  # a kernel binds its heart's last
        while not last.exists() and self.born.poll() is None and time.monotonic() < end:
            await asyncio.sleep(OFTEN)

    async def send_signal(self, signum: int) -> None:
        if self.born is not None:
            self.born.send_signal(signum)

    async def shutdown_requested(self, restart: bool = False) -> None:
        """Jupyter looks every 100 ms whether the kernel has gone; most are gone after 20."""
        end = time.monotonic() + _SOON
        while self.born is not None and self.born.poll() is None and time.monotonic() < end:
            await asyncio.sleep(OFTEN)

    async def cleanup(self, restart: bool = False) -> None:
        await super().cleanup(restart)
        if self.born is not None:
            self.born.end()


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
