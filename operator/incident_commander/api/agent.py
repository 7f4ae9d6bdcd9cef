"""Agent: a voter, its public keys, and what is known about its behaviour."""

from __future__ import annotations

import enum
from typing import Annotated, Literal

from pydantic import Field

from incident_commander.api.meta import Condition, Model, ObjectMeta, ShortText, Text, Timestamp
from incident_commander.api.names import API_VERSION
from incident_commander.api.role import Role


class PublicKey(Model):
    """An Ed25519 public key (``public_key``: 64 hex digits) and when its signatures count."""

    key_id: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    public_key: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    not_before: Timestamp
    not_after: Timestamp


class AgentSpec(Model):
    """Written by the installer only."""

    role: Role
    service_account: ShortText = ""
    public_keys: Annotated[list[PublicKey], Field(min_length=1, max_length=4)]


class Offence(enum.StrEnum):
    """Byzantine behaviour that is provable by what the agent itself signed, or did not."""

    BAD_SIGNATURE = "BadSignature"
    EQUIVOCATION = "Equivocation"
    CONTRADICTED_EVIDENCE = "ContradictedEvidence"
    OUTSIDE_CATALOGUE = "OutsideCatalogue"


class Quarantine(Model):
    """Why an agent's votes do not count, with the envelopes (DSSE JSON text) that prove it."""

    offence: Offence
    incident: ShortText
    since: Timestamp
    message: Text = ""
    proof: Annotated[list[Annotated[str, Field(max_length=65536)]], Field(max_length=4)] = []


class AgentStatus(Model):
    """Written by the coordinator. An agent's heartbeat is a Lease of its own, so that it needs no right here."""

    suspicion: Annotated[int, Field(ge=0)] = 0
    """How often it was late, silent or self-contradicting; never takes a vote away by itself."""
    quarantine: Quarantine | None = None
    conditions: Annotated[list[Condition], Field(max_length=8)] = []


class Agent(Model):
    """An Agent resource."""

    api_version: Literal["incidentcommander.io/v1alpha1"] = API_VERSION
    kind: Literal["Agent"] = "Agent"
    metadata: ObjectMeta = ObjectMeta()
    spec: AgentSpec
    status: AgentStatus = AgentStatus()
