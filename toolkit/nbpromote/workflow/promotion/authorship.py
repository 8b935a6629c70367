"""Who wrote what is to go live: everyone who changed its code since what is live there was let in."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from nbpromote import release
from nbpromote.errors import Error
from nbpromote.git import log
from nbpromote.model import Deployment, Move, Plan, Release
from nbpromote.workflow.site import Site


@dataclass(frozen=True, kw_only=True)
class Authors:
    """`doubt` says why there may be others, or fewer."""

    names: tuple[str, ...] = ()
    doubt: str = ""


def of_plan(site: Site, planned: Plan) -> Authors:
    """Of everything that would go live together."""
    found = [of(site, move) for move in planned.moves]
    return Authors(
        names=tuple(dict.fromkeys(name for authors in found for name in authors.names)),
        doubt="; ".join(dict.fromkeys(authors.doubt for authors in found if authors.doubt)),
    )


def of(site: Site, move: Move) -> Authors:
    """By the commits up to the trusted one, and up to the one that the release was made on where it is known here.

    Nobody is looked for where nobody is asked to consent.
    """
    if not site.policy(move.target, move.notebook).approvals:
        return Authors()
    sealed, live = release.open_(site.store, move.release), move.incumbent
    # not the commit that its run was made on: whoever ran it may have had any of them checked out
    since = live.trusted if live and live.trusted and site.git.ref(live.trusted) else None
    tips = [commit for commit in (site.trusted.commit, sealed.commit) if commit and site.git.ref(commit)]
    paths = dict.fromkeys([*_code(sealed), *_code_of(site, live)])
    wrote = log.authors(site.git, tips, paths, but=since) if tips else log.Authors(names=())
    doubt = ""
    if wrote.cut_off:
        doubt = "who else wrote the code is not known here: this clone is shallow (git fetch --unshallow)"
    elif live and since is None:
        doubt = f"the commit that {live.alias} went live from is not here: whoever ever changed the code counts"
    return Authors(names=tuple(dict.fromkeys([*wrote.names, sealed.author])), doubt=doubt)


def _code(sealed: Release) -> list[str]:
    return [path.removeprefix("code/") for path in sealed.files if path.startswith("code/")]


def _code_of(site: Site, live: Deployment | None) -> list[str]:
    """What is live, too: that a file was taken out of the code is a change of it."""
    with suppress(Error):  # a release that cannot be read any more is told where it is needed
        return _code(release.open_(site.store, live.release)) if live else []
    return []
