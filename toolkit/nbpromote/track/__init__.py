"""Run and model <-> MLflow. Reads each value back once, at the end of its run; decides nothing.

MLflow is a projection: what is live, and on what evidence, is in the ledger.
"""

from nbpromote.track.credentials import secrets, variables
from nbpromote.track.given import given
from nbpromote.track.kernel import WARMING, answer, inside, later, question, question_of_rows
from nbpromote.track.models import (
    CHAMPION,
    check_model,
    digests,
    drop_alias,
    fetched,
    folder_of,
    has_version,
    keep_model,
    pointed,
    register,
    set_alias,
    try_registry,
)
from nbpromote.track.registered import registered
from nbpromote.track.results import finish
from nbpromote.track.runs import VARIABLES, Opened, close, collect, judge, open_run, tag_release
from nbpromote.track.server import described, reach, unsafe
from nbpromote.track.shelf import Shelf
from nbpromote.track.store import QUIET, places

__all__ = [
    "CHAMPION",
    "QUIET",
    "VARIABLES",
    "WARMING",
    "Opened",
    "Shelf",
    "answer",
    "check_model",
    "close",
    "collect",
    "described",
    "digests",
    "drop_alias",
    "fetched",
    "finish",
    "folder_of",
    "given",
    "has_version",
    "inside",
    "judge",
    "keep_model",
    "later",
    "open_run",
    "places",
    "pointed",
    "question",
    "question_of_rows",
    "reach",
    "register",
    "registered",
    "secrets",
    "set_alias",
    "tag_release",
    "try_registry",
    "unsafe",
    "variables",
]
