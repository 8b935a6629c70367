"""The straight path: one short function a verb. Rooms do the work; here it is put in order."""

from typing import TYPE_CHECKING

from nbpromote import faces

if TYPE_CHECKING:
    from nbpromote.workflow.authoring.automating import automate
    from nbpromote.workflow.authoring.checking import check
    from nbpromote.workflow.authoring.configuring import compare_params, schema_of, show_params
    from nbpromote.workflow.authoring.hooks.hooking import check_staged, sync_staged
    from nbpromote.workflow.authoring.hooks.installing import hooks_are_missing
    from nbpromote.workflow.authoring.pairing import record_agreement, refusal, sync
    from nbpromote.workflow.authoring.starting import init
    from nbpromote.workflow.care.collecting import gc
    from nbpromote.workflow.care.doctoring import doctor
    from nbpromote.workflow.evidence.accepting import Offer, accept, baseline, offer
    from nbpromote.workflow.evidence.running import run
    from nbpromote.workflow.fleet import Order, run_many, unreleased
    from nbpromote.workflow.promotion.adopting import adopt
    from nbpromote.workflow.promotion.advancing import advance
    from nbpromote.workflow.promotion.consenting import approve, override, reject
    from nbpromote.workflow.promotion.holding import freeze, hold, thaw, unhold
    from nbpromote.workflow.promotion.planning import plan
    from nbpromote.workflow.promotion.promoting import promote
    from nbpromote.workflow.promotion.rechecking import verify
    from nbpromote.workflow.promotion.releasing import release
    from nbpromote.workflow.promotion.returning import rollback
    from nbpromote.workflow.telling.changing import changes
    from nbpromote.workflow.telling.comparing import compare, preview
    from nbpromote.workflow.telling.explaining import why
    from nbpromote.workflow.telling.proposing import propose
    from nbpromote.workflow.telling.reporting import keep_page, page, subject
    from nbpromote.workflow.telling.watching import history, moment, status
else:
    __getattr__ = faces.lazy(
        __name__,
        {
            "authoring.automating": "automate",
            "authoring.checking": "check",
            "authoring.configuring": "compare_params schema_of show_params",
            "authoring.hooks.hooking": "check_staged sync_staged",
            "authoring.hooks.installing": "hooks_are_missing",
            "authoring.pairing": "record_agreement refusal sync",
            "authoring.starting": "init",
            "evidence.accepting": "Offer accept baseline offer",
            "evidence.running": "run",
            "fleet": "Order run_many unreleased",
            "promotion.adopting": "adopt",
            "promotion.consenting": "approve override reject",
            "promotion.planning": "plan",
            "promotion.promoting": "promote",
            "promotion.releasing": "release",
            "promotion.holding": "freeze hold thaw unhold",
            "promotion.rechecking": "verify",
            "promotion.returning": "rollback",
            "promotion.advancing": "advance",
            "telling.changing": "changes",
            "telling.proposing": "propose",
            "telling.explaining": "why",
            "telling.reporting": "keep_page page subject",
            "telling.comparing": "compare preview",
            "telling.watching": "history moment status",
            "care.collecting": "gc",
            "care.doctoring": "doctor",
        },
    )

__all__ = [
    "Offer",
    "Order",
    "accept",
    "adopt",
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
