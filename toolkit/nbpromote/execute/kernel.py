"""One kernel: started in private, given an allow-listed environment, gone with everything it started."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from nbpromote.errors import BadInput, nearest

# What a kernel needs to find its programs, its packages, its locale and its threads; nothing that is a secret.
# `pass_env` in params/*.yaml extends it.
# fmt: off
ALLOWED = frozenset((
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TERM", "PWD", "HOSTNAME",
    "VIRTUAL_ENV", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "PYTHONHASHSEED",
    "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "PYTHONUNBUFFERED", "PYTHONWARNINGS", "PYTHONUTF8",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "JAVA_HOME", "SPARK_HOME",
    "R_HOME", "JULIA_DEPOT_PATH", "CUDA_VISIBLE_DEVICES", "SOURCE_DATE_EPOCH",
))
# fmt: on
ALLOWED_PREFIXES = ("LC_", "CONDA_", "JUPYTER_", "XDG_", "OMP_", "OPENBLAS_", "MKL_", "NUMEXPR_", "KMP_")


@contextmanager
def private_folder() -> Iterator[Path]:
    """A short path that only its owner may enter: IPC sockets end at 107 bytes, and they carry the kernel's key."""
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=_TEMPORARY))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


_PREFIX = "nbp-"
_TEMPORARY = Path("/tmp") if Path("/tmp").is_dir() else Path(tempfile.gettempdir())


def _sweep() -> None:
    """Remove what killed owners left behind."""
    for folder in _TEMPORARY.glob(f"{_PREFIX}*-*"):
        owner = folder.name.removeprefix(_PREFIX).split("-")[0]
        if owner.isdigit() and not is_alive(int(owner)) and folder.owner() == _user():
            shutil.rmtree(folder, ignore_errors=True)


def _user() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def manager(name: str, private: Path) -> Any:
    """A kernel manager over IPC sockets in a private folder.

    Raises `BadInput` for a kernel that is not installed.
    """
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

    specs = KernelSpecManager()
    if name not in specs.find_kernel_specs():
        known = sorted(specs.find_kernel_specs())
        raise BadInput(
            f"no kernel {name!r} is installed{nearest(name, known)}",
            hint=f"installed: {', '.join(known) or 'none'}; an environment may name one: kernel: NAME in params/*.yaml",
        )
    return AsyncKernelManager(
        kernel_name=name,
        kernel_spec_manager=specs,
        transport="ipc",
        ip=str(private / "s"),
        connection_file=str(private / "kernel.json"),
    )


def environment(pass_env: tuple[str, ...], extra: Mapping[str, str], private: Path) -> dict[str, str]:
    """The kernel's variables: the allow-list, what the configuration passes, and what the toolkit adds."""
    passed = {name: value for name, value in os.environ.items() if _allowed(name) or name in pass_env}
    return {**passed, "IPYTHONDIR": str(private / "ipython"), **extra}


def withheld(pass_env: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the variables that the kernel does not get."""
    return tuple(sorted(name for name in os.environ if not _allowed(name) and name not in pass_env))


def _allowed(name: str) -> bool:
    return name in ALLOWED or name.startswith(ALLOWED_PREFIXES)


def process_of(km: Any) -> int | None:
    pid = getattr(km.provisioner, "pid", None)
    return pid if isinstance(pid, int) else None


def exit_code(km: Any) -> int | None:
    """How the process ended: negative for a signal; None while it lives or when nobody knows."""
    process = getattr(km.provisioner, "process", None)
    code = process.poll() if process is not None else None
    return code if isinstance(code, int) else None


def end_group(process: int | None) -> None:
    """Kernels lead a process group of their own, so whatever the notebook started goes with it."""
    if process is not None and process != os.getpgid(0):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process, signal.SIGKILL)
