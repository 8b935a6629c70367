"""Ask what went live, in its own environment, whether it is what was validated: `verify`."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from nbpromote import track, validate
from nbpromote.errors import Error
from nbpromote.model import Check, Deployment, Outcome
from nbpromote.workflow.evidence.witnessing import ask_model
from nbpromote.workflow.site import Site, sharing


def verify(
    site: Site, deployments: Sequence[Deployment], *, verb: str, attempt: str
) -> tuple[tuple[Deployment, ...], dict[str, tuple[Check, ...]]]:
    """Ask the target itself, and write down what it said. Only `failed` sends the deployments back.

    What is live together is verified together: one event, and the worst of its answers is that of all.
    """
    checks: dict[str, tuple[Check, ...]] = {
        each.notebook: (_outputs_there(each), model_answers(each)) for each in deployments
    }
    return noted(site, deployments, checks, verb=verb, attempt=attempt), checks


def noted(
    site: Site,
    deployments: Sequence[Deployment],
    checks: Mapping[str, Sequence[Check]],
    *,
    verb: str,
    attempt: str,
) -> tuple[Deployment, ...]:
    """Write down what was answered, and say how each deployment stands now."""
    asked = [check for answers in checks.values() for check in answers]
    outcomes = {check.outcome for check in asked}
    step = (
        "failed"
        if Outcome.FAILED in outcomes
        else "unverified"
        if outcomes & {Outcome.ERRORED, Outcome.INCONCLUSIVE}
        else "verified"
    )
    event = site.event(
        verb,
        step,
        deployments[0].environment,
        attempt=attempt,
        deployments=tuple(deployments),
        reason="; ".join(check.summary for check in asked if check.outcome.blocks),
    )
    state = site.ledger.append(event, expect=lambda _state: None)
    now = (state[each.notebook].live for each in deployments)
    # somebody may have replaced one of them since: what was asked of it is history by now
    found = (n if n and n.run == e.run else e.with_state(step) for n, e in zip(now, deployments, strict=True))
    return tuple(found)


def misplaced(live: Deployment) -> str | None:
    """How MLflow's alias or version is not what the ledger says; None where it is, or where there is no model."""
    model = live.model
    if model is None or model.name is None:
        return None
    seen = track.pointed(live.tracking_uri, model.name)
    if seen != model.version:
        moved = f"points at version {seen}" if seen else "is gone"
        return f"alias {model.name}@{track.CHAMPION} {moved}, and the ledger says {model.version}: moved from outside"
    if not track.has_version(live.tracking_uri, model):
        return f"version {model.version} of {model.name} is not what was registered"
    return None


def beyond(site: Site, live: Deployment) -> str:
    """How its model is another machine's alone; empty where it is not.

    Where the history is shared and MLflow is a file of each clone, that a version is missing here says nothing about
    it: nobody has moved it.
    """
    model = live.model
    if site.ledger.remote is None or model is None or model.name is None or sharing.is_shared(live.tracking_uri):
        return ""
    if track.has_version(live.tracking_uri, model):
        return ""
    named = f"version {model.version} of {model.name}"
    return f"the MLflow of {live.environment} is a file of each clone, and {named} is not in this one's"


def _outputs_there(deployment: Deployment) -> Check:
    """Every declared output stands at its destination."""
    name = "outputs-published"
    if not deployment.outputs:
        return Check(name=name, outcome=Outcome.SKIPPED, summary="no outputs are declared")
    if deployment.strategy == "copy":
        return Check(name=name, outcome=Outcome.SKIPPED, summary="a copied model publishes none")
    missing = [path for path in deployment.outputs.values() if not Path(path).exists()]
    if missing:
        return Check(name=name, outcome=Outcome.FAILED, summary=f"not at its destination: {', '.join(missing)}")
    count = len(deployment.outputs)
    return Check(name=name, outcome=Outcome.PASSED, summary=f"{count} in place", count=count)


def model_answers(deployment: Deployment) -> Check:
    """The model, loaded through its alias, says to its input example what it said before it went live."""
    model = deployment.model
    if model is None:
        return Check(name="model-answers", outcome=Outcome.SKIPPED, summary="no model")
    try:
        with tempfile.TemporaryDirectory() as folder:
            fault = track.check_model(deployment.tracking_uri, model, Path(folder))
            if fault:
                return Check(name="model-answers", outcome=Outcome.FAILED, summary=fault)
        said = ask_model(model, uri=deployment.tracking_uri, kernel=deployment.kernel, pass_env=deployment.pass_env)
    except Error as error:
        return Check(name="model-answers", outcome=Outcome.ERRORED, summary=f"could not be asked: {error}")
    return validate.answers(model.predictions, said, when="adopted" if deployment.adopted else "validated")
