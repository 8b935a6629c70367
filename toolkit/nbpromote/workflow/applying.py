"""Make a deployment live: intent, publish, register, alias, read back, live, verify. Each step can be repeated.

The intent in the ledger is the claim; whoever finds one that has not ended finishes it from its record.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from nbpromote import execute, track, validate
from nbpromote.errors import Error, LostRace, Unavailable
from nbpromote.model import Check, Decision, Deployment, Event, Model, Outcome, Plan, Promotion, Standing, State
from nbpromote.workflow.performing import publish
from nbpromote.workflow.site import Site
from nbpromote.workflow.witnessing import ask_model


def new_attempt() -> str:
    """The client token of one attempt: everything it writes can be found again by it."""
    return secrets.token_hex(6)


def event_of(
    site: Site,
    verb: str,
    step: str,
    deployment: Deployment,
    *,
    attempt: str,
    reason: str = "",
    hold: str = "",
    decision: Decision | None = None,
) -> Event:
    return Event(
        id="",
        at="",
        actor=site.actor,
        verb=verb,
        step=step,
        environment=deployment.environment,
        notebooks=(deployment.notebook,),
        attempt=attempt,
        release=deployment.release,
        alias=deployment.alias,
        reason=reason,
        deployment=deployment,
        decision=decision,
        hold=hold,
    )


def apply(
    site: Site,
    verb: str,
    deployment: Deployment,
    outcome: Promotion,
    *,
    expected: Standing,
    reason: str = "",
    hold: str = "",
) -> Promotion:
    """Make a deployment live in place of what is expected to be, and say in the outcome how that ended.

    Raises `LostRace` when somebody else moved the notebook first.
    """
    attempt = new_attempt()
    intent = event_of(
        site, verb, "intent", deployment, attempt=attempt, reason=reason, hold=hold, decision=outcome.decision
    )

    def unmoved(state: State) -> None:
        _same(state[deployment.notebook], expected, deployment)

    with _alone(site, deployment):
        site.ledger.append(intent, expect=unmoved)
        live, checks = carry_out(site, intent)
    return replace(outcome, deployment=live, verification=checks)


def already(site: Site, verb: str, plan: Plan, settings: str, standing: Standing) -> Promotion | None:
    """The same release with the same settings goes live once; one that was left unverified is asked again."""
    live = standing.live
    if live is None or live.release != plan.release or live.settings != settings:
        return None
    if live.state == "verified":
        return Promotion(plan=plan, deployment=live, note="already live; nothing was changed")
    done, checks = verify(site, live, verb=verb, attempt=new_attempt())
    return Promotion(plan=plan, deployment=done, verification=checks, note="it was live, and not yet verified")


def _same(seen: Standing, expected: Standing, wanted: Deployment) -> None:
    if seen.open is not None:
        raise LostRace(
            f"{seen.open.actor} began to {seen.open.verb} {seen.open.alias} in {wanted.environment} at {seen.open.at}",
            hint="wait for it; if it was killed, nbpromote doctor --repair finishes it",
        )
    if (seen.live and seen.live.run) != (expected.live and expected.live.run) or seen.holds != expected.holds:
        now = f"{seen.live.alias} is live since {seen.live.since}" if seen.live else "its holds changed"
        raise LostRace(
            f"{wanted.notebook} in {wanted.environment} moved meanwhile: {now}; {wanted.alias} changed nothing",
            hint="look at nbpromote status, and plan again",
        )


@contextmanager
def _alone(site: Site, deployment: Deployment) -> Iterator[None]:
    """One application of a notebook at a time on this machine; between machines the intent decides."""
    from filelock import FileLock

    folder = site.project.state / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f"{deployment.environment}.{deployment.notebook.replace('/', '.')}.lock"):
        yield


def resume(site: Site, environment: str, notebook: str) -> Deployment | None:
    """Finish what a killed command left half-way. None where there is nothing, or where it is still at work."""
    standing = site.ledger.state(environment)[notebook]
    if standing.open is None or standing.open.deployment is None:
        return None
    with _alone(site, standing.open.deployment):
        opened = site.ledger.state(environment)[notebook].open
        if opened is None:
            return None
        return carry_out(site, opened)[0]


def carry_out(site: Site, intent: Event) -> tuple[Deployment, tuple[Check, ...]]:
    """Everything between intent and verification; safe to repeat from the start after a kill anywhere."""
    deployment = intent.deployment
    assert deployment is not None
    if deployment.strategy != "copy" and intent.verb != "release":  # a run in an entry environment has published
        _publish_outputs(site, deployment, verb=intent.verb)
    if deployment.model is not None:
        deployment = replace(deployment, model=_point(site, deployment, intent.attempt))

    def mine(state: State) -> None:
        opened = state[deployment.notebook].open
        if opened is None or opened.attempt != intent.attempt:
            raise LostRace(f"somebody else finished {intent.alias} in {intent.environment}")

    live = replace(intent, step="live", deployment=deployment, decision=None)
    state = site.ledger.append(live, expect=mine)
    standing = state[deployment.notebook].live
    assert standing is not None
    return verify(site, standing, verb=intent.verb, attempt=intent.attempt)


def _publish_outputs(site: Site, deployment: Deployment, *, verb: str) -> None:
    """A rollback without the run's folder goes on: the model must not wait for its data, and verification says so."""
    folder = site.project.runs / deployment.run
    if not deployment.outputs or (verb == "rollback" and not folder.exists()):
        return
    if not folder.exists():
        raise Unavailable(
            f"the outputs of run {deployment.run} are not on this machine",
            hint="finish it where it was begun, or promote again after nbpromote doctor --repair",
        )
    publish(execute.load_run(folder))


