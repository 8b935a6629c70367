"""NBP5xx: code that will not run elsewhere, or whose failure nobody would see."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import PurePosixPath

from nbpromote.model import Finding
from nbpromote.notebook import imports, syntax
from nbpromote.notebook.rules import magics
from nbpromote.notebook.rules.subject import Cell, Page, Subject


def no_python(subject: Subject) -> Iterator[Finding]:
    """A code cell is no Python that IPython could run."""
    for page in subject.python:
        for cell in page.cells:
            if not cell.declares and cell.tree is None and (fault := syntax.fault(cell.source)):
                line, reason = fault
                yield page.at(cell, f"not Python: {reason}", line=line)


def not_in_the_lock(subject: Subject) -> Iterator[Finding]:
    """An import that no package of the dependency lock provides."""
    for page in subject.python:
        for cell in page.cells:
            for node, name in _imported(cell):
                if name in sys.stdlib_module_names or _in_project(subject, page, node):
                    continue
                if subject.around.unlocked(name):
                    hint = "add its package to the lock, or run it where the lock holds"
                    yield page.on(cell, node, f"import {name!r} is not in the lock", hint=hint)


def not_tracked(subject: Subject) -> Iterator[Finding]:
    """An import reaches a file of the project that git does not track, so no commit and no release would hold it."""
    files = subject.around.files
    for page in subject.python if files else ():
        assert files is not None
        for cell in page.cells:
            for node, _ in _imported(cell):
                for path in sorted(_reached(subject, page, node)):
                    if not files.tracks(path):
                        yield page.on(cell, node, f"{path} is imported and not tracked by git", hint=f"git add {path}")


def _imported(cell: Cell) -> Iterator[tuple[ast.Import | ast.ImportFrom, str]]:
    """Each import statement with the top-level names that it asks for."""
    for node in cell.walk():
        if isinstance(node, ast.Import):
            yield from ((node, name) for name in dict.fromkeys(alias.name.split(".")[0] for alias in node.names))
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node, node.module.split(".")[0]


def _reached(subject: Subject, page: Page, node: ast.stmt) -> set[str]:
    files = subject.around.files
    if files is None:
        return set()
    module = ast.Module(body=[node], type_ignores=[])
    own = {str(PurePosixPath(page.path).with_suffix(suffix)) for suffix in (".py", ".ipynb")}
    return imports.reached([module], page.folder, read=files.read, tracked=files) - own


def _in_project(subject: Subject, page: Page, node: ast.stmt) -> bool:
    return bool(_reached(subject, page, node))


def ends_itself(subject: Subject) -> Iterator[Finding]:
    """`exit()`, `quit()`, `sys.exit()`, `os._exit()` or `raise SystemExit`: the cells below would never run."""
    hint = "raise an error where something is wrong; to leave cells out, put them under `if`"
    return _done(subject, _ENDING, "ends the notebook here, and the cells below never run", hint)


def asks_a_person(subject: Subject) -> Iterator[Finding]:
    """`input()`, `getpass()` or a breakpoint: nobody answers in a run."""
    return _done(subject, _ASKING, "waits for a person, and in a run there is nobody", "make it a parameter")


_ENDING = frozenset(("exit()", "quit()", "sys.exit()", "os._exit()", "os.abort()", "raise SystemExit"))
_ASKING_WORDS = """
    input() getpass.getpass() getpass() breakpoint() pdb.set_trace() ipdb.set_trace()
"""
_ASKING = frozenset(_ASKING_WORDS.split())


def _done(subject: Subject, wanted: frozenset[str], why: str, hint: str) -> Iterator[Finding]:
    for page in subject.python:
        own = {f"{node.name}()" for cell in page.cells for node in cell.walk() if isinstance(node, ast.FunctionDef)}
        for cell in page.cells:
            for node in cell.walk():
                if (deed := _deed(node)) in wanted - own:
                    yield page.on(cell, node, f"{deed} {why}", hint=hint)


def _deed(node: ast.AST) -> str:
    match node:
        case ast.Call(func=func):
            return f"{_dotted(func)}()"
        case ast.Raise(exc=ast.Name(id=name) | ast.Call(func=ast.Name(id=name))):
            return f"raise {name}"
    return ""


def _dotted(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id=module), attr=name):
            return f"{module}.{name}"
    return ""


_SHELL = re.compile(r"\s*(?:[\w, ]+=\s*)?(!{1,2})(?!=)(?P<command>.*\S.*)")


def unseen_failure(subject: Subject) -> Iterator[Finding]:
    """A `!command` whose failure the notebook would not notice."""
    for page in subject.python:
        for cell in page.below:
            if cell.source.lstrip().startswith("%%") or "_exit_code" in cell.source:
                continue
            for line, match in magics.lines(cell, _SHELL):
                program = match["command"].split()[0]  # what follows may be a password
                message = f"nobody sees when `!{program}` fails"
                hint = "subprocess.run([...], check=True), a %%bash cell, or look at _exit_code"
                yield page.at(cell, message, line=line, column=1, hint=hint)
