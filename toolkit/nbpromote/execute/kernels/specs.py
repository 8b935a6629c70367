"""Which kernels there are, and whether one can be started."""

from __future__ import annotations

import shutil
from pathlib import Path

from nbpromote.errors import BadInput, nearest


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


def command(name: str) -> list[str]:
    """How an installed kernel is started."""
    from jupyter_client.manager import AsyncKernelManager

    return AsyncKernelManager(kernel_name=name).format_kernel_cmd()


def language(name: str) -> str:
    """What an installed kernel's notebooks are written in, in lower case."""
    from jupyter_client.kernelspec import KernelSpecManager

    return str(KernelSpecManager().get_kernel_spec(name).language).lower()


def installed() -> frozenset[str]:
    """Names of kernels, from where Jupyter looks for them; jupyter_client would take half a second to say it."""
    from jupyter_core.paths import jupyter_path

    folders = [Path(folder) for folder in jupyter_path("kernels")]
    return frozenset(spec.parent.name for folder in folders for spec in folder.glob("*/kernel.json"))
