"""matplotlib's list of a machine's fonts. In a folder without one it looks through them anew, for 0.4 to 3 seconds.

A list is copied into each kernel's private folder and never back out of it: one run cannot spoil another's figures.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

_LISTS = "fontlist-*.json"  # a name for each version of its format


def seed(folder: Path) -> None:
    """Copy the user's own, as far as there are any."""
    for place in _places():
        for found in place.glob(_LISTS):
            with suppress(OSError):
                if not (folder / found.name).exists():
                    shutil.copyfile(found, folder / found.name)


def _places() -> list[Path]:
    """Where matplotlib keeps it, by its own rules."""
    home = Path.home()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    configured = [Path(os.environ["MPLCONFIGDIR"])] if os.environ.get("MPLCONFIGDIR") else []
    return [*configured, cache / "matplotlib", home / ".matplotlib"]
