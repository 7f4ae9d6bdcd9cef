"""approve, reject, undo: what a person decides is written to ``spec``, under the person's own name."""

from __future__ import annotations

import enum

from rich.console import Group
from rich.text import Text

from incident_commander.actions.send import look
from incident_commander.actions.write import is_undone, shows, to_undo
from incident_commander.api import kinds
from incident_commander.api.incident import Approval, Attempt, Incident, Phase, StepOutcome, UndoRequest
from incident_commander.api.meta import Model
from incident_commander.api.plan import Plan
from incident_commander.cli.render.plan import plan_diff, undo_diff
from incident_commander.cli.render.text import clock, moment, styled
from incident_commander.cli.render.votes import votes_view
from incident_commander.cli.work.desk import TO_VERIFY, Desk
from incident_commander.consensus.certificate import verify_certificate
from incident_commander.consensus.digest import plan_digest
from incident_commander.errors import Forbidden, InvalidCertificate, NotFound, Refusal
from incident_commander.ports import PatchType

FIELD_MANAGER = "kubectl-incident"


class Verdict(enum.StrEnum):
    """As ``spec.approval.decision`` has it."""

    APPROVE = "Approve"
    REJECT = "Reject"


async def decide(desk: Desk, name: str, verdict: Verdict, *, digest: str | None, reason: str, yes: bool) -> None:
    """Approve or reject the plan that waits, after showing it. Only what was shown is approved."""
    _, incident = await desk.incident(name)
    desk.trying(f"{verdict.lower()} the plan of Incident {incident.key}")
    plan = _waiting_plan(desk, incident)
    _check_digest(desk, plan.digest, digest)
    if plan_digest(plan) != plan.digest:
        raise desk.no(
            f"the plan calls itself {plan.digest}, but its content has the digest {plan_digest(plan)}: "
            "somebody changed it after the vote",
            f"do not approve it; see `{desk.program} verify {name} {desk.flag()}`",
        )
    if verdict is Verdict.APPROVE:
        await _check_targets(desk, incident, plan)
    desk.out.print(Group(plan_diff(plan), Text(), votes_view(incident.status.consensus)))
    if verdict is Verdict.APPROVE:
        await _check_certificate(desk, incident, plan)
    desk.trying(f"{verdict.lower()} the plan of Incident {incident.key}")
    desk.confirm(f"{verdict} this plan for {incident.key}?", yes=yes)
    approver = await desk.username()
    approval = Approval(plan_digest=plan.digest, decision=verdict, approver=approver, reason=reason)
    await _write(desk, incident, "approval", approval)
    then = "It is carried out next." if verdict is Verdict.APPROVE else "Nothing will be changed by it."
    desk.out.print(styled(f"Recorded: {verdict} by {approver}. {then}"))


async def undo(desk: Desk, name: str, *, digest: str | None, reason: str, yes: bool) -> None:
    """Ask for the last change to be taken back, after showing what that would write."""
    _, incident = await desk.incident(name)
    desk.trying(f"undo what was done for Incident {incident.key}")
    attempt = _standing_attempt(desk, incident)
    _check_digest(desk, attempt.plan_digest, digest)
    await _check_undo(desk, attempt)
    desk.out.print(undo_diff(attempt))
    desk.confirm(f"Take back attempt {attempt.id} of {incident.key}?", yes=yes)
    requester = await desk.username()
    request = UndoRequest(plan_digest=attempt.plan_digest, requester=requester, reason=reason)
    await _write(desk, incident, "undo", request)
    desk.out.print(
        styled(f"Recorded: {requester} asks to undo. `{desk.program} show {name} {desk.flag()}` follows it.")
    )


def _waiting_plan(desk: Desk, incident: Incident) -> Plan:
    status = incident.status
    if status.phase is not Phase.AWAITING_APPROVAL or status.plan is None:
        told = "tells how it ended" if status.phase.terminal else "says what it waits for"
        extra = "; in mode Observe plans are only recommended" if status.mode == "Observe" else ""
        raise desk.no(
            f"it is in phase {status.phase}, not {Phase.AWAITING_APPROVAL}{extra}",
            f"`{desk.program} show {incident.metadata.name} {desk.flag()}` {told}",
        )
    expires = status.approval.expires_at if status.approval is not None else None
    if expires is not None and desk.now() >= expires:
        raise desk.no(
            f"the time to decide ran out at {moment(expires)}; nothing will be done",
            "mend it by hand, or wait for the alert to fire again",
        )
    if incident.spec.approval is not None and incident.spec.approval.plan_digest == status.plan.digest:
        decided = incident.spec.approval
        raise desk.no(f"{decided.approver} decided already: {decided.decision}", "nothing is left to decide")
    return status.plan


