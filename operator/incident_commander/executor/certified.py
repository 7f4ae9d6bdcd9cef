"""What the executor believes: nothing that it has not re-verified from its own reads. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from incident_commander.api.agent import Agent
from incident_commander.api.incident import Incident
from incident_commander.api.plan import Plan
from incident_commander.api.policy import RemediationPolicy
from incident_commander.consensus.certificate import verify_certificate
from incident_commander.errors import Refusal


def certified_plan(
    incident: Incident, agents: Sequence[Agent], policy: RemediationPolicy | None, now: datetime
) -> Plan:
    """The plan that the certificate in status proves a quorum for.

    Raises ``InvalidCertificate`` (a ``Refusal``) when it proves nothing.
    """
    plan, certificate = incident.status.plan, incident.status.consensus.certificate
    if plan is None or certificate is None:
        raise Refusal("NoCertificate", "status carries no plan with a certificate")
    verify_certificate(
        certificate,
        plan=plan,
        incident_uid=incident.metadata.uid,
        agents=agents,
        consensus_policy=policy.spec.consensus if policy is not None else None,
        now=now,
    )
    return plan
