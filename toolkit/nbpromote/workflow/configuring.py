"""What the environments give the notebooks: `params`."""

from __future__ import annotations

from collections.abc import Mapping

from nbpromote.model import Environment
from nbpromote.params import Given
from nbpromote.project import Project
from nbpromote.workflow.site import Site


def show_params(
    project: Project, name: str, *, env: str | None = None, parameters: Mapping[str, Given] | None = None
) -> Environment:
    """The resolved values of one notebook in one environment, each with the place it comes from."""
    site = Site(project)
    pair = site.pair(name)
    code = site.code(pair)
    schemas = {**site.schemas, pair.name: code.schema}
    return site.environment(env or site.entry(), pair.name, code.schema, overrides=parameters, schemas=schemas)
