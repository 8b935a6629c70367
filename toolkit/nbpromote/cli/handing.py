"""Hand a command to a toolkit that has imported everything already, where `nbpromote kernel warm` keeps one."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from nbpromote.errors import Unavailable

if TYPE_CHECKING:
    from nbpromote.execute.kernels.keeping import Kept

# verbs that need MLflow, papermill or nbval, whose imports take seconds
_HEAVY = {"adopt", "run", "baseline", "diff", "release", "promote", "rollback", "report", "doctor", "verify"}


def handed(arguments: list[str]) -> int | None:
    """The exit code of a command that a warm toolkit carried out; None where it is to be carried out here."""
    if _verb(arguments) not in _HEAVY or _asks(arguments):
        return None
    from nbpromote.execute.kernels import keeping  # 0.1 s, which `status` need not pay

    for kept in keeping.all_kept():
        if kept.is_toolkit and kept.is_current:
            return _carried_out(kept, arguments)
    return None


def _verb(arguments: list[str]) -> str:
    rest = arguments[2:] if arguments[:1] == ["-C"] else arguments
    return rest[0] if rest else ""


def _asks(arguments: list[str]) -> bool:
    """Whether it may put a question: a fork has this terminal to write to, and nothing to read from."""
    return _verb(arguments) == "baseline" and "--yes" not in arguments


def _carried_out(kept: Kept, arguments: list[str]) -> int | None:
    """With this process's terminal, folder, variables and signals; None where a variable stands in the way."""
    from nbpromote.execute.kernels import keeping
    from nbpromote.execute.kernels.process import Birth, forked

    command = [*keeping.TOOLKIT, "-m", "nbpromote.cli", *arguments]
    try:
        process = forked(kept.address, Birth(argv=command, env=dict(os.environ), cwd=Path.cwd()))
    except (Unavailable, FileNotFoundError):  # it ended in this moment, or the working folder is gone
        return None

    def passed_on(number: int, _frame: object) -> None:
        if process.pid is None:  # nobody is there yet to hear it
            raise KeyboardInterrupt
        process.send_signal(number)

    heard = {number: signal.signal(number, passed_on) for number in _SIGNALS}
    try:
        code = process.wait()
        if process.pid is None:
            return None
        return code if code >= 0 else 128 - code
    except KeyboardInterrupt:
        return 130
    finally:
        process.end()
        for number, handler in heard.items():
            signal.signal(number, handler)


_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
