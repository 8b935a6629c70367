"""The whole road on real flights, step by step, as a data scientist would walk it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from nbpromote import files, git, report
from nbpromote import project as projects
from nbpromote.errors import Refused, Usage
from nbpromote.model import Promotion
from nbpromote.project import Project
from nbpromote.workflow.authoring import pairing, starting
from nbpromote.workflow.evidence import accepting, running, witnessing
from nbpromote.workflow.promotion import promoting, releasing, returning
from nbpromote.workflow.telling import reporting, watching

Say = Callable[[str], None]

# one line of train_delay.py, made worse: the model no longer sees what is known at push-back
GOOD, WORSE = '    "dep_delay",\n', ""


@dataclass(frozen=True, kw_only=True)
class BackEnds:
    """What the demo shares with others; without any it needs nothing but this machine."""

    tracking_uri: str | None = None
    store: str | None = None
    remote: str | None = None


@dataclass(frozen=True)
class Walk:
    project: Project
    say: Say
    shares: bool = False  # its commits, with a remote

    @contextmanager
    def step(self, verb: str, what: str) -> Iterator[None]:
        """One line a step, with its seconds, once it is done."""
        started = time.monotonic()
        yield
        self.say(f"{verb:<9} {what:<62} {time.monotonic() - started:5.1f} s")


def walk(folder: Path, *, say: Say, on: BackEnds = BackEnds()) -> None:
    """Raises `Usage` when the folder is not new, and `Refused` when a step does not go as it should."""
    if folder.exists() and any(folder.iterdir()):
        raise Usage(f"{folder} is not empty; the demo wants a folder of its own")
    started = time.monotonic()
    walker = _begin(folder, say, on)
    witnessing.witness("python3", ())
    _together(_road(walker))
    _commit(walker, "Accept the outputs of dev")
    _worsen(walker)
    _end(walker, seconds=time.monotonic() - started)


def _begin(folder: Path, say: Say, on: BackEnds) -> Walk:
    started = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    repository = git.init(folder)  # of its own, wherever it lies: it is committed to
    starting.init(folder, example="flights")
    repository.run("config", "user.name", "Ada Demo")
    repository.run("config", "user.email", "ada@example.org")
    _configure(folder, on)
    walker = Walk(projects.find(folder), say, shares=on.remote is not None)
    _commit(walker, "Start from the flights example")
    say(f"{'init':<9} {f'four notebooks, three environments in {folder}':<62} {time.monotonic() - started:5.1f} s")
    with walker.step("sync", "notebooks and scripts agree"):
        _synced(walker.project)
    return walker


def _configure(folder: Path, on: BackEnds) -> None:
    """The lines that a team writes for what it shares."""
    if on.tracking_uri:
        base = folder / "params" / "base.yaml"
        files.write(base, f"tracking_uri: {on.tracking_uri}\n\n{base.read_text()}")
    settings = {"store": on.store, "remote": "origin" if on.remote else None}
    lines = "".join(f'{name} = "{value}"\n' for name, value in settings.items() if value)
    table = folder / "pyproject.toml"
    files.write(table, table.read_text().replace("[tool.nbpromote]\n", f"[tool.nbpromote]\n{lines}"))
    if on.remote:
        git.find(folder).run("remote", "add", "origin", on.remote)


# a notebook in an environment, and those that must be live before it: what it reads, and itself one below
ROAD = {
    "prepare_flights dev": (),
    "train_delay dev": ("prepare_flights dev",),
    "prepare_flights staging": ("prepare_flights dev",),
    "train_delay staging": ("train_delay dev", "prepare_flights staging"),
    "prepare_flights prod": ("prepare_flights staging",),
    "train_delay prod": ("train_delay staging", "prepare_flights prod"),
    "delay_report dev": ("prepare_flights dev",),
    "score_flights dev": ("train_delay dev",),
    "delay_report staging": ("delay_report dev", "prepare_flights staging"),
    "score_flights staging": ("score_flights dev", "train_delay staging"),
}


def _road(walker: Walk) -> dict[str, Callable[[], None]]:
    return {step: partial(_first if step.endswith(" dev") else _onward, walker, *step.split()) for step in ROAD}


def _together(work: Mapping[str, Callable[[], None]]) -> None:
    """Two steps at a time, each after those it stands on."""
    done: set[str] = set()
    with ThreadPoolExecutor(max_workers=2) as pool:
        running: dict[Future[None], str] = {}
        while len(done) < len(work):
            begun = done | set(running.values())
            ready = [step for step in work if step not in begun and done.issuperset(ROAD[step])]
            running |= {pool.submit(work[step]): step for step in ready[: 2 - len(running)]}
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                future.result()
                done.add(running.pop(future))


def _first(walker: Walk, name: str, _env: str) -> None:
    with walker.step("run", f"{name} in dev"):
        running.run(walker.project, name, env="dev")
    with walker.step("baseline", f"{name}: its outputs are accepted"):
        accepting.baseline(walker.project, name)
    with walker.step("release", f"{name} is sealed and live in dev"):
        _live(releasing.release(walker.project, name, reason="first release"))


def _onward(walker: Walk, name: str, target: str) -> None:
    with walker.step("promote", f"{name} to {target}: run there, gates asked, verified"):
        _live(promoting.promote(walker.project, [name], to=target, reason="the demo's road"))


def _worsen(walker: Walk) -> None:
    """An edit that runs and is released, and that staging's gates refuse."""
    script = walker.project.notebooks / "train_delay.py"
    files.write(script, script.read_text().replace(GOOD, WORSE))
    with walker.step("run", "train_delay in dev, after an edit that makes it worse"):
        _synced(walker.project, "train_delay")
        running.run(walker.project, "train_delay", env="dev")
        accepting.baseline(walker.project, "train_delay")
        _commit(walker, "Leave out the departure delay")
        _live(releasing.release(walker.project, "train_delay", reason="a deliberately worse edit"))
    with walker.step("refused", "train_delay to staging: its gates say no, nothing changed there"):
        refused = promoting.promote(walker.project, ["train_delay"], to="staging")
    decisions = [candidate.decision for candidate in refused.candidates if candidate.decision]
    if refused.state != "refused" or all(decision.allowed for decision in decisions):
        raise Refused("the worse edit was not refused by staging's gates")
    for reason in (reason for decision in decisions for reason in decision.unmet):
        walker.say(f"{'':<9}   {reason}")
    with walker.step("rollback", "train_delay in dev: code, parameters and model as before"):
        _live(returning.rollback(walker.project, ["train_delay"], env="dev", reason="refused by staging"))
        git.find(walker.project.root).run("revert", "--no-edit", "HEAD")
        _share(walker)


def _end(walker: Walk, *, seconds: float) -> None:
    page = reporting.page(walker.project, "train_delay", env="prod")
    walker.say("")
    walker.say(report.status(watching.status(walker.project).rows))
    walker.say("")
    walker.say(f"report    {page}")
    walker.say(f"history   git -C {walker.project.root} log nbpromote/prod")
    walker.say(f"done in {seconds:.0f} s")


def _live(promotion: Promotion) -> None:
    if not promotion.done:
        raise Refused("the demo stopped:\n" + report.promotion(promotion))


def _commit(walker: Walk, message: str) -> None:
    starting.commit_all(walker.project.root, message)
    _share(walker)


def _share(walker: Walk) -> None:
    """Promotions take code and policy from the remote's default branch, as a merge leaves them there."""
    if walker.shares:
        git.find(walker.project.root).run("push", "--quiet", "origin", "HEAD")


def _synced(project: Project, *names: str) -> None:
    if error := pairing.refusal(pairing.sync(project, names)):
        raise error
