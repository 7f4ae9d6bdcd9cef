"""Runbook: from a cause to the steps that mend it. Plain YAML that a team may copy and change."""

from __future__ import annotations

import enum
from typing import Annotated, Literal

from pydantic import Field

from incident_commander.api.causes import Cause
from incident_commander.api.meta import LongText, Model, ObjectMeta, Percent, ShortText, Text
from incident_commander.api.names import API_VERSION
from incident_commander.api.plan import ActionName, VerificationPlan


class Precondition(enum.StrEnum):
    """Facts that must hold before a runbook is a candidate."""

    PREVIOUS_REVISION_EXISTS = "PreviousRevisionExists"
    PREVIOUS_REVISION_WAS_HEALTHY = "PreviousRevisionWasHealthy"
    RECENT_ROLLOUT = "RecentRollout"
    OTHER_REPLICAS_HEALTHY = "OtherReplicasHealthy"
    OWNED_BY_CONTROLLER = "OwnedByController"


class RunbookMatch(Model):
    """Empty lists match everything."""

    causes: Annotated[list[Cause], Field(min_length=1, max_length=16)]
    kinds: Annotated[list[ShortText], Field(max_length=16)] = []
    alerts: Annotated[list[ShortText], Field(max_length=32)] = []
    min_confidence: Percent = 60


class RunbookStep(Model):
    """One action. Parameter values may refer to the hypothesis: ``${facts.container}``, ``${target.name}``."""

    name: ShortText
    action: ActionName
    parameters: Annotated[dict[str, ShortText], Field(max_length=16)] = {}
    on: Annotated[Literal["Target", "Object", "Pod"], Field(alias="actOn")] = "Target"
    """Act on the Incident's target, on the object that the hypothesis names, or on the pod that shows the symptom
    (``${facts.pod}``).

    ``actOn`` outside: YAML 1.1, which kubectl and PyYAML read, takes a bare ``on`` for a boolean.
    """


class RunbookSpec(Model):
    """``priority``: higher is tried first among runbooks that match the same hypothesis."""

    description: LongText = ""
    match: RunbookMatch
    priority: Annotated[int, Field(ge=0, le=1000)] = 100
    preconditions: Annotated[list[Precondition], Field(max_length=8)] = []
    steps: Annotated[list[RunbookStep], Field(min_length=1, max_length=4)]
    verification: VerificationPlan = VerificationPlan()
    runbook_url: Text = ""


class Runbook(Model):
    """A Runbook resource."""

    api_version: Literal["incidentcommander.io/v1alpha1"] = API_VERSION
    kind: Literal["Runbook"] = "Runbook"
    metadata: ObjectMeta = ObjectMeta()
    spec: RunbookSpec
