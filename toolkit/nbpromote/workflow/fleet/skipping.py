"""Whether the last run of a notebook still stands, so that another one would only say the same again."""

from __future__ import annotations

from dataclasses import replace

from nbpromote.errors import Error
from nbpromote.workflow.evidence import performing, witnessing
from nbpromote.workflow.fleet.preparing import Prepared
from nbpromote.workflow.site import Site, footing
from nbpromote.workflow.site.footing import Footing


def stands(site: Site, one: Prepared, *, fresh: bool) -> tuple[str, str]:
    """The run that a notebook can be skipped for, or why it has to run: `("RUN", "")` or `("", "code changed")`.

    A run stands while all that it rests on is as it was, what it read included, and what it published is still there.
    Where a `fresh` kernel is asked for, only a run that had one does.
    """
    if one.never:
        return "", one.never
    known = footing.read(site, one.environment.name, one.name)
    if known is None:
        return "", "no run to stand on"
    if not known.rests:
        return "", f"run {known.run} {'is nothing to stand on' if known.passed else 'did not pass'}"
    site.seen.learn(known.stamps)
    wants_fresh = fresh or one.environment.policy.fresh
    why = _warm(known) if wants_fresh and known.start == "warm" else _fallen(site, one, known)
    if why:
        return "", why
    _remember(site, one, known)
    footing.stood_on(site, known)
    return known.run, ""


def _warm(known: Footing) -> str:
    return f"a fresh kernel is asked for, and that of run {known.run} was forked from a warm one"


def _fallen(site: Site, one: Prepared, known: Footing) -> str:
    try:
        live = performing.live_models(site, one.environment)
        models = {name: witnessing.address(model) for name, (_, model) in live.items()}
    except Error as error:
        return str(error)
    rests = {**one.rests, **footing.on_models(models)}
    changed = [what for what in {**known.rests, **rests} if known.rests.get(what) != rests.get(what)]
    if changed:
        return f"changed: {', '.join(changed)}"
    if not any((site.project.runs / known.run).glob("evidence-*.json")):
        return f"run {known.run} is gone"
    return _moved(site, one, known)


def _moved(site: Site, one: Prepared, known: Footing) -> str:
    declared = {**one.environment.inputs, **one.environment.outputs}
    for name, path in declared.items():
        found = site.seen.measure(path)
        if found is None:
            return f"{path} is not there"
        if name not in known.files or found.sha256 != known.files[name].sha256:
            return f"changed: {'output' if name in one.environment.outputs else 'input'} {name}"
    return ""


def _remember(site: Site, one: Prepared, known: Footing) -> None:
    """Files that had to be read need not be read next time."""
    stamps = site.seen.stamps(file.path for file in known.files.values())
    if stamps != known.stamps:
        footing.write(site, one.environment.name, one.name, replace(known, stamps=stamps))
