"""Every parser answers strangers' bytes with a typed error, and soon. `make soak` looks for more of them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from fuzz.targets import TARGETS, feed

CORPUS = Path(__file__).parent / "fuzz" / "corpus"
MUTATIONS = 150


@pytest.mark.parametrize("target", TARGETS)
def test_what_fuzzing_found_is_answered(target: str) -> None:
    kept = sorted((CORPUS / target).iterdir())

    assert kept
    for path in kept:
        feed(target, path.read_bytes())


@pytest.mark.parametrize("target", TARGETS)
def test_inputs_near_those_found_are_answered(target: str) -> None:
    chance = random.Random(target)
    seeds = [path.read_bytes() for path in sorted((CORPUS / target).iterdir())]
    for _ in range(MUTATIONS):
        feed(target, _mutated(chance.choice(seeds), chance.choice(seeds), chance))


def _mutated(one: bytes, other: bytes, chance: random.Random) -> bytes:
    """One input with a piece of another put in, a piece cut out, and a byte changed."""
    at, cut = chance.randrange(len(one) + 1), chance.randrange(8)
    start = chance.randrange(len(other) + 1)
    mixed = bytearray(one[:at] + other[start : start + chance.randrange(24)] + one[at + cut :])
    if mixed:
        mixed[chance.randrange(len(mixed))] = chance.randrange(256)
    return bytes(mixed)
