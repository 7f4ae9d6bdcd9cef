"""list, show, timeline: nothing is written."""

from __future__ import annotations

from pydantic import ValidationError

from incident_commander.api import kinds
from incident_commander.api.incident import Incident, Phase, StepOutcome
from incident_commander.api.names import LABEL_MANAGED
from incident_commander.cli.options import Output
from incident_commander.cli.render.incident import incident_page
from incident_commander.cli.render.listing import IncidentTable
from incident_commander.cli.render.proposal import kustomize_patches
from incident_commander.cli.render.story import story
from incident_commander.cli.render.text import clock, styled
from incident_commander.cli.render.timeline import timeline_view
from incident_commander.cli.work.desk import Desk, read_incident
from incident_commander.cli.work.failure import CommandError
from incident_commander.cli.work.printing import print_data
from incident_commander.consensus.certificate import verify_certificate
from incident_commander.consensus.membership import MIN_MEMBERS, members_of
from incident_commander.errors import ClusterError, InvalidCertificate

_BEFORE_ACTING = frozenset({Phase.DIAGNOSING, Phase.PLANNING, Phase.VOTING, Phase.AWAITING_APPROVAL})


async def list_incidents(desk: Desk, output: Output) -> None:
    """Open ones first, the newest first among each."""
    where = None if desk.everywhere else desk.namespace
    desk.trying("list the Incidents" + (f" of namespace {where}" if where else ""))
    stored = await desk.cluster.list(kinds.INCIDENT, where)
    if output is not Output.TABLE:
        print_data(desk.out, {"apiVersion": "v1", "kind": "List", "items": stored}, output)
        return
    incidents = [read_incident(item, desk.tried) for item in stored]
    incidents.sort(key=lambda i: i.metadata.creation_timestamp or desk.now(), reverse=True)
    incidents.sort(key=lambda i: i.status.phase.terminal)
    if incidents:
        desk.out.print(IncidentTable(incidents, desk.now(), desk.everywhere))
    else:
        if where is not None:
            every = f"`{desk.program} list -A` shows the Incidents of all; `kubectl get namespaces` shows what there is"
            await desk.namespace_must_exist(where, every)
        place = "in any namespace" if where is None else f"in namespace {where}; -A looks in all"
        desk.out.print(styled(f"No Incidents {place}."))


async def show(desk: Desk, name: str, output: Output) -> None:
    """One page, or the object."""
    stored, incident = await desk.incident(name)
    if output is not Output.TABLE:
        print_data(desk.out, stored, output)
        return
    obstacle = await _obstacle(desk, incident)
    effects = await _effects(desk, incident)
    page = incident_page(incident, now=desk.now(), advice=obstacle or advice(incident, desk.program), effects=effects)
    desk.out.print(page)


async def proposal(desk: Desk, name: str) -> None:
    """Patches of a kustomization, the reason above each."""
    _, incident = await desk.incident(name)
    plan = incident.status.plan
    text = kustomize_patches(plan) if plan is not None else ""
    if not text:
        raise CommandError(
            f"print a proposal of {incident.key}",
            "its plan proposes nothing for a repository" if plan is not None else "it has no plan",
            f"see what it found and did: `{desk.program} show {name} -n {incident.metadata.namespace}`",
        )
    desk.out.file.write(text)


async def timeline(desk: Desk, name: str, output: Output) -> None:
    """The story only."""
    _, incident = await desk.incident(name)
    entries = story(incident)
    if output is Output.TABLE:
        desk.out.print(timeline_view(entries, incident.status.started_at))
    else:
        print_data(desk.out, [entry.to_json() for entry in entries], output)


