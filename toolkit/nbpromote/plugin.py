"""pytest runs a project's notebooks: one execution each, one item a code cell, a check and a gate.

pytest loads this wherever nbpromote is installed, so nothing of the toolkit is imported until it is asked for.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from nbpromote.errors import Error
    from nbpromote.model import Pair
    from nbpromote.project import Project
    from nbpromote.workflow.telling.questioning import Answers, Question, Questions


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("nbpromote", "notebooks of an nbpromote project")
    group.addoption("--nbpromote", action="store_true", help="Run each notebook once: an item a cell, check and gate.")
    group.addoption("--nbpromote-env", metavar="E", help="The same in this environment, not where work starts.")
    group.addoption("--nbpromote-run", metavar="RUN", help="Judge this run, and execute nothing.")


def pytest_configure(config: pytest.Config) -> None:
    if not _is_asked(config):
        return
    if config.option.nbpromote_env and config.option.nbpromote_run:
        raise pytest.UsageError("--nbpromote-run goes without --nbpromote-env: a run was made in its own environment")
    config.stash[_SUITE] = Suite(config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Notebook | None:
    suite = parent.config.stash.get(_SUITE, None)
    found = suite.notebook_at(file_path, parent) if suite else None
    if suite is None or found is None or file_path != _side(found[1], file_path, parent.session):
        return None
    collector: Notebook = Notebook.from_parent(parent, path=file_path)
    collector.suite, (collector.project, collector.pair) = suite, found
    return collector


def _side(pair: Pair, path: Path, session: pytest.Session) -> Path:
    """The side that stands for the pair: one that was named on the command line, else the `.ipynb`."""
    sides = [path.with_name(side.name) for side in (pair.ipynb, pair.script) if side]
    return next((side for side in sides if session.isinitpath(side)), sides[0])


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """A notebook's script that is named on the command line is no module of tests: importing it would execute it."""
    suite = parent.config.stash.get(_SUITE, None)
    if suite is None or suite.notebook_at(module_path, parent) is None:
        return None
    module: pytest.Module = _NoTests.from_parent(parent, path=module_path)
    return module


class _NoTests(pytest.Module):
    def collect(self) -> list[pytest.Item | pytest.Collector]:
        return []


def _is_asked(config: pytest.Config) -> bool:
    given = config.option
    return bool(given.nbpromote or given.nbpromote_env or given.nbpromote_run)


# -- what is collected ---------------------------------------------------------------------------------------


class Notebook(pytest.File):
    """One pair, by one of its sides. It runs when the first of its items does."""

    suite: Suite
    project: Project
    pair: Pair
    asked: Questions
    answered: Answers | Error | None = None

    def collect(self) -> Iterator[Item]:
        from nbpromote.errors import Error
        from nbpromote.workflow.telling import questioning

        try:
            self.asked = self.suite.questions(self.project, self.pair)
        except Error as error:
            raise self.CollectError(_told(error)) from None
        for question in self.asked:
            item: Item = Item.from_parent(self, name=questioning.told(question))
            item.question = question
            yield item

    def answers(self) -> Answers:
        """Of one run, however often and in whatever order it is asked."""
        from nbpromote.errors import Error

        if self.answered is None:
            try:
                self.answered = self.suite.answers(self.project, self.asked)
            except Error as error:
                self.answered = error
        if isinstance(self.answered, Error):
            raise self.answered
        return self.answered


class Item(pytest.Item):
    """One question. Passes, is skipped, or says in plain words why not."""

    question: Question

    @property
    def notebook(self) -> Notebook:
        assert isinstance(self.parent, Notebook)
        return self.parent

    def setup(self) -> None:
        self.notebook.answers()  # the time that the run took is no cell's own

    def runtest(self) -> None:
        from nbpromote.model import Outcome

        found = self.notebook.answers()
        check = found.to(self.question)
        if check.outcome is Outcome.SKIPPED:
            pytest.skip(_clean(check.summary))
        if check.outcome is not Outcome.PASSED:
            run = found.evidence.run
            said = check.summary if check.outcome is Outcome.FAILED else f"{check.outcome}: {check.summary}"
            raise Unmet("\n".join([said, *check.details, f"executed: {run.notebook_file}"]))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        from nbpromote.errors import Error

        error = excinfo.value
        if isinstance(error, Unmet | Error):
            return _clean(str(error)) if isinstance(error, Unmet) else _told(error)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"{self.notebook.pair.name} {self.name}"


class Unmet(Exception):
    """The answer is no."""


