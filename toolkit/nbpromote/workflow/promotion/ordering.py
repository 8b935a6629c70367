"""Which of several releases goes first: who writes what others read, files and models alike."""

from __future__ import annotations

from dataclasses import replace

from nbpromote.model import Deployment
from nbpromote.workflow.evidence.performing import LIVE
from nbpromote.workflow.fleet import ordering
from nbpromote.workflow.fleet.ordering import Places
from nbpromote.workflow.site import Site


def in_order(site: Site, sources: tuple[Deployment, ...], target: str) -> tuple[Deployment, ...]:
    """Raises `BadInput` for releases that wait for each other in the target, and for two that write to one place."""
    if len(sources) == 1:
        return sources
    by_name = {source.notebook: source for source in sources}
    upstream = ordering.upstream({name: _places(site, source, target) for name, source in by_name.items()})
    return tuple(by_name[name] for name in ordering.order(upstream))


def _places(site: Site, source: Deployment, target: str) -> Places:
    """In another environment than the one that it stands in."""
    environment = site.environment(target, source.notebook, source.schema)
    there = replace(source, parameters=environment.parameters, inputs=environment.inputs, outputs=environment.outputs)
    return places_of(there)


def places_of(deployment: Deployment) -> Places:
    """A live model is a place as well: whoever is scored with it comes after whoever trains it."""
    given = deployment.parameters.values()
    models = (value for value in given if isinstance(value, str) and value.startswith(LIVE))
    return Places(
        reads=(*deployment.inputs.values(), *models),
        writes=(*deployment.outputs.values(), f"{LIVE}{deployment.notebook}"),
    )
