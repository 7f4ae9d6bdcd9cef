"""The policy that rules an Incident, read through an agent's own identity."""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from pydantic import ValidationError

from incident_commander.api.incident import Incident
from incident_commander.api.kinds import REMEDIATION_POLICY
from incident_commander.api.policy import Mode, RemediationPolicy
from incident_commander.evidence import fields
from incident_commander.planning.policy import select_policy
from incident_commander.ports import Cluster, Object

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rules:
    """``policy`` None is Observe. ``unreadable`` names a policy that could not be understood: then nothing is sure."""

    policy: RemediationPolicy | None
    unreadable: str = ""

    @property
    def mode(self) -> Mode:
        """What is not understood may forbid everything, and counts as Observe."""
        return self.policy.spec.mode if self.policy is not None and not self.unreadable else Mode.OBSERVE


async def read_rules(cluster: Cluster, incident: Incident, target: Object | None) -> Rules:
    """The most restrictive policy that matches the Incident's target. Raises ``ClusterError``."""
    ref = incident.spec.target_ref
    policies: list[RemediationPolicy] = []
    unreadable = ""
    for item in await cluster.list(REMEDIATION_POLICY):
        try:
            policies.append(RemediationPolicy.model_validate(item))
        except ValidationError as error:
            unreadable = fields.name(item)
            _log.warning("RemediationPolicy is not readable", policy=unreadable, error=str(error))
    if ref is None:
        return Rules(None, unreadable)
    chosen = select_policy(
        policies,
        namespace=ref.namespace or "",
        labels=fields.strings(target, "metadata", "labels"),
        severity=incident.spec.severity,
        target_kind=ref.kind,
    )
    return Rules(chosen, unreadable)
