"""Take a Jupyter notebook from experiment to production.

The verbs of the command are functions of a project, in `nbpromote.workflow`:

    from nbpromote import find, workflow

    project = find("my-project")
    evidence = workflow.run(project, "train_delay", env="dev", parameters={"months": "[1, 2]"})
    if evidence.passed:
        workflow.release(project, "train_delay")
        workflow.promote(project, "train_delay", to="staging")
"""

from nbpromote.errors import Error
from nbpromote.project import Project, find

__all__ = ["Error", "Project", "find"]
