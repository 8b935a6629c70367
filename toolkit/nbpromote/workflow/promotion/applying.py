"""Make deployments live: intent, publish, register, alias, read back, live, verify. Each step can be repeated.

The intent in the ledger is the claim; whoever finds one that has not ended finishes it from its record.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from nbpromote import execute, files, track
from nbpromote.errors import LostRace, Refused, Unavailable
from nbpromote.model import Candidate, Check, Deployment, Event, Model, Move, Plan, Promotion, Run, Standing, State
from nbpromote.workflow.evidence.performing import publish
from nbpromote.workflow.promotion.verifying import verify
from nbpromote.workflow.site import Site


def new_attempt() -> str:
    """The client token of one attempt: everything it writes can be found again by it."""
    return secrets.token_hex(6)


def apply(
    site: Site,
    verb: str,
    promotion: Promotion,
    *,
    expected: Mapping[str, Standing],
    reason: str = "",
    holds: tuple[str, ...] = (),
) -> Promotion:
    """Make the deployments of a promotion live together in place of what is expected to be, and say how that ended.

    Raises `LostRace` when somebody else moved one of the notebooks first, `Refused` when the environment was frozen.
    """
    overrides = promotion.overrides
    deployments = tuple(replace(_replacing(d, expected), overrides=overrides) for d in promotion.deployments)
    intent = site.event(
        verb,
        "intent",
        promotion.plan.target,
        attempt=promotion.attempt or new_attempt(),
        deployments=deployments,
        decisions=tuple(c.decision for c in promotion.candidates if c.decision),
        reason=reason,
        holds=holds,
        overrides=overrides,
    )

    def unmoved(state: State) -> None:
        refuse_moved(state, expected, intent)

    for uri in {deployment.tracking_uri for deployment in deployments if deployment.model}:
        track.reach(uri)  # before the claim: who cannot move the alias claims nothing
    with _alone(site, intent):
        site.ledger.append(intent, expect=unmoved)
        live, checks = carry_out(site, intent)
    return ended(promotion, live, checks, attempt=intent.attempt)


def _replacing(deployment: Deployment, expected: Mapping[str, Standing]) -> Deployment:
    live = expected[deployment.notebook].live
    return replace(deployment, incumbent=live.run if live else "", state="unverified", verified="")


def ended(
    promotion: Promotion,
    live: Sequence[Deployment],
    checks: Mapping[str, tuple[Check, ...]],
    *,
    attempt: str,
    note: str = "",
) -> Promotion:
    """The promotion with what is live now, and what that was asked."""
    by_name = {deployment.notebook: deployment for deployment in live}
    candidates = tuple(
        replace(c, deployment=by_name[c.move.notebook], verification=checks.get(c.move.notebook, ()))
        if c.move.notebook in by_name
        else c
        for c in promotion.candidates or tuple(Candidate(move=move) for move in promotion.plan.moves)
    )
    states = {deployment.state for deployment in live}
    state = next((state for state in ("failed", "unverified") if state in states), "verified")
    return replace(
        promotion, candidates=candidates, state=state, attempt=attempt, note=note or promotion.note, waits=()
    )


def already(site: Site, verb: str, planned: Plan) -> Promotion | None:
    """The same releases with the same settings go live once; what was left unverified is asked again."""
    if not all(map(is_live, planned.moves)):
        return None
    live = tuple(move.incumbent for move in planned.moves if move.incumbent)
    promotion = Promotion(plan=planned)
    if all(deployment.state == "verified" for deployment in live):
        return ended(promotion, live, {}, attempt="", note="already live; nothing was changed")
    attempt = new_attempt()
    done, checks = verify(site, live, verb=verb, attempt=attempt)
    return ended(promotion, done, checks, attempt=attempt, note="it was live, and not yet verified")


def is_live(move: Move) -> bool:
    """Whether the target has exactly this already."""
    live = move.incumbent
    if live is None or live.state == "expired":
        return False
    return live.release == move.release and live.settings == move.settings


def refuse_moved(seen: State, expected: Mapping[str, Standing], intent: Event) -> None:
    """Whether what a promotion stands on is still so. The reasons are those of one notebook, the first."""
    if seen.frozen and intent.verb != "rollback":
        raise Refused(
            f"{seen.environment} was frozen by {seen.frozen.by} at {seen.frozen.at}; nothing was changed",
            hint=f"nbpromote thaw --env {seen.environment} lifts that",
        )
    for deployment in intent.deployments:
        claim = seen.applying(deployment.notebook)
        if claim is not None:
            raise LostRace(
                f"{claim.actor} began to {claim.verb} {', '.join(claim.aliases)} in {seen.environment} at {claim.at}",
                hint="wait for it; if it was killed, nbpromote doctor --repair finishes it",
            )
        _refuse_other(seen[deployment.notebook], expected[deployment.notebook], deployment)


def _refuse_other(seen: Standing, expected: Standing, wanted: Deployment) -> None:
    stands = (seen.live and seen.live.run, seen.holds, seen.held)
    if stands == (expected.live and expected.live.run, expected.holds, expected.held):
        return
    moved = (seen.live and seen.live.run) != (expected.live and expected.live.run)
    now = f"{seen.live.alias} is live since {seen.live.since}" if seen.live and moved else "its holds changed"
    raise LostRace(
        f"{wanted.notebook} in {wanted.environment} moved meanwhile: {now}; {wanted.alias} changed nothing",
        hint="look at nbpromote status, and plan again",
    )


@contextmanager
def _alone(site: Site, event: Event) -> Iterator[None]:
    """One application of a notebook at a time on this machine; between machines the intent decides."""
    from filelock import FileLock

    folder = site.project.state / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as locks:
        for notebook in sorted(event.notebooks):  # in one order, so that nobody waits for each other
            locks.enter_context(FileLock(folder / f"{event.environment}.{notebook.replace('/', '.')}.lock"))
        yield


def resume(site: Site, environment: str, notebook: str) -> Event | None:
    """Finish what a killed command left half-way: the claim as it ended. None where there is nothing to finish."""
    claim = site.ledger.state(environment).applying(notebook)
    if claim is None:
        return None
    with _alone(site, claim):
        opened = site.ledger.state(environment).applying(notebook)
        if opened is None:
            return None
        live, _ = carry_out(site, opened)
    return replace(opened, deployments=tuple(live))


def carry_out(site: Site, intent: Event) -> tuple[tuple[Deployment, ...], dict[str, tuple[Check, ...]]]:
    """Everything between intent and verification; safe to repeat from the start after a kill anywhere."""
    for deployment in intent.deployments:
        _publish_outputs(site, deployment, verb=intent.verb)
    placed = tuple(
        replace(deployment, model=point(site, deployment, intent.attempt)) if deployment.model else deployment
        for deployment in intent.deployments
    )

    def mine(state: State) -> None:
        attempt = state.attempts.get(intent.attempt)
        if attempt is None or not attempt.applies:
            raise LostRace(f"somebody else finished {', '.join(intent.aliases)} in {intent.environment}")

    live = site.mine(intent, step="live", deployments=placed, decisions=())
    state = site.ledger.append(live, expect=mine)
    standing = tuple(d for name in intent.notebooks if (d := state[name].live) is not None)
    return verify(site, standing, verb=intent.verb, attempt=intent.attempt)


def abandon(site: Site, claim: Event, *, reason: str) -> None:
    """Undo a claim that cannot be finished: aliases and outputs are those of what is live, as before it."""
    with _alone(site, claim):
        state = site.ledger.state(claim.environment)
        if claim.attempt not in state.attempts:
            return
        for notebook in claim.notebooks:
            live = state[notebook].live
            if live is not None:
                _publish_outputs(site, live, verb="rollback")
            if live is not None and live.model is not None:
                point(site, live, new_attempt())
            elif (left := claim.deployment(notebook)) is not None and left.model is not None:
                track.drop_alias(left.tracking_uri, model_name(site, claim.environment, notebook))
        event = site.mine(claim, step="aborted", reason=reason, deployments=(), decisions=())
        site.ledger.append(event, expect=lambda _state: None)


# -- outputs --------------------------------------------------------------------------------------------------------


def _publish_outputs(site: Site, deployment: Deployment, *, verb: str) -> None:
    """From the run's folder where it still holds what was validated, else from the store.

    A rollback to what kept neither goes on: the model must not wait for its data, and verification says so.
    """
    if not deployment.outputs or deployment.strategy == "copy" or verb == "release":
        return  # a run in an entry environment has published, and a copied model publishes nothing
    run = _run_here(site, deployment)
    if run is not None:
        publish(run)
        return
    kept = {name for name in deployment.outputs if deployment.keeps(f"outputs/{name}/")}
    if kept != set(deployment.outputs) and verb != "rollback":
        raise Unavailable(
            f"the outputs of run {deployment.run} are not on this machine, and the store has not kept them",
            hint="finish it where it was begun, or nbpromote doctor --repair to undo it",
        )
    for name in kept:
        _restore_output(site, deployment, name)


def _run_here(site: Site, deployment: Deployment) -> Run | None:
    """The run with all that it wrote, as long as nobody has touched that."""
    folder = site.project.runs / deployment.run
    if not (folder / "outputs").exists():
        return None
    run = execute.load_run(folder)
    found = {name: site.seen.measure(str(path)) for name, path in run.candidates.items()}
    whole = all(file and name in run.files and file.sha256 == run.files[name].sha256 for name, file in found.items())
    return run if whole else None


def _restore_output(site: Site, deployment: Deployment, name: str) -> None:
    destination = Path(deployment.outputs[name])
    with tempfile.TemporaryDirectory(prefix="nbpromote-") as place:
        folder = site.store.export(deployment.sealed, f"outputs/{name}/", Path(place))
        files.publish(folder / destination.name, destination)


# -- the model ------------------------------------------------------------------------------------------------------


def point(site: Site, deployment: Deployment, attempt: str) -> Model:
    """The champion alias on a version whose bytes are those that were validated, read back."""
    model, uri = deployment.model, deployment.tracking_uri
    assert model is not None
    model = _sound(site, deployment, model, attempt)
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


def _sound(site: Site, deployment: Deployment, model: Model, attempt: str) -> Model:
    """The model where its bytes are right: where it is, or brought there again from the store."""
    with tempfile.TemporaryDirectory() as folder:
        fault = track.check_model(deployment.tracking_uri, model, Path(folder) / "seen")
        registered = model.version is None or track.has_version(deployment.tracking_uri, model)
        if fault is None and registered:
            return model
        if fault is None:
            return replace(model, version=None)
        kept = site.store.export(deployment.sealed, "model/", Path(folder) / "kept")
        return _restore_model(site, deployment, model, kept, attempt)


def _restore_model(site: Site, deployment: Deployment, model: Model, folder: Path, attempt: str) -> Model:
    fresh = track.keep_model(
        deployment.tracking_uri,
        experiment=f"{site.project.name}/{deployment.environment}/{deployment.notebook}",
        folder=folder,
        files=model.files,
        token=attempt,
    )
    return replace(fresh, predictions=model.predictions)


def mend(site: Site, live: Deployment) -> Deployment:
    """Put back what was moved or damaged from outside: alias, version and bytes, from ledger and store."""
    assert live.model is not None
    attempt = new_attempt()
    event = site.event("repair", "live", live.environment, attempt=attempt, deployments=(live,))
    with _alone(site, event):
        mended = replace(live, model=point(site, live, attempt))
        if mended.model != live.model:
            event = replace(event, deployments=(mended,), reason="model brought back")
            site.ledger.append(event, expect=lambda _state: None)
    return mended


def model_name(site: Site, environment: str, notebook: str) -> str:
    """`prod.train_delay`: MLflow allows no `/` and no `:` in it."""
    text = site.project.model_name.format(project=site.project.name, environment=environment, notebook=notebook)
    return text.replace("/", ".")
