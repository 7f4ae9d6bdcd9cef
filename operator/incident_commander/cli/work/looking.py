"""list, show, timeline: nothing is written."""

from __future__ import annotations

from incident_commander.api import kinds
from incident_commander.api.incident import Incident, Phase, StepOutcome
from incident_commander.cli.options import Output
from incident_commander.cli.render.incident import incident_page
from incident_commander.cli.render.listing import incident_table
from incident_commander.cli.render.text import clock, styled
from incident_commander.cli.render.timeline import timeline_view
from incident_commander.cli.work.desk import Desk, read_incident
from incident_commander.cli.work.printing import print_data


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
        desk.out.print(incident_table(incidents, now=desk.now(), namespaces=desk.everywhere))
    else:
        place = "in any namespace" if where is None else f"in namespace {where}; -A looks in all"
        desk.out.print(styled(f"No Incidents {place}."))


async def show(desk: Desk, name: str, output: Output) -> None:
    """One page, or the object."""
    stored, incident = await desk.incident(name)
    if output is not Output.TABLE:
        print_data(desk.out, stored, output)
        return
    desk.out.print(incident_page(incident, now=desk.now(), advice=advice(incident, desk.program)))


async def timeline(desk: Desk, name: str, output: Output) -> None:
    """The story only."""
    _, incident = await desk.incident(name)
    status = incident.status
    if output is Output.TABLE:
        desk.out.print(timeline_view(status.timeline, status.started_at))
    else:
        print_data(desk.out, [entry.to_json() for entry in status.timeline], output)


def advice(incident: Incident, program: str) -> str:
    """What a person can do about it now; empty when there is nothing."""
    status, name = incident.status, f"{incident.metadata.name} -n {incident.metadata.namespace}"
    if status.phase is Phase.AWAITING_APPROVAL:
        expires = status.approval.expires_at if status.approval is not None else None
        until = f" until {clock(expires)}, after that nothing is done" if expires is not None else ""
        return f"`{program} approve {name}` or `{program} reject {name}`{until}"
    if status.phase is Phase.RESOLVED and _stands(incident):
        return f"nothing has to be done; `{program} undo {name}` takes the change back"
    if status.phase is Phase.ESCALATED:
        change = f"; a change stands, `{program} undo {name}` takes it back" if _stands(incident) else ""
        return f"a person has to look at this{change}"
    return ""


def _stands(incident: Incident) -> bool:
    attempts = incident.status.execution.attempts
    return bool(attempts) and attempts[-1].outcome is StepOutcome.APPLIED
