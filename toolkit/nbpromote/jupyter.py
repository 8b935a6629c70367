"""What a Jupyter server loads: after it saved both sides of a pair, note that they agree. Never breaks a save.

jupytext's contents manager writes both sides when JupyterLab saves one. Without the note, `sync` would find two files
that it never saw together, and know less of the next edit. `jupyter_server_config.d/nbpromote.json` of the wheel
switches this on; whatever else the server does is its own business.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

_SIDES = (".ipynb", ".py", ".R", ".r", ".jl")


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]


def _load_jupyter_server_extension(server: Any) -> None:
    manager = server.contents_manager
    if not hasattr(manager, "register_post_save_hook"):
        server.log.info("nbpromote: %s tells nobody of its saves; agreement is noted by sync", type(manager).__name__)
        return
    manager.register_post_save_hook(note_agreement)


def note_agreement(*, os_path: str, contents_manager: Any, **_: Any) -> None:
    """Called once for each file saved; the call for the second side finds that both agree."""
    if not os_path.endswith(_SIDES):
        return
    try:
        _note(Path(os_path))
    except Exception as error:  # whatever it is, the save has been done and stays
        contents_manager.log.warning("nbpromote: agreement of %s was not noted: %s", os_path, error)


def _note(path: Path) -> None:
    from nbpromote import project, workflow
    from nbpromote.errors import NotFound

    try:
        workflow.record_agreement(project.find(path.parent), path)
    except NotFound:  # no project, no repository, no notebook: nothing of ours
        return
