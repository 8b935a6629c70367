"""Put the hooks into a `.pre-commit-config.yaml` that somebody wrote. Every line that is there stays as it is."""

from __future__ import annotations

import re
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

from nbpromote import files, git
from nbpromote.errors import BadInput

CONFIG = ".pre-commit-config.yaml"


def install(folder: Path) -> Path | None:
    """Add to the configuration of the repository what it lacks of the hooks. Gives it where it was written.

    Raises `BadInput` where it cannot be read, or cannot be added to without touching what it says.
    """
    path = configuration(folder)
    text = _text(path)
    if text is None:
        return files.write(path, template())
    longer = added(text, path)
    return files.write(path, longer) if longer != text else None


def added(text: str, path: Path) -> str:
    """The configuration with the hooks that it lacks."""
    names = _lacking(text, path)
    return _extended(text, _block(names), path) if names else text


def hooks_are_missing(folder: Path) -> bool:
    """Whether the repository's configuration of pre-commit, if any, gives none of the hooks."""
    path = configuration(folder)
    try:
        text = _text(path)
        return text is None or len(_lacking(text, path)) == len(_hooks())
    except BadInput:
        return True


def configuration(folder: Path) -> Path:
    """pre-commit reads the one at the top of the repository, wherever the project is."""
    return git.committing(folder).root / CONFIG


def template() -> str:
    return (resources("nbpromote") / "templates" / "empty" / CONFIG.removeprefix(".")).read_text()


def _text(path: Path) -> str | None:
    """With its line ends; None where there is no file."""
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise BadInput(f"not UTF-8: byte {error.start}; nothing was written", where=str(path)) from error


# -- which hooks, and the lines that say so --------------------------------------------------------------------


def _lacking(text: str, path: Path) -> tuple[str, ...]:
    """Ids of the hooks that no repository of the configuration gives."""
    config = _read(text, path)
    there = {hook.get("id") for repo in config.get("repos") or () for hook in repo.get("hooks") or ()}
    return tuple(name for name in _hooks() if name not in there)


def _hooks() -> dict[str, str]:
    """The lines of each hook of the template by its id."""
    _, *blocks = re.split(r"^(?=      - id: )", template(), flags=re.MULTILINE)
    return {block.split("id: ")[1].split("\n")[0]: block for block in blocks}


def _block(names: tuple[str, ...]) -> str:
    hooks = _hooks()
    return "  - repo: local\n    hooks:\n" + "".join(hooks[name] for name in names)


def _extended(text: str, block: str, path: Path) -> str:
    """The text with one more repository, indented as its neighbours are. Raises `BadInput` where that goes wrong."""
    config = _read(text, path)
    lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    at, column = _place(config, lines) if config.get("repos") else _place_of_the_first(config, lines)
    added = [" " * column + line[2:] for line in block.rstrip("\n").split("\n")]
    result = "\n".join([*lines[:at], *added, *lines[at:]]).lstrip("\n") + "\n"
    if not _adds_one(config, result):
        raise BadInput(
            "the hooks cannot be added to it as it is written; nothing was written",
            where=str(path),
            hint=f"add them below `repos:` by hand:\n{block.rstrip()}",
        )
    return result.replace("\n", "\r\n") if "\r\n" in text else result


def _place(config: Any, lines: list[str]) -> tuple[int, int]:
    """How many lines stand above the new ones, and the column of the dashes of the list."""
    start = config.lc.key("repos")[0]
    at = min((line for line, _ in map(config.lc.key, config) if line > start), default=len(lines))
    # what stands at the margin before the next key, blank or comment, belongs to that key
    while re.match(r"\s*$|#|\.\.\.", lines[at - 1]):
        at -= 1
    first = config["repos"].lc.item(0)[0]
    return at, max(lines[first].find("-"), 0)


def _place_of_the_first(config: Any, lines: list[str]) -> tuple[int, int]:
    """The same where the list is empty, or not there: then its key comes last."""
    if "repos" not in config:
        lines.append("repos:")
        return len(lines), 2
    at = config.lc.key("repos")[0]
    lines[at] = re.sub(r"^(repos\s*:)\s*(\[\s*\]|null|~)?", r"\1", lines[at])
    return at + 1, 2


def _adds_one(before: Any, text: str) -> bool:
    """Whether a text says what the configuration said, and one more repository at its end."""
    try:
        after = _read(text, Path(CONFIG))
    except BadInput:
        return False
    repos = list(after.get("repos") or ())
    same = {**after, "repos": repos[:-1]} == {**before, "repos": list(before.get("repos") or ())}
    return same and len(repos) == len(before.get("repos") or ()) + 1


# Python's own, which ruamel raises for a key that cannot be one, a number out of range, a nesting too deep
_LET_THROUGH = (ValueError, TypeError, LookupError, AttributeError, AssertionError, ArithmeticError, RecursionError)


def _read(text: str, path: Path) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        config = YAML().load(text)
    except (YAMLError, *_LET_THROUGH) as error:
        mark = getattr(error, "problem_mark", None)
        said = getattr(error, "problem", None) or str(error).split("\n")[0]
        place = f"{path}:{mark.line + 1}" if mark else str(path)
        raise BadInput(f"not YAML: {said}; nothing was written", where=place) from error
    config = {} if config is None else config
    if not isinstance(config, dict) or not _are_repositories(config.get("repos")):
        raise BadInput(
            "not a configuration of pre-commit: it wants a list `repos`; nothing was written",
            where=str(path),
            hint="pre-commit validate-config",
        )
    return config


def _are_repositories(repos: Any) -> bool:
    hooks = [repo.get("hooks") for repo in repos] if _is_list_of_tables(repos) else None
    return repos is None or (hooks is not None and all(found is None or _is_list_of_tables(found) for found in hooks))


def _is_list_of_tables(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)
