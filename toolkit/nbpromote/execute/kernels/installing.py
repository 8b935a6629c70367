"""A kernel for Jupyter's own tools: the one of an environment, forked from a process that has imported already."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from nbpromote import files
from nbpromote.errors import BadInput
from nbpromote.execute.kernels import specs, zygotes


def install(
    name: str, *, of: str, preload: tuple[str, ...], idle: float, shown: str = "", prefix: Path | None = None
) -> Path:
    """Write a specification beside the others: the user's own, or below `prefix`. Raises `BadInput` without `of`."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel, _is_valid_kernel_name
    from jupyter_core.paths import jupyter_data_dir

    if not _is_valid_kernel_name(name):
        raise BadInput(f"{name!r} is no name for a kernel", hint="letters, digits, '.', '_' and '-'")
    try:
        spec = KernelSpecManager().get_kernel_spec(of)
    except NoSuchKernel as error:
        raise BadInput(f"no kernel {of!r} is installed", hint="jupyter kernelspec list") from error
    data = prefix / "share" / "jupyter" if prefix else Path(jupyter_data_dir())
    folder = data / "kernels" / name
    provisioner = {"provisioner_name": "nbpromote-warm", "config": {"preload": list(preload), "idle": idle}}
    written = {
        **spec.to_dict(),
        "display_name": shown or f"{spec.display_name}, warm",
        "metadata": {**spec.metadata, "kernel_provisioner": provisioner},
    }
    files.write(folder / "kernel.json", json.dumps(written, indent=1) + "\n")
    for logo in Path(spec.resource_dir).glob("logo-*"):
        if logo.parent != folder:
            shutil.copyfile(logo, folder / logo.name)
    return folder


def command(name: str) -> list[str]:
    """What a kernel of that name is started by. Raises `BadInput` for one that cannot be forked."""
    specs.require(name)
    python = zygotes.launcher(specs.command(name))
    if python is None:
        raise BadInput(f"kernel {name!r} is no IPython kernel, and no other can be forked")
    return python
