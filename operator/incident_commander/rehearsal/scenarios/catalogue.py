"""All scenarios by name."""

from __future__ import annotations

from collections.abc import Mapping

from incident_commander.api.incident import Phase
from incident_commander.rehearsal.scenarios.nodes import NODE_PRESSURE
from incident_commander.rehearsal.scenarios.pods import ONE_POD_FAILS
from incident_commander.rehearsal.scenarios.quiet import HEALTHY, SELF_HEALING
from incident_commander.rehearsal.scenarios.resources import LEAK, LIMIT_TOO_LOW, THROTTLED
from incident_commander.rehearsal.scenarios.rollouts import (
    BAD_IMAGE,
    CRASHING_RELEASE,
    UNHELPFUL_FIX,
    target_deleted,
)
from incident_commander.rehearsal.scenarios.scenario import Scenario

SCENARIOS: Mapping[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        BAD_IMAGE,
        CRASHING_RELEASE,
        LIMIT_TOO_LOW,
        LEAK,
        THROTTLED,
        ONE_POD_FAILS,
        NODE_PRESSURE,
        UNHELPFUL_FIX,
        target_deleted(Phase.VOTING),
        target_deleted(Phase.EXECUTING),
        target_deleted(Phase.VERIFYING),
        SELF_HEALING,
        HEALTHY,
    )
}