def _standing_attempt(desk: Desk, incident: Incident) -> Attempt:
    attempts = incident.status.execution.attempts
    show = f"`{desk.program} show {incident.metadata.name} {desk.flag()}` tells the story"
    if not attempts:
        raise desk.no("nothing was carried out", show)
    last = attempts[-1]
    if last.outcome is not StepOutcome.APPLIED:
        raise desk.no(f"the last attempt ({last.id}) ended as {last.outcome}: no change of it stands", show)
    if incident.status.phase is Phase.ROLLING_BACK:
        raise desk.no("it is being undone already", show)
    if not any(step.undo_possible for step in last.steps):
        raise desk.no(f"no step of the last attempt ({last.id}) can be undone", "mend it by hand; " + show)
    return last


def _check_digest(desk: Desk, actual: str, wanted: str | None) -> None:
    if wanted is not None and wanted not in (actual, actual.removeprefix("sha256:")):
        raise desk.no(f"the plan's digest is {actual}, not {wanted}", "read the plan again; it is not the one you mean")


async def _check_targets(desk: Desk, incident: Incident, plan: Plan) -> None:
    """What is gone cannot be changed. A target that may not be read is left to the executor, which looks again."""
    tried = desk.tried
    for ref in {str(step.target): step.target for step in plan.steps}.values():
        kind = kinds.kind_of(ref.api_version, ref.kind)
        if kind is None:
            continue
        desk.trying(f"read {ref}, which the plan changes")
        gone = ""
        try:
            stored = await desk.cluster.get(kind, ref.namespace if kind.namespaced else None, ref.name)
        except Forbidden:
            continue
        except NotFound:
            gone = "was deleted meanwhile"
        else:
            meta = stored.get("metadata", {})
            if ref.uid and meta.get("uid") != ref.uid:
                gone = "was replaced by another object of that name"
            elif ref.generation is not None and meta.get("generation") != ref.generation:
                desk.trying(tried)
                raise desk.no(
                    f"{ref} changed since the plan was made (generation {ref.generation} → {meta.get('generation')}): "
                    "the plan does not fit any more, and would be refused",
                    f"a new plan is asked for within seconds: look at it with `{desk.program} show "
                    f"{incident.metadata.name} {desk.flag()}`, and approve that",
                )
        if gone:
            desk.trying(tried)
            raise desk.no(
                f"{ref} {gone}; there is nothing that the plan could change",
                f"nothing has to be decided: the Incident ends soon. `{desk.program} show {incident.metadata.name} "
                f"{desk.flag()}` says how",
            )
    desk.trying(tried)


async def _check_undo(desk: Desk, attempt: Attempt) -> None:
    """What the executor would refuse to take back is told at once. What may not be read is left to it."""
    tried = desk.tried
    for step in attempt.steps:
        if not step.undo_possible:
            continue
        desk.trying(f"read {step.target}, which was changed")
        try:
            found = await look(desk.cluster, shows(step))
            if is_undone(step, found) is None:
                to_undo(step, found)
        except Forbidden:
            continue
        except Refusal as refusal:
            desk.trying(tried)
            raise desk.no(
                f"it would be refused: {refusal}",
                "compare what was written (status.execution) with what stands there now, and mend it by hand",
            ) from None
    desk.trying(tried)


async def _check_certificate(desk: Desk, incident: Incident, plan: Plan) -> None:
    """Nobody should approve what no quorum stands behind. Without the right to read Agents it is said, not hidden."""
    certificate = incident.status.consensus.certificate
    check = f"see `{desk.program} verify {incident.metadata.name} {desk.flag()}`"
    if certificate is None:
        raise desk.no("no certificate stands behind this plan", check)
    try:
        agents = await desk.agents()
    except Forbidden:
        desk.out.print(
            Text(f"Not verified: you may not read the Agents; the executor verifies it all the same. {TO_VERIFY}.")
        )
        return
    try:
        verify_certificate(
            certificate,
            plan=plan,
            incident_uid=incident.metadata.uid,
            agents=agents,
            consensus_policy=None,
            now=desk.now(),
        )
    except InvalidCertificate as error:
        raise desk.no(f"its certificate proves nothing: {error.reason}: {error}", check) from None
    desk.out.print(Text(f"Verified: the certificate holds, until {clock(certificate.expires_at)}.", style="green"))


async def _write(desk: Desk, incident: Incident, field: str, value: Model) -> None:
    desk.trying(f"write spec.{field} of Incident {incident.key}")
    # The uid keeps it from an Incident of the same name that came meanwhile.
    body = {"metadata": {"uid": incident.metadata.uid}, "spec": {field: value.to_json()}}
    await desk.cluster.patch(
        kinds.INCIDENT,
        incident.metadata.namespace,
        incident.metadata.name,
        body,
        patch_type=PatchType.MERGE,
        field_manager=FIELD_MANAGER,
    )
