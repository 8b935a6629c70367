"""The straight path: one short function a verb. Rooms do the work; here it is put in order."""

from nbpromote.workflow.authoring import check, init, show_params, sync
from nbpromote.workflow.planning import plan
from nbpromote.workflow.promoting import promote
from nbpromote.workflow.releasing import seal as release
from nbpromote.workflow.returning import rollback, unhold
from nbpromote.workflow.running import baseline, run
from nbpromote.workflow.watching import doctor, history, page, status

__all__ = [
    "baseline",
    "check",
    "doctor",
    "history",
    "init",
    "page",
    "plan",
    "promote",
    "release",
    "rollback",
    "run",
    "show_params",
    "status",
    "sync",
    "unhold",
]
