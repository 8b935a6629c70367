"""Questions to kernels of their own. What they import is imported early, once, so that it costs nobody time."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nbpromote.execute import kernels
from nbpromote.execute.kernels import Warmth
from nbpromote.execute.running import ask
from nbpromote.model import Limits

_LIMITS = Limits(start=60, cell=300, notebook=300)


@dataclass(frozen=True)
class Witness:
    """Ask it from any thread: every question has a kernel, a folder and an end of its own."""

    kernel: str
    pass_env: tuple[str, ...]
    given: Mapping[str, str]
    warmth: Warmth

    def ask(self, source: str, variables: Mapping[str, str], *, folder: Path | None = None) -> str:
        """What a source prints. Raises `Unavailable` when it raises, or when the kernel did not live to answer.

        It can write to `folder` alone; without one, to none that outlives it.
        """
        with tempfile.TemporaryDirectory(prefix="nbpromote-witness-") as own:
            return ask(
                source,
                kernel=self.kernel,
                folder=folder or Path(own),
                variables={**self.given, **variables},
                limits=_LIMITS,
                pass_env=self.pass_env,
                warmth=self.warmth,
            )


def witness(kernel: str, pass_env: tuple[str, ...], *, preload: tuple[str, ...], given: Mapping[str, str]) -> Witness:
    """One that is being warmed from now on; `given` are variables for every question.

    Raises `BadInput` for a kernel that is not installed.
    """
    kernels.require(kernel)
    warmth = Warmth(preload=preload, env={**kernels.shared(pass_env), **given}, patience=_LIMITS.start)
    kernels.begin(kernel, warmth)
    return Witness(kernel, pass_env, given, warmth)
