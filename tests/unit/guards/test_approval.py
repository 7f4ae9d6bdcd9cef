"""In mode Approve: exactly this plan, by a person, in time."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from incident_commander.api.incident import Approval, ApprovalState, Incident
from incident_commander.guards.approval import approved
from incident_commander.guards.guard import GuardInput
from tests.unit.guards.scene import NOW, incident, policy, scene

OTHER = "sha256:" + "1" * 64


def decided(*, digest: str = "", asked: str = "", decision: str = "Approve", left: int | None = 60) -> GuardInput:
    given = scene(policy=policy(mode="Approve"))
    own = given.plan.digest
    expires = None if left is None else NOW + timedelta(seconds=left)
    state = ApprovalState(required=True, plan_digest=asked or own, expires_at=expires)
    said = Approval(plan_digest=digest or own, decision=decision, approver="ada")
    base = incident(approval=state)
    return replace(given, incident=with_approval(base, said))


def with_approval(base: Incident, said: Approval | None) -> Incident:
    return base.model_copy(update={"spec": base.spec.model_copy(update={"approval": said})})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "Approved"),
        ({"left": 0}, "Approved"),
        ({"left": -1}, "ApprovalExpired"),
        ({"left": None}, "ApprovalNotAsked"),
        ({"digest": OTHER}, "ApprovalForOtherPlan"),
        ({"asked": OTHER}, "ApprovalNotAsked"),
        ({"decision": "Reject"}, "RejectedByPerson"),
    ],
)
def test_only_a_fresh_approval_of_this_very_plan_counts(changes: dict[str, Any], reason: str) -> None:
    verdict = approved(decided(**changes))
    assert (verdict.reason, verdict.allowed) == (reason, reason == "Approved")
    assert verdict.retry_at is None


def test_no_approval_is_no() -> None:
    given = decided()
    assert approved(replace(given, incident=with_approval(given.incident, None))).reason == "NotApproved"


def test_a_plan_without_a_digest_cannot_be_approved() -> None:
    given = decided()
    blank = given.plan.model_copy(update={"digest": ""})
    assert approved(replace(given, plan=blank)).reason == "ApprovalForOtherPlan"


def test_mode_auto_needs_none_and_no_policy_allows_nothing() -> None:
    assert approved(scene()).allowed
    assert not approved(scene(policy=None)).allowed
