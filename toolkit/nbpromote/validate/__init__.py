"""Run -> Checks -> Evidence. Every question is answered from what a run left; nothing is executed here."""

from typing import TYPE_CHECKING

from nbpromote import faces

if TYPE_CHECKING:
    from nbpromote.validate.accepting import accepted
    from nbpromote.validate.answering import answers
    from nbpromote.validate.asking import CHECKS, differences, evidence
    from nbpromote.validate.case import Case, Reference, code_cells, numbered
    from nbpromote.validate.comparing import changes
    from nbpromote.validate.glued import glued_table, scraps
    from nbpromote.validate.marks import is_marked, mistagged
    from nbpromote.validate.packages import pins
    from nbpromote.validate.values import (
        file_changes,
        likeness,
        metric_changes,
        package_changes,
        parameter_changes,
        scrap_changes,
        value_changes,
    )
else:
    __getattr__ = faces.lazy(
        __name__,
        {
            "accepting": "accepted",
            "answering": "answers",
            "asking": "CHECKS differences evidence",
            "case": "Case Reference code_cells numbered",
            "comparing": "changes",
            "glued": "glued_table scraps",
            "marks": "is_marked mistagged",
            "packages": "pins",
            "values": "file_changes likeness metric_changes package_changes parameter_changes"
            " scrap_changes value_changes",
        },
    )

__all__ = [
    "CHECKS",
    "Case",
    "Reference",
    "accepted",
    "answers",
    "changes",
    "code_cells",
    "differences",
    "evidence",
    "file_changes",
    "glued_table",
    "is_marked",
    "likeness",
    "metric_changes",
    "mistagged",
    "numbered",
    "package_changes",
    "parameter_changes",
    "pins",
    "scrap_changes",
    "scraps",
    "value_changes",
]
