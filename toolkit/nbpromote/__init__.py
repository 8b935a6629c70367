"""Take a Jupyter notebook from experiment to production.

The verbs of the command are functions of a project, in `nbpromote.workflow`:

    from nbpromote import find, workflow

    project = find("my-project")
    evidence = workflow.run(project, "train_delay", env="dev", parameters={"months": "[1, 2]"})
    if evidence.passed:
        workflow.release(project, "train_delay")
        workflow.promote(project, ["train_delay"], to="staging")

A notebook whose kernel has nbpromote logs its model with `nbpromote.log_model`.
"""

from typing import TYPE_CHECKING

from nbpromote import faces

if TYPE_CHECKING:
    from nbpromote.errors import Error
    from nbpromote.project import Project, find
    from nbpromote.track.logging import log_model
else:
    # when it is asked for: whatever imports MLflow imports `nbpromote.source`, and wants nothing else of it
    __getattr__ = faces.lazy(__name__, {"errors": "Error", "project": "Project find", "track.logging": "log_model"})

__all__ = ["Error", "Project", "find", "log_model"]
