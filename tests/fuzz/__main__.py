"""`python -m fuzz SECONDS [TARGET ...]`: atheris on each target in turn; what it learns joins the corpus.

`make soak` runs this. An input that breaks a target is left in build/fuzz and named.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
FOUND = Path("build/fuzz")
LONGEST = "-max_len=4096"  # bytes; what a person would still read


def soak(seconds: int, names: list[str]) -> int:
    """Every target for its share of time, each in a process of its own, since libFuzzer never returns."""
    broken = [name for name in names if not _held(name, seconds)]
    for name in broken:
        print(f"{name}: broken by {', '.join(str(path) for path in sorted(FOUND.glob(f'found-{name}-*')))}")
    return 1 if broken else 0


def _held(name: str, seconds: int) -> bool:
    kept, learnt = CORPUS / name, FOUND / "corpus" / name
    for folder in (kept, learnt):
        folder.mkdir(parents=True, exist_ok=True)
    print(f"-- {name}, {seconds} s", flush=True)
    limits = (f"-max_total_time={seconds}", LONGEST, f"-artifact_prefix={FOUND}/found-{name}-")
    if not _atheris(name, *limits, "-print_final_stats=1", str(learnt), str(kept)):
        return False
    # of what it learnt, only inputs that reach what the corpus did not
    return _atheris(name, "-merge=1", LONGEST, str(kept), str(learnt))


def _atheris(name: str, *arguments: str) -> bool:
    done = subprocess.run([_program(name), *arguments], stderr=subprocess.PIPE, text=True, errors="replace")
    told = [line for line in done.stderr.splitlines() if line.startswith("stat::")]
    print("\n".join(told) if done.returncode == 0 else done.stderr[-4000:], flush=True)
    return done.returncode == 0


def _program(name: str) -> Path:
    """A program of one target: to merge, libFuzzer starts itself again by its first argument."""
    program = (FOUND / f"run-{name}").resolve()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fuzz --one {name} "$0" "$@"\n')
    program.chmod(0o755)
    return program


def one(name: str, arguments: list[str]) -> None:
    import atheris

    with atheris.instrument_imports(include=["nbpromote", "ruamel.yaml", "jupytext", "nbformat"]):
        from fuzz.targets import feed

    atheris.Setup(arguments, lambda data: feed(name, data))
    atheris.Fuzz()


def main(arguments: list[str]) -> int:
    if arguments[0] == "--one":
        one(arguments[1], arguments[2:])
    from fuzz.targets import TARGETS

    return soak(int(arguments[0]), arguments[1:] or list(TARGETS))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
