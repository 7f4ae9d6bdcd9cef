"""Is it worse to act or to wait, and will the cluster have room? Pure."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from decimal import Decimal

from incident_agents.agent import Ballot
from incident_agents.prediction.driving import Driving, driving_series, readable
from incident_agents.prediction.forecast import Outlook, choose, outlook
from incident_agents.prediction.room import Demand
from incident_agents.wording import duration
from incident_commander.actions.fields import decode
from incident_commander.api.causes import Cause
from incident_commander.api.plan import ActionName, Op, Plan, Risk, Step
from incident_commander.api.quantity import parse_quantity
from incident_commander.api.statement import Decision, Diagnosis
from incident_commander.evidence.evidence import Evidence
from incident_commander.evidence.health import WorkloadHealth

LEAST_GAIN_SECONDS = 900.0
"""A larger limit that lasts less long than this is not worth an interruption."""


class PredictionReason(enum.StrEnum):
    """Why prediction votes as it does."""

    WAITING_IS_WORSE = "WaitingIsWorse"
    WAITING_IS_BETTER = "WaitingIsBetter"
    NO_ROOM = "NoRoom"
    ROOM_UNKNOWN = "RoomUnknown"
    LIMIT_STILL_TOO_LOW = "LimitStillTooLow"
    GAIN_TOO_SHORT = "GainTooShort"
    NOTHING_TO_COMPARE = "NothingToCompare"


@dataclass(frozen=True, slots=True)
class RoomView:
    """What a plan needs beyond what runs, and whether that fits; ``fits`` None: nodes could not be read."""

    wanted: Demand
    fits: bool | None
    nodes_after: int | None = None
    """For CordonNode: schedulable nodes that stay."""


def vote(
    plan: Plan, evidence: Evidence, health: WorkloadHealth | None, diagnosis: Diagnosis | None, room: RoomView
) -> Ballot:
    """The first objection counts; without one, the harm of waiting is what speaks for acting."""
    if room.nodes_after == 0:
        message = "no schedulable node would be left"
        return Ballot(Decision.REJECT, PredictionReason.NO_ROOM, message)
    if room.wanted.pods and room.fits is False:
        message = f"no node has room for {_size(room.wanted)} more"
        return Ballot(Decision.REJECT, PredictionReason.NO_ROOM, message)
    objection = _of_limits(plan, evidence)
    if objection is not None:
        return objection
    if room.wanted.pods and room.fits is None:
        message = f"whether a node has room for {_size(room.wanted)} more cannot be told"
        return Ballot(Decision.ABSTAIN, PredictionReason.ROOM_UNKNOWN, message)
    return _waiting(plan, choose(evidence, diagnosis), health)


def _waiting(plan: Plan, found: Outlook | None, health: WorkloadHealth | None) -> Ballot:
    harm = []
    if health is not None and health.healthy is False:
        harm.append(f"{health.target} is not healthy: {health.message}")
    if found is not None and found.expected is not None and found.trend is not None:
        when = "has reached" if found.expected == 0 else f"reaches in {duration(found.expected)}"
        harm.append(f"{found.driving.name} {when} its limit of {readable(found.driving.limit)}")
    if harm:
        return Ballot(Decision.APPROVE, PredictionReason.WAITING_IS_WORSE, "; ".join(harm))
    if health is not None and health.healthy and (_calm(found) or plan.risk is Risk.HIGH):
        better = "its driving series falls" if _calm(found) else "the plan is of high risk"
        message = f"{health.target} is healthy and {better}: acting would interrupt what works"
        return Ballot(Decision.REJECT, PredictionReason.WAITING_IS_BETTER, message)
    if plan.risk is Risk.LOW:
        message = f"no harm of waiting is seen, and none of acting: {_known(health)}"
        return Ballot(Decision.ABSTAIN, PredictionReason.NOTHING_TO_COMPARE, message)
    message = f"nothing to compare acting and waiting by: {_known(health)}"
    return Ballot(Decision.ABSTAIN, PredictionReason.NOTHING_TO_COMPARE, message)


def _calm(found: Outlook | None) -> bool:
    return (
        found is not None
        and found.trend is not None
        and found.trend.high < 0
        and not found.driving.pressed
        and found.expected is None
    )


def _of_limits(plan: Plan, evidence: Evidence) -> Ballot | None:
    """A new memory limit must be above what is used now, and last for a while."""
    for step in plan.steps:
        raised = new_memory_limit(step)
        if raised is None:
            continue
        container, limit = raised
        for driving in driving_series(evidence):
            if not _about(driving, container):
                continue
            peak = max(value for _, value in driving.points)
            if peak >= limit:
                message = f"{driving.name} was at {readable(peak)}, the new limit is {readable(limit)}"
                return Ballot(Decision.REJECT, PredictionReason.LIMIT_STILL_TOO_LOW, message)
            after = outlook(driving, limit)
            lasts = after.latest if after.trend is not None and after.trend.low > 0 else None
            if lasts is not None and lasts < LEAST_GAIN_SECONDS and plan.cause is not Cause.MEMORY_LIMIT_TOO_LOW:
                message = f"at its present growth {driving.name} fills {readable(limit)} within {duration(lasts)}"
                return Ballot(Decision.REJECT, PredictionReason.GAIN_TOO_SHORT, message)
    return None


def new_memory_limit(step: Step) -> tuple[str, float] | None:
    """Container and new memory limit in bytes, when the step sets one."""
    if step.action is not ActionName.SET_RESOURCES:
        return None
    for operation in step.operations:
        if operation.op is Op.REMOVE or "/resources" not in operation.path:
            continue
        text = _memory_limit(operation.path, decode(operation.value))
        if text is not None:
            try:
                return step.parameters.get("container", ""), float(parse_quantity(text))
            except ValueError:
                return None
    return None


def _memory_limit(path: str, value: object) -> str | None:
    """The limit in the value of an operation, wherever in ``resources`` it starts."""
    below = path.split("/resources", 1)[1].strip("/")
    for key in ["limits", "memory"][len(below.split("/")) if below else 0 :]:
        value = value.get(key) if isinstance(value, dict) else None
    matches = below in ("", "limits", "limits/memory")
    return value if matches and isinstance(value, str) else None


def _about(driving: Driving, container: str) -> bool:
    return driving.ref.startswith("Pod/") and (not container or driving.ref.endswith(f"/{container}"))


def _size(wanted: Demand) -> str:
    cpu = wanted.per_pod.get("cpu", Decimal(0))
    memory = readable(float(wanted.per_pod.get("memory", Decimal(0))))
    return f"{wanted.pods} pod(s) of {cpu.normalize():f} cores and {memory}"


def _known(health: WorkloadHealth | None) -> str:
    if health is None:
        return "there is no object to look at"
    return f"{health.target}: {health.message}; no series with a limit says more"
