"""The variables that a kernel gets: an allow-list, what the configuration passes, and the toolkit's own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

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


# scikit-learn sets them in whoever imports it, and a toolkit that did so is no other environment for its kernels
_OF_LIBRARIES = frozenset(("KMP_DUPLICATE_LIB_OK", "KMP_INIT_AT_FORK")) - os.environ.keys()


def shared(pass_env: tuple[str, ...], of: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What every kernel of an environment has: the allow-list, and what the configuration passes."""
    passed = {name for name in of if _allowed(name) and name not in _OF_LIBRARIES} | {*pass_env}
    return {name: value for name, value in of.items() if name in passed}


def own(private: Path, folder: Path) -> dict[str, str]:
    """What one kernel has for itself: its working folder, and places of its own for what programs leave lying about."""
    return {
        "IPYTHONDIR": str(private / "ipython"),
        "MPLCONFIGDIR": str(private / "matplotlib"),
        "TMPDIR": str(private / "tmp"),
        "PWD": str(folder),
    }


def is_own(name: str) -> bool:
    """Whether a variable is one kernel's alone, also where Jupyter starts it."""
    return name in own(Path(), Path()) or name.startswith("JPY_") or name in _OF_SHELLS


def withheld(pass_env: tuple[str, ...], extra: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the variables that the kernel does not get."""
    got = {*pass_env, *_OF_SHELLS, *extra}
    return tuple(sorted(name for name in os.environ if not _allowed(name) and name not in got))


def is_taken(name: str) -> bool:
    """Whether a kernel has a variable of this name anyway."""
    return _allowed(name) or name.startswith("NBPROMOTE_") or name in ("IPYTHONDIR", *_OF_SHELLS)


def _allowed(name: str) -> bool:
    return name in ALLOWED or name.startswith(ALLOWED_PREFIXES)
