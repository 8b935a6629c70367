"""Each mutated copy gets the verdict of its row, from the check or gate that it names, in words that name the cause."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mutations import page
from mutations.judging import Original, original
from mutations.table import MUTATIONS, PASSES, Mutation


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Original:
    return original(tmp_path_factory.mktemp("mutations") / "flights", empty_store)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_mutated_copy_gets_the_verdict_of_a_careful_reviewer(flights: Original, mutation: Mutation) -> None:
    said = flights.judge(mutation)

    assert said.verdict == mutation.verdict, said.told
    if mutation.verdict != PASSES:
        assert re.search(mutation.words, said.by(mutation.says)), said.told


def test_the_page_has_every_row() -> None:
    assert len(MUTATIONS) > 30
    assert page.PAGE.read_text(encoding="utf-8") == page.rendered()
