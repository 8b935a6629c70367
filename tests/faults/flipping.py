"""One bit of one file is another one when the next command comes: refused by name, or what goes live is right."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from faults import judging
from faults.grounds import Plot
from faults.killing import Scenario, value
from ground import Done, Ground
from nbpromote import ledger, release
from nbpromote.ledger.records import number_of, place
from nbpromote.model import Event
from nbpromote.workflow.promotion import keeping
from nbpromote.workflow.site import Site

# where the things are that a promotion rests on
_THINGS = {
    "release": ".nbpromote/store/sha256/*/*",
    "model at MLflow": ".nbpromote/mlflow/*/mlflow-artifacts/**/models/**/*",
    "ledger, policy and code": ".git/objects/[0-9a-f][0-9a-f]/*",
    "run": ".nbpromote/runs/*/*",
    "run's code": ".nbpromote/runs/*/code/**/*",
}


@dataclass(frozen=True)
class Thing:
    kind: str
    path: str

    def __str__(self) -> str:
        return f"{self.kind} {self.path}"


def things(plot: Plot, scenario: Scenario) -> list[Thing]:
    root = plot.lay(scenario.kept).root
    found = ((kind, path) for kind, glob in _THINGS.items() for path in sorted(root.glob(glob)))
    return [Thing(kind, path.relative_to(root).as_posix()) for kind, path in found if _counts(path)]


def _counts(path: Path) -> bool:
    """Not MLflow's note of a load, nor what is kept to look things up."""
    return path.is_file() and path.stat().st_size > 0 and path.name not in ("registered_model_meta", "journal.jsonl")


def flipped(plot: Plot, scenario: Scenario, thing: Thing, chance: random.Random) -> list[str]:
    """What is wrong with the command while a bit of the thing is another one, and with a second one when it is back."""
    ground = plot.lay(scenario.kept)
    file = ground.root / thing.path
    before = flip(file, chance)
    faults = value(plot, lambda: list(_answered(ground, scenario)))
    file.write_bytes(before)
    faults += value(plot, lambda: list(_mended(ground, scenario)))
    return [f"{scenario.name} with another bit in {thing}: {fault}" for fault in faults]


def flip(file: Path, chance: random.Random) -> bytes:
    """One bit of it; gives back what it was."""
    before = file.read_bytes()
    at = chance.randrange(len(before))
    file.chmod(0o600)
    file.write_bytes(before[:at] + bytes([before[at] ^ 1 << chance.randrange(8)]) + before[at + 1 :])
    return before


def _answered(ground: Ground, scenario: Scenario) -> Iterator[str]:
    """Told in words and nothing went live; or all that is live is whole, and the bit was in what nobody needs."""
    done = scenario.run(ground)
    if done.returncode == scenario.code:
        yield from _unseen(ground, scenario)
    elif "Traceback" in done.stderr:
        yield f"a traceback: {done.stderr[-400:]}"
    elif not _names_it(done):
        yield f"the refusal names nothing: {(done.stdout + done.stderr)[-400:]}"


def _unseen(ground: Ground, scenario: Scenario) -> Iterator[str]:
    """What is wrong with what went live, to the last file of the release.

    What is served has to be right. Damage in what nobody was asked for, records of old and what a rollback puts back
    in an emergency, does not stop it; but `doctor` has to name it.
    """
    site, attempt = Site(ground.project), scenario.attempt
    told = ground.nbpromote("doctor")
    faults = [fault] if (fault := ledger.broken(site.ledger, attempt.environment)) else []
    for notebook in attempt.releases:
        live = site.ledger.state(attempt.environment)[notebook].live
        assert live is not None
        yield from judging.served(live)
        if lost := keeping.fault(site, live):
            faults.append(lost)
            if scenario.command[0] != "rollback":
                yield f"it went live, and {lost}"
    if faults and told.returncode == 0:
        yield f"doctor finds nothing, and {faults}"


_NAMED = re.compile(
    "was changed|is gone|corrupt|inflate|cannot be read|not the code that ran|was edited since|is no |is not as "
    "|bad object|missing|not a valid|does not hold|was put in|unable to (read|unpack)|git fsck"
)


def _names_it(done: Done) -> bool:
    return _NAMED.search(done.stdout + done.stderr) is not None


def _mended(ground: Ground, scenario: Scenario) -> Iterator[str]:
    """Nothing was harmed: with the bit as it was the command does what it does."""
    if not judging.is_done(ground, scenario.attempt):
        done = scenario.run(ground)
        if done.returncode != scenario.code:
            yield f"with the bit back: exit {done.returncode}: {(done.stdout + done.stderr)[-400:]}"
            return
    yield from (fault for fault in judging.judged(ground, scenario.attempt) if "versions" not in fault)


# -- what consent rests on: the file that keeps it, and what names it where it is refused ------------------------------


def _object(ground: Ground, name: str) -> tuple[Path, str]:
    """A blob of git's."""
    blob = ground.git("rev-parse", name)
    return ground.root / ".git/objects" / blob[:2] / blob[2:], blob[:7]


def _sealed(ground: Ground, digest: str) -> tuple[Path, str]:
    return ground.root / ".nbpromote/store/sha256" / digest[:2] / digest[2:], digest[:12]


def _asked(ground: Ground) -> Event:
    (waiting,) = Site(ground.project).ledger.state("staging").attempts.values()
    return waiting.event


def _code(ground: Ground) -> str:
    """What a copy never runs."""
    store = Site(ground.project).store
    return release.open_(store, _asked(ground).digests[0]).files["code/notebooks/model.py"].sha256


def _record(ground: Ground, verb: str, step: str) -> tuple[Path, str]:
    events = Site(ground.project).ledger.events("staging")
    event = next(event for event in events if (event.verb, event.step) == (verb, step))
    return _object(ground, f"nbpromote/staging:{place(number_of(event))}")


RESTS_ON: Mapping[str, Callable[[Ground], tuple[Path, str]]] = {
    "the approval": lambda ground: _record(ground, "approve", "done"),
    "the request": lambda ground: _record(ground, "promote", "waiting"),
    "the ledger's state": lambda ground: _object(ground, "nbpromote/staging:state.json"),
    "the policy": lambda ground: _object(ground, "HEAD:params/staging.policy.yaml"),
    "the settings": lambda ground: _object(ground, "HEAD:params/staging.yaml"),
    "the commit": lambda ground: _object(ground, "HEAD"),
    "the release": lambda ground: _sealed(ground, _asked(ground).digests[0]),
    "code of the release": lambda ground: _sealed(ground, _code(ground)),
    "the evidence": lambda ground: _sealed(ground, _asked(ground).deployments[0].sealed["evidence.json"].sha256),
}
