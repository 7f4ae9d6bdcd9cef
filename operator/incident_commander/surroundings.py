"""What guards are given, read from the API server with the reader's own identity.

The executor reads it immediately before a write; agents read the same before they propose or vote, so that with
equal objects they get equal verdicts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from incident_commander.actions.action import Situation
from incident_commander.api import kinds
from incident_commander.api.incident import Attempt, Incident, Phase
from incident_commander.api.meta import TargetRef
from incident_commander.api.policy import RemediationPolicy
from incident_commander.errors import NotFound, Refusal
from incident_commander.evidence import fields
from incident_commander.evidence.situation import read_situation
from incident_commander.guards.guard import Breaker, PastAttempt
from incident_commander.planning.policy import select_policy
from incident_commander.ports import Cluster, Object

BREAKER_CONFIG_MAP = "incident-commander-circuit-breaker"
"""In the operator's namespace, so that it survives every restart and can be read by anyone:
``state`` is ``Closed`` or ``Tripped``; ``resetAt`` is when a person last closed it.
"""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else is true about a target: its namespace and the policy that rules it."""

    situation: Situation
    namespace: Object | None
    policy: RemediationPolicy | None


async def read_surroundings(cluster: Cluster, incident: Incident, target: TargetRef) -> Surroundings:
    """The target with what belongs to it. Raises ``Refusal`` TargetDeleted when it does not exist."""
    try:
        situation = await read_situation(cluster, target)
    except NotFound as error:
        raise Refusal("TargetDeleted", f"{target} does not exist any more") from error
    namespace: Object | None = None
    if target.namespace is not None:
        namespace = await cluster.get(kinds.NAMESPACE, None, target.namespace)
    policy = select_policy(
        await read_policies(cluster),
        namespace=target.namespace or "",
        labels=fields.strings(situation.target, "metadata", "labels"),
        severity=incident.spec.severity,
        target_kind=target.kind,
    )
    return Surroundings(situation, namespace, policy)


async def read_policies(cluster: Cluster) -> list[RemediationPolicy]:
    """All policies. One that cannot be understood stops everything: it may be the restrictive one."""
    policies = []
    for obj in await cluster.list(kinds.REMEDIATION_POLICY):
        try:
            policies.append(RemediationPolicy.model_validate(obj))
        except ValidationError as error:
            name = fields.name(obj)
            raise Refusal("PolicyUnreadable", f"RemediationPolicy/{name}: {error.errors()[0]['msg']}") from error
    return policies


async def read_history(cluster: Cluster) -> list[PastAttempt]:
    """Every attempt that any Incident of the cluster records. Most Incidents have none and are passed over."""
    history = []
    for obj in await cluster.list(kinds.INCIDENT):
        status = fields.mapping(obj, "status")
        attempts = fields.mapping(status, "execution").get("attempts")
        if not attempts:
            continue
        where = f"{fields.namespace(obj)}/{fields.name(obj)}"
        try:
            terminal = Phase(fields.text(status, "phase") or Phase.PENDING).terminal
            made = [Attempt.model_validate(attempt) for attempt in attempts]
        except ValueError as error:  # pydantic's errors are ValueErrors, too
            raise Refusal("HistoryUnreadable", f"Incident {where}: {error}"[:1024]) from error
        history += [PastAttempt(fields.text(obj, "metadata", "uid"), where, terminal, attempt) for attempt in made]
    return history


def attempts_of(incident: Incident) -> list[PastAttempt]:
    """Those that one Incident records."""
    uid, terminal = incident.metadata.uid, incident.status.phase.terminal
    return [PastAttempt(uid, incident.key, terminal, attempt) for attempt in incident.status.execution.attempts]


async def read_breaker(cluster: Cluster, namespace: str) -> tuple[Breaker, datetime | None]:
    """State and time of the last reset. A ConfigMap that does not exist is a closed breaker."""
    try:
        data = (await cluster.get(kinds.CONFIG_MAP, namespace, BREAKER_CONFIG_MAP)).get("data") or {}
    except NotFound:
        return Breaker(), None
    reset = data.get("resetAt")
    reset_at = datetime.fromisoformat(reset.replace("Z", "+00:00")) if reset else None
    return Breaker(tripped=data.get("state") == "Tripped", reason=data.get("reason", "")), reset_at