def advice(incident: Incident, program: str) -> str:
    """What a person can do about it now; empty when there is nothing."""
    status, name = incident.status, f"{incident.metadata.name} -n {incident.metadata.namespace}"
    if status.phase is Phase.AWAITING_APPROVAL:
        expires = status.approval.expires_at if status.approval is not None else None
        until = f" until {clock(expires)}, after that nothing is done" if expires is not None else ""
        return f"{_void_decision(incident)}`{program} approve {name}` or `{program} reject {name}`{until}"
    if status.phase is Phase.RESOLVED and _stands(incident):
        return f"nothing has to be done; `{program} undo {name}` takes the change back"
    if status.phase is Phase.ESCALATED:
        change = f"; a change stands, `{program} undo {name}` takes it back" if _stands(incident) else ""
        return f"a person has to look at this{_in_the_way(incident, program)}{change}"
    return ""


def _in_the_way(incident: Incident, program: str) -> str:
    """What kept plans from being carried out and only a person can clear, with the command; empty otherwise."""
    status, ref = incident.status, incident.spec.target_ref
    said = " ".join((status.message, *(entry.message for entry in status.timeline)))
    if "BreakerTripped" in said:
        return f"; nothing is carried out until the circuit breaker is closed: `{program} breaker reset --reason ...`"
    if "NotOptedIn" in said and ref is not None:
        where = f" -n {ref.namespace}" if ref.namespace else ""
        label = f"kubectl label {ref.kind.lower()} {ref.name}{where} {LABEL_MANAGED}=true"
        return f"; its target is not opted in: `{label}` lets the next plan be carried out"
    return ""


def _void_decision(incident: Incident) -> str:
    """A decision that is stored and counts for nothing, because it is about another plan than the one that waits."""
    said, plan = incident.spec.approval, incident.status.plan
    if said is None or plan is None or said.plan_digest == plan.digest:
        return ""
    return (
        f"the stored {said.decision} by {said.approver} is for {said.plan_digest[:19]}…, not for this plan "
        f"({plan.digest[:19]}…), and counts for nothing; decide anew: "
    )


async def _effects(desk: Desk, incident: Incident) -> list[Incident]:
    """The Incidents that name this one as their root, as far as they can be read."""
    ref, namespace = incident.spec.target_ref, incident.metadata.namespace
    where = namespace if ref is not None and ref.namespace == namespace else None
    try:
        found = await desk.cluster.list(kinds.INCIDENT, where)
    except ClusterError:
        return []  # the page is worth more than this part of it
    effects = []
    for stored in found:
        try:
            other = Incident.model_validate(stored)
        except ValidationError:
            continue
        if other.status.cascade is not None and other.status.cascade.incident == incident.key[:256]:
            effects.append(other)
    return effects


async def _obstacle(desk: Desk, incident: Incident) -> str:
    """Why no decision of a person can lead to anything now; empty when one can, or when Agents may not be read."""
    status = incident.status
    if status.phase not in _BEFORE_ACTING:
        return ""
    try:
        agents = await desk.agents()
    except (CommandError, ClusterError):
        return ""  # the page is worth more than this line of it
    voters = len(members_of(agents, desk.now()))
    if voters < MIN_MEMBERS:
        return (
            f"nothing can be certified, so nothing will be carried out: {voters} Agents have a valid key, "
            f"{MIN_MEMBERS} are needed; `kubectl get agents` shows what is there"
        )
    if status.phase is not Phase.AWAITING_APPROVAL or status.plan is None:
        return ""
    if status.consensus.certificate is None:
        return "the plan has no certificate, so an approval would lead to nothing"
    try:
        verify_certificate(
            status.consensus.certificate,
            plan=status.plan,
            incident_uid=incident.metadata.uid,
            agents=agents,
            consensus_policy=None,
            now=desk.now(),
        )
    except InvalidCertificate as error:
        return (
            f"an approval would lead to nothing: the certificate proves nothing any more ({error.reason}: {error}); "
            "after the time to decide has run out, people are asked"
        )
    return ""


def _stands(incident: Incident) -> bool:
    attempts = incident.status.execution.attempts
    return bool(attempts) and attempts[-1].outcome is StepOutcome.APPLIED