def _point(site: Site, deployment: Deployment, attempt: str) -> Model:
    """The champion alias on a version whose bytes are those that were validated, read back."""
    model, uri = deployment.model, deployment.tracking_uri
    assert model is not None
    model = _sound(site, deployment, model)
    if model.version is None:
        name = model_name(site, deployment.environment, deployment.notebook)
        tags = {
            "nbpromote.release": deployment.release,
            "nbpromote.alias": deployment.alias,
            "nbpromote.commit": deployment.commit or "",
            "nbpromote.environment": deployment.environment,
            "nbpromote.notebook": deployment.notebook,
            "nbpromote.code": deployment.code,
        }
        model = track.register(uri, model, name, token=attempt, tags=tags)
    track.set_alias(uri, model)
    return model


def _sound(site: Site, deployment: Deployment, model: Model) -> Model:
    """The model where its bytes are right: where it is, or brought there again from the store."""
    with tempfile.TemporaryDirectory() as folder:
        fault = track.check_model(deployment.tracking_uri, model, Path(folder) / "seen")
        registered = model.version is None or track.has_version(deployment.tracking_uri, model)
        if fault is None and registered:
            return model
        if fault is None:
            return replace(model, version=None)
        kept = site.store.export(deployment.sealed, "model/", Path(folder) / "kept")
        return restore_model(site, deployment, model, kept)


def restore_model(site: Site, deployment: Deployment, model: Model, folder: Path) -> Model:
    fresh = track.keep_model(
        deployment.tracking_uri,
        experiment=f"{site.project.name}/{deployment.environment}/{deployment.notebook}",
        folder=folder,
        files=model.files,
    )
    return replace(fresh, predictions=model.predictions)


def mend(site: Site, live: Deployment) -> Deployment:
    """Put back what was moved or damaged from outside: alias, version and bytes, from ledger and store."""
    assert live.model is not None
    attempt = new_attempt()
    with _alone(site, live):
        mended = replace(live, model=_point(site, live, attempt))
        if mended.model != live.model:
            event = event_of(site, "repair", "live", mended, attempt=attempt, reason="model brought back")
            site.ledger.append(event, expect=lambda _state: None)
    return mended


def model_name(site: Site, environment: str, notebook: str) -> str:
    """`prod.train_delay`: MLflow allows no `/` and no `:` in it."""
    text = site.project.model_name.format(project=site.project.name, environment=environment, notebook=notebook)
    return text.replace("/", ".")


# -- verification -------------------------------------------------------------------------------------------------


def verify(site: Site, deployment: Deployment, *, verb: str, attempt: str) -> tuple[Deployment, tuple[Check, ...]]:
    """Ask the target itself, and write down what it said. Only `failed` sends the deployment back."""
    checks = (_outputs_there(site, deployment, verb=verb), _model_answers(site, deployment))
    outcomes = {check.outcome for check in checks}
    step = (
        "failed"
        if Outcome.FAILED in outcomes
        else "unverified"
        if outcomes & {Outcome.ERRORED, Outcome.INCONCLUSIVE}
        else "verified"
    )
    reason = "; ".join(check.summary for check in checks if check.outcome.blocks)
    event = event_of(site, verb, step, deployment, attempt=attempt, reason=reason)
    state = site.ledger.append(event, expect=lambda _state: None)
    live = state[deployment.notebook].live
    if live is None or live.run != deployment.run:
        return deployment.with_state(step), checks
    return live, checks


def _outputs_there(site: Site, deployment: Deployment, *, verb: str) -> Check:
    """Every declared output stands at its destination."""
    missing = [path for path in deployment.outputs.values() if not Path(path).exists()]
    if not deployment.outputs:
        return Check(name="outputs-published", outcome=Outcome.SKIPPED, summary="no outputs are declared")
    if deployment.strategy == "copy":
        return Check(name="outputs-published", outcome=Outcome.SKIPPED, summary="a copied model publishes none")
    if verb == "rollback" and not (site.project.runs / deployment.run).exists():
        again = f"nbpromote run {deployment.notebook} --env {deployment.environment}"
        summary = f"run {deployment.run} is not on this machine, so outputs are as they were: {again} writes them again"
        return Check(name="outputs-published", outcome=Outcome.SKIPPED, summary=summary)
    if missing:
        summary = f"not at its destination: {', '.join(missing)}"
        return Check(name="outputs-published", outcome=Outcome.FAILED, summary=summary)
    count = len(deployment.outputs)
    return Check(name="outputs-published", outcome=Outcome.PASSED, summary=f"{count} in place", count=count)


def _model_answers(site: Site, deployment: Deployment) -> Check:
    """The model, loaded through its alias, says to its input example what it said when it was validated."""
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
    return validate.answers(model.predictions, said)