def _told(error: Error) -> str:
    return _clean(f"{error}\n  next: {error.hint}" if error.hint else str(error))


def _clean(text: str) -> str:
    """Notebooks write what they like: no terminal and no XML file is steered by it."""
    from nbpromote.report import words

    return words.clean(text)


# -- what all notebooks of a session share -------------------------------------------------------------------


class Suite:
    """Where notebooks are, and what their runs come to."""

    def __init__(self, config: pytest.Config) -> None:
        self._env: str | None = config.option.nbpromote_env
        self._run: str | None = config.option.nbpromote_run
        # under xdist workers find here which run another has made of a notebook
        self._shared: str | None = getattr(config, "workerinput", {}).get(_SHARED)
        self._project, self._sides = cache(_project), cache(_sides)
        self._only = self._of_run(config.args) if self._run else None

    def notebook_at(self, path: Path, parent: pytest.Collector) -> tuple[Project, Pair] | None:
        """The pair that a file is a side of; with a run, only that run's notebook."""
        from nbpromote.errors import Error
        from nbpromote.notebook import SUFFIXES

        try:
            project = self._project(path.parent) if path.suffix in SUFFIXES else None
            pair = self._sides(project).get(path.resolve()) if project else None
        except Error as error:
            raise parent.CollectError(_told(error)) from None
        if project is None or pair is None or self._only not in (None, (project.root, pair.name)):
            return None
        return project, pair

    def _of_run(self, places: list[str]) -> tuple[Path, str]:
        """The project and the notebook of the run that is to be judged."""
        from nbpromote.errors import Error
        from nbpromote.workflow.evidence import accepting

        found = [Path(place.partition("::")[0]).resolve() for place in places]
        try:
            projects = [self._project(place if place.is_dir() else place.parent) for place in found]
            project = next((project for project in projects if project), None)
            if project is None:
                raise pytest.UsageError("--nbpromote-run: there is no nbpromote project here")
            return project.root, accepting.find_evidence(project, self._run or "").run.notebook
        except Error as error:
            raise pytest.UsageError(_told(error)) from None

    def questions(self, project: Project, pair: Pair) -> Questions:
        from nbpromote.workflow.telling import questioning

        if self._run:
            return questioning.questions_of(project, self._run)
        return questioning.questions(project, pair.name, env=self._env)

    def answers(self, project: Project, asked: Questions) -> Answers:
        from nbpromote.workflow.telling import questioning

        if self._run or self._shared is None:
            return questioning.answers(project, asked, run_id=self._run)
        return _once(Path(self._shared), project, asked)


def _once(shared: Path, project: Project, asked: Questions) -> Answers:
    """Of the one run that the workers of a session make of a notebook: whoever comes second waits for the first."""
    from filelock import FileLock

    from nbpromote.errors import Error
    from nbpromote.workflow.telling import questioning

    name = hashlib.sha256(f"{project.root}\0{asked.notebook}".encode()).hexdigest()[:16]
    made = shared / f"{name}.json"
    with FileLock(shared / f"{name}.lock"):
        if made.exists():
            known = json.loads(made.read_text())
            if "error" in known:
                raise Error(known["error"], hint=known["hint"])
            return questioning.answers(project, asked, run_id=known["run"])
        try:
            found = questioning.answers(project, asked)
        except Error as error:
            made.write_text(json.dumps({"error": str(error), "hint": error.hint}))
            raise
        made.write_text(json.dumps({"run": found.evidence.run.id}))
        return found


def _project(folder: Path) -> Project | None:
    from nbpromote import find
    from nbpromote.errors import NotFound

    try:
        return find(folder)
    except NotFound:
        return None


def _sides(project: Project) -> dict[Path, Pair]:
    """Every file of every notebook in the project's folder for them."""
    from nbpromote import notebook

    found = notebook.find_all(project.notebooks)
    return {side: pair for pair in found for side in (pair.ipynb, pair.script) if side}


_SUITE = pytest.StashKey["Suite"]()
_SHARED = "nbpromote"


# -- xdist: the controller lends its workers a folder --------------------------------------------------------

_FOLDER = pytest.StashKey["tempfile.TemporaryDirectory[str]"]()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    stash = node.config.stash
    if _is_asked(node.config):
        if _FOLDER not in stash:
            stash[_FOLDER] = tempfile.TemporaryDirectory(prefix="nbpromote-")
        node.workerinput[_SHARED] = stash[_FOLDER].name


def pytest_unconfigure(config: pytest.Config) -> None:
    folder = config.stash.get(_FOLDER, None)
    if folder is not None:
        folder.cleanup()
