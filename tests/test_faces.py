"""Faces that load a module when it is asked for what is in it: every name is there, and is what its module says."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

import pytest

FACED = ["nbpromote.gate", "nbpromote.notebook", "nbpromote.report", "nbpromote.secrets", "nbpromote.workflow"]


@pytest.mark.parametrize("name", FACED)
def test_a_lazy_face_gives_all_that_it_promises(name: str) -> None:
    package = import_module(name)

    assert [shown for shown in package.__all__ if getattr(package, shown, None) is None] == []
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = package.nothing


@pytest.mark.parametrize("name", FACED)
def test_no_name_of_a_lazy_face_is_that_of_a_module(name: str) -> None:
    package = import_module(name)

    assert not {one.name for one in iter_modules(package.__path__)} & set(package.__all__)
