"""Importing this imports jsonschema without what nobody here needs of it; whoever imports nbformat imports this first.

nbformat and nbclient import jsonschema, and that compiles a grammar of international addresses where one is installed,
as beside JupyterLab: 1.2 to 2 s of every command. No notebook holds a field of that format, so it is imported as if
there were none.
"""

from __future__ import annotations

import sys

_ABSENT = "rfc3987_syntax"


def _import_jsonschema() -> None:
    if _ABSENT in sys.modules or "jsonschema" in sys.modules:
        return
    sys.modules[_ABSENT] = None  # type: ignore[assignment]  # which makes Python raise ImportError
    try:
        import jsonschema  # type: ignore[import-untyped]  # noqa: F401
    finally:
        del sys.modules[_ABSENT]


_import_jsonschema()
