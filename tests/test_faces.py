"""Faces whose modules are loaded when they are asked for: every name is there, whatever was imported before it."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pkgutil import iter_modules

import pytest

FACES = (
    "nbpromote",
    "nbpromote.gate",
    "nbpromote.notebook",
    "nbpromote.report",
    "nbpromote.secrets",
    "nbpromote.workflow",
)


@pytest.mark.parametrize("face", FACES)
def test_a_face_gives_what_it_names(face: str) -> None:
    package = import_module(face)

    assert [name for name in package.__all__ if not hasattr(package, name)] == []
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        package.nothing  # noqa: B018


@pytest.mark.parametrize("face", FACES)
def test_no_name_of_a_face_is_that_of_a_module_which_would_take_its_place(face: str) -> None:
    package = import_module(face)

    assert {module.name for module in iter_modules(package.__path__)} & set(package.__all__) == set()


def test_the_status_loads_no_page_no_plan_and_no_rules_of_notebooks() -> None:
    code = "import sys; from nbpromote.report import board, board_json; from nbpromote.workflow import status; "
    code += "print([name for name in sys.modules if name.startswith('nbpromote.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    for heavy in (
        "report.pages",
        "report.plans",
        "report.found",
        "notebook.rules",
        "notebook.pairing",
        "gate.deciding",
    ):
        assert f"nbpromote.{heavy}" not in done.stdout
