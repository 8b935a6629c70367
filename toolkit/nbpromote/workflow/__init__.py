"""The straight path: one short function a verb. Rooms do the work; here it is put in order."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbpromote.workflow.accepting import Offer, accept, baseline, offer
    from nbpromote.workflow.automating import automate
    from nbpromote.workflow.changing import changes
    from nbpromote.workflow.checking import check
    from nbpromote.workflow.collecting import gc
    from nbpromote.workflow.comparing import compare, preview
    from nbpromote.workflow.configuring import compare_params, schema_of, show_params
    from nbpromote.workflow.doctoring import doctor
    from nbpromote.workflow.explaining import why
    from nbpromote.workflow.fleet import Order, run_many, unreleased
    from nbpromote.workflow.hooks.hooking import check_staged, sync_staged
    from nbpromote.workflow.hooks.installing import hooks_are_missing
    from nbpromote.workflow.pairing import record_agreement, refusal, sync
    from nbpromote.workflow.promotion.advancing import advance
    from nbpromote.workflow.promotion.consenting import approve, override, reject
    from nbpromote.workflow.promotion.holding import freeze, hold, thaw, unhold
    from nbpromote.workflow.promotion.planning import plan
    from nbpromote.workflow.promotion.promoting import promote
    from nbpromote.workflow.promotion.rechecking import verify
    from nbpromote.workflow.promotion.releasing import release
    from nbpromote.workflow.promotion.returning import rollback
    from nbpromote.workflow.proposing import propose
    from nbpromote.workflow.reporting import keep_page, page, subject
    from nbpromote.workflow.running import run
    from nbpromote.workflow.starting import init
    from nbpromote.workflow.watching import history, moment, status

__all__ = [
    "Offer",
    "Order",
    "accept",
    "advance",
    "approve",
    "automate",
    "baseline",
    "changes",
    "check",
    "check_staged",
    "compare",
    "compare_params",
    "doctor",
    "freeze",
    "gc",
    "history",
    "hold",
    "hooks_are_missing",
    "init",
    "keep_page",
    "moment",
    "offer",
    "override",
    "page",
    "plan",
    "preview",
    "promote",
    "propose",
    "record_agreement",
    "refusal",
    "reject",
    "release",
    "rollback",
    "run",
    "run_many",
    "schema_of",
    "show_params",
    "status",
    "subject",
    "sync",
    "sync_staged",
    "thaw",
    "unhold",
    "unreleased",
    "verify",
    "why",
]

_HOMES = {
    "changing": ("changes",),
    "automating": ("automate",),
    "checking": ("check",),
    "configuring": ("compare_params", "schema_of", "show_params"),
    "hooks.hooking": ("check_staged", "sync_staged"),
    "hooks.installing": ("hooks_are_missing",),
    "pairing": ("record_agreement", "refusal", "sync"),
    "starting": ("init",),
    "collecting": ("gc",),
    "doctoring": ("doctor",),
    "proposing": ("propose",),
    "explaining": ("why",),
    "fleet": ("Order", "run_many", "unreleased"),
    "promotion.consenting": ("approve", "override", "reject"),
    "promotion.planning": ("plan",),
    "promotion.promoting": ("promote",),
    "promotion.releasing": ("release",),
    "reporting": ("keep_page", "page", "subject"),
    "promotion.holding": ("freeze", "hold", "thaw", "unhold"),
    "promotion.rechecking": ("verify",),
    "promotion.returning": ("rollback",),
    "promotion.advancing": ("advance",),
    "accepting": ("Offer", "accept", "baseline", "offer"),
    "comparing": ("compare", "preview"),
    "running": ("run",),
    "watching": ("history", "moment", "status"),
}


def __getattr__(name: str) -> Any:
    """A verb loads the rooms that it needs, when it is asked for: `status` pays for no kernel."""
    home = next((home for home, verbs in _HOMES.items() if name in verbs), None)
    if home is None:
        raise AttributeError(f"module 'nbpromote.workflow' has no attribute {name!r}")
    return getattr(import_module(f"nbpromote.workflow.{home}"), name)
