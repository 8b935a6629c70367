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

from nbpromote import files
from nbpromote.errors import BadInput, nearest

# What a kernel needs to find its programs, its packages, its locale and its threads; nothing that is a secret.
# `pass_env` in params/*.yaml extends it.
# fmt: off
ALLOWED = frozenset((
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TERM", "HOSTNAME",
    "VIRTUAL_ENV", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "PYTHONHASHSEED",
    "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "PYTHONUNBUFFERED", "PYTHONWARNINGS", "PYTHONUTF8",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "JAVA_HOME", "SPARK_HOME",
    "R_HOME", "JULIA_DEPOT_PATH", "CUDA_VISIBLE_DEVICES", "SOURCE_DATE_EPOCH",
))
# fmt: on
_OF_SHELLS = ("PWD", "OLDPWD", "SHLVL", "_")  # a shell's own bookkeeping, which nobody misses
ALLOWED_PREFIXES = ("LC_", "CONDA_", "JUPYTER_", "XDG_", "OMP_", "OPENBLAS_", "MKL_", "NUMEXPR_", "KMP_")


@contextmanager
def private_folder() -> Iterator[Path]:
    """A short path that only its owner may enter: IPC sockets end at 107 bytes, and they carry the kernel's key."""
    sweep()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_TEMPORARY))
    try:
        with files.held(folder / _OWNER):
            yield folder
    finally:
        _remove(folder)


_PREFIX = "nbp-"
_OWNER = "owner"
_TEMPORARY = Path("/tmp") if Path("/tmp").is_dir() else Path(tempfile.gettempdir())


def sweep() -> None:
    """Remove what killed owners left behind, with any kernel that outlived them."""
    for owner in _TEMPORARY.glob(f"{_PREFIX}*/{_OWNER}"):
        with suppress(PermissionError), files.taken_over(owner) as orphaned:
            if orphaned:
                _remove(owner.parent)


def _remove(folder: Path) -> None:
    _end_all_of(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _end_all_of(folder: Path) -> None:
    """End every process that was born of a kernel: all inherit the folder's name, also those that left its group."""
    mark = f"IPYTHONDIR={folder}/ipython".encode()
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if mark in environ.read_bytes().split(b"\0"):
                os.kill(int(environ.parent.name), signal.SIGKILL)


def require(name: str) -> None:
    """Raises `BadInput` for a kernel that is not installed, or whose program is gone."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    specs = KernelSpecManager()
    try:
        program = specs.get_kernel_spec(name).argv[0]
    except NoSuchKernel as error:
        known = sorted(specs.find_kernel_specs())
        raise BadInput(
            f"no kernel {name!r} is installed{nearest(name, known)}",
            hint=f"installed: {', '.join(known) or 'none'}; an environment may name one: kernel: NAME in params/*.yaml",
        ) from error
    except (ValueError, LookupError) as error:
        raise BadInput(f"the kernel.json of kernel {name!r} cannot be read: {error}") from error
    # jupyter_client itself answers for a bare `python`
    if shutil.which(program) is None and not program.startswith("python"):
        raise BadInput(f"kernel {name!r} starts {program}, and there is no such program", hint="install it anew")


def installed() -> frozenset[str]:
    """Names of kernels, from where Jupyter looks for them; jupyter_client would take half a second to say it."""
    from jupyter_core.paths import jupyter_path

    folders = [Path(folder) for folder in jupyter_path("kernels")]
    return frozenset(spec.parent.name for folder in folders for spec in folder.glob("*/kernel.json"))


def manager(name: str, private: Path) -> Any:
    """A kernel manager over IPC sockets in a private folder."""
    from jupyter_client.manager import AsyncKernelManager

    return AsyncKernelManager(
        kernel_name=name,
        transport="ipc",
        ip=str(private / "s"),
        connection_file=str(private / "kernel.json"),
    )


def environment(pass_env: tuple[str, ...], extra: Mapping[str, str], private: Path, folder: Path) -> dict[str, str]:
    """The kernel's variables: the allow-list, what the configuration passes, and what the toolkit adds."""
    passed = {name: value for name, value in os.environ.items() if _allowed(name) or name in pass_env}
    return {**passed, "IPYTHONDIR": str(private / "ipython"), "PWD": str(folder), **extra}


def withheld(pass_env: tuple[str, ...], extra: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the variables that the kernel does not get."""
    got = {*pass_env, *_OF_SHELLS, *extra}
    return tuple(sorted(name for name in os.environ if not _allowed(name) and name not in got))


def is_taken(name: str) -> bool:
    """Whether a kernel has a variable of this name anyway."""
    return _allowed(name) or name.startswith("NBPROMOTE_") or name in ("IPYTHONDIR", *_OF_SHELLS)


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


def peak_memory(process: int | None) -> int | None:
    """The most memory that a living process has held, in kB."""
    with suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return None


def end_group(process: int | None) -> None:
    """Kernels lead a process group of their own, so whatever the notebook started goes with it."""
    if process is not None and process != os.getpgid(0):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process, signal.SIGKILL)
