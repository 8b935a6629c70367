"""A kernel of its own that answers one source after another. Started early, so that what it imports costs nobody time.

Questions and answers are files in a private folder: the kernel's sockets belong to the thread that runs it.
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from nbpromote import files
from nbpromote.errors import Error, Unavailable
from nbpromote.execute.running import ask
from nbpromote.model import Limits

_SECONDS = 300.0  # that one answer may take
_LIFE = Limits(start=60, cell=24 * 3600, notebook=24 * 3600)

# what the kernel runs: a loop over question-0.json, question-1.json, ... until somebody writes `stop`
_LOOP = """
import contextlib, io, json, os, time
FOLDER = {folder!r}
try:
    {warming}
except ImportError:
    pass
number = 0
while not os.path.exists(os.path.join(FOLDER, "stop")):
    place = os.path.join(FOLDER, f"question-{{number}}.json")
    if not os.path.exists(place):
        time.sleep(0.02)
        continue
    with open(place) as file:
        asked = json.load(file)
    os.environ.update(asked["variables"])
    said, error = io.StringIO(), ""
    try:
        with contextlib.redirect_stdout(said):
            exec(asked["source"], {{"__name__": "question"}})
    except BaseException as problem:
        error = f"{{type(problem).__name__}}: {{problem}}"
    draft = os.path.join(FOLDER, "draft")
    with open(draft, "w") as file:
        json.dump({{"printed": said.getvalue(), "error": error}}, file)
    os.replace(draft, os.path.join(FOLDER, f"answer-{{number}}.json"))
    number += 1
"""


@dataclass
class Witness:
    """Ask it from any thread. `warming` is a statement that it runs first."""

    folder: Path
    kernel: str
    pass_env: tuple[str, ...]
    warming: str = "pass"
    guests: int = 0
    _count: int = 0
    _failure: Exception | None = None
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def ask(self, source: str, variables: Mapping[str, str]) -> str:
        """What a source prints. Raises `Unavailable` when it raises, or when the kernel did not live to answer."""
        with self._turn:
            answer = self.folder / f"answer-{self._count}.json"
            question = self.folder / f"question-{self._count}.json"
            self._count += 1
            files.write(question, json.dumps({"source": source, "variables": dict(variables)}))
            said = self._wait(answer)
        if said["error"]:
            raise Unavailable(said["error"])
        return said["printed"]

    def stop(self) -> None:
        files.write(self.folder / "stop", "")
        self._thread.join()

    def _wait(self, answer: Path) -> dict[str, str]:
        end = time.monotonic() + _SECONDS
        while not answer.exists():
            if not self.is_alive and not answer.exists():
                raise self._failure if isinstance(self._failure, Error) else Unavailable(f"no answer: {self._failure}")
            if time.monotonic() > end:
                raise Unavailable(f"no answer within {_SECONDS:g} s")
            time.sleep(0.01)
        said: dict[str, str] = json.loads(answer.read_text())
        return said

    def _live(self) -> None:
        source = _LOOP.format(folder=str(self.folder), warming=self.warming)
        try:
            ask(source, kernel=self.kernel, folder=self.folder, variables={}, limits=_LIFE, pass_env=self.pass_env)
        except Exception as problem:  # told to whoever asks next
            self._failure = problem


_PRESENT: dict[tuple[str, tuple[str, ...]], Witness] = {}
_DOOR = threading.Lock()


@contextmanager
def present(kernel: str, pass_env: tuple[str, ...] = (), *, warming: str = "pass") -> Iterator[Witness]:
    """A witness for as long as somebody needs one; who comes while it is there shares it."""
    key = (kernel, pass_env)
    with _DOOR:
        witness = _PRESENT.get(key)
        if witness is None or not witness.is_alive:
            witness = _PRESENT[key] = Witness(_folder(), kernel, pass_env, warming)
        witness.guests += 1
    try:
        yield witness
    finally:
        with _DOOR:
            witness.guests -= 1
            last = witness.guests == 0
            if last and _PRESENT.get(key) is witness:
                del _PRESENT[key]
        if last:
            witness.stop()
            _remove(witness.folder)


def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="nbpromote-witness-"))


def _remove(folder: Path) -> None:
    import shutil

    with suppress(OSError):
        shutil.rmtree(folder)
