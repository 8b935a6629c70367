"""Where in a team's automation something was done."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class CiContext:
    """What a job of a CI host says of itself.

    `actor` is the login of whoever made this very job run, which is nobody's consent where it was not started by hand.
    `fork` tells that the code may come from another repository than the one that the job works for.
    """

    host: str  # github or gitlab
    actor: str
    event: str  # pull_request, push, schedule, ... in the host's own words
    url: str  # of the job's page
    ref: str = ""
    sha: str = ""
    pull_request: int | None = None
    fork: bool = False

    @property
    def by_hand(self) -> bool:
        """Whether somebody pressed a button for it: a push or a schedule has an actor too, who was asked nothing."""
        return self.event in ("workflow_dispatch", "web", "chat")

    @property
    def told(self) -> str:
        request = f" for {'merge' if self.host == 'gitlab' else 'pull'} request {self.pull_request}"
        return f"{self.event}{request if self.pull_request else ''}, {self.url}"
