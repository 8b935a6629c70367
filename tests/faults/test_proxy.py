"""Every write of a promotion, met by every fault that can stand between it and a server, once and for good.

What was said is held against what the server holds, asked past the proxy; after one more command there is exactly one
outcome. Prints how many faults were met.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from carrying import WRITES, Carried
from faults import lanes
from nbpromote import track
from nbpromote.errors import Unavailable
from nbpromote.track import asking
from proxy import FAULTS, Proxy

FOR_GOOD = 999
# a look shows whether these were made; whether the others were is not known without their reply
_LOOKED_FOR = ("experiment", "run", "model", "output", "version", "alias", "registered")

TRIALS = [(write, fault, count) for write in WRITES for fault in FAULTS for count in (1, FOR_GOOD)]
# a third of them a day; all in three days, or with FAULTS_TIMES=3
SOME = TRIALS[lanes.SEED % 3 :: 3] if lanes.within(0, 1) < 3 else TRIALS


@pytest.fixture(scope="module")
def met() -> Iterator[list[str]]:
    """The faults that were really met, with what came of each."""
    found: list[str] = []
    yield found
    stopped = sum(one.endswith("stopped") for one in found)
    met_of_all = f"{len(found)} of {len(TRIALS)} faults at {len(WRITES)} writes"
    print(f"\nproxy: {met_of_all}; {stopped} stopped a promotion, each with a true word")


@pytest.fixture
def server(served, monkeypatch) -> str:
    for name, value in served.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(asking, "_WAITS", (0.01, 0.02, 0.05))
    return served.uri


@pytest.mark.skipif(not lanes.WHOLE, reason="tests/test_backends.py tries some of them")
@pytest.mark.parametrize(("write", "fault", "count"), SOME)
def test_no_fault_makes_a_second_of_anything_or_a_false_word(write, fault, count, server, met, tmp_path):
    carried, said = Carried(tmp_path), ""
    with Proxy(server) as proxy:
        rule = proxy.rule(*WRITES[write], fault, count=count)
        try:
            carried.go(proxy.address)
        except Unavailable as error:
            said = str(error)
        hit, rule.count = rule.met, 0
        _true(said, carried, server, done=fault.endswith("after"))
        model = carried.go(proxy.address)

    assert hit, "the fault was never met"
    met.append(f"{write} {fault}: {'stopped' if said else 'passed'}")
    assert bool(said) is (count == FOR_GOOD and not _found_out(write, fault)), said
    assert carried.versions(server) == [model.version] == [carried.champion(server)]
    assert len(carried.runs(server)) == len(set(carried.runs(server)))
    assert track.check_model(server, model, tmp_path / "seen") is None


def _found_out(write: str, fault: str) -> bool:
    """Whether a look shows that a write was done whose reply never comes; what cannot be looked for is not known."""
    if write in ("artifact", "model file"):  # whose reply MLflow does not read
        return fault == "html after"
    return fault.endswith("after") and write in _LOOKED_FOR


def _true(said: str, carried: Carried, server: str, *, done: bool) -> None:
    """What was said of the registry is so, and nothing else is claimed."""
    assert "<" not in said
    assert len(said) < 300
    assert "promoted" not in said
    if not said:
        assert carried.champion(server) == carried.versions(server)[0]
    if "it changed nothing" in said:
        assert not done, said
    elif said:
        assert "it is not known whether" in said or "did not arrive whole" in said, said
