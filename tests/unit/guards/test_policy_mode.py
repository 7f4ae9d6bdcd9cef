"""A policy must allow the action, in a mode that acts."""

from typing import Any

import pytest

from incident_commander.guards.policy_mode import policy_allows
from tests.unit.guards.scene import policy, scene


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({}, "PolicyAllows"),
        ({"mode": "Approve"}, "PolicyAllows"),
        ({"mode": "Observe"}, "ObserveMode"),
        ({"actions": []}, "ActionNotAllowed"),
        ({"actions": ["DeletePod"]}, "ActionNotAllowed"),
    ],
)
def test_mode_and_actions_decide(spec: dict[str, Any], reason: str) -> None:
    verdict = policy_allows(scene(policy=policy(**spec)))
    assert (verdict.reason, verdict.allowed) == (reason, reason == "PolicyAllows")
    assert verdict.retry_at is None


def test_no_policy_is_observe() -> None:
    assert policy_allows(scene(policy=None)).reason == "NoPolicy"
