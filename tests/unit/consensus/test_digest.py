"""The digest of a plan binds everything that would be done."""

from datetime import timedelta
from typing import Any

import pytest

from incident_commander.api.plan import Plan, Risk, VerificationPlan
from incident_commander.consensus.digest import plan_digest, with_digest
from tests.unit.consensus.council import NOW, plan


def test_a_plan_read_back_from_the_api_server_has_the_same_digest() -> None:
    assert plan_digest(Plan.model_validate(plan().to_json())) == plan().digest


def test_the_summary_and_the_digest_itself_do_not_count() -> None:
    changed = plan().model_copy(update={"summary": "other words", "digest": ""})
    assert plan_digest(changed) == plan().digest == with_digest(changed).digest


@pytest.mark.parametrize(
    "change",
    [
        {"incident_uid": "other"},
        {"issued_at": NOW + timedelta(milliseconds=1)},
        {"runbook": "other"},
        {"risk": Risk.HIGH},
        {"proposal_only": True},
        {"proposal_reason": "x"},
        {"verification": VerificationPlan(window_seconds=6)},
        {"steps": [plan().steps[0].model_copy(update={"name": "x"})]},
        {"steps": [plan().steps[0], plan().steps[0]]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_everything_else_counts(change: dict[str, Any]) -> None:
    assert plan_digest(plan().model_copy(update=change)) != plan().digest


def test_a_field_that_is_absent_is_not_a_field_that_is_null() -> None:
    step = plan().steps[0]
    absent = step.model_copy(update={"pre_image": [step.pre_image[0].model_copy(update={"value": None})]})
    null = step.model_copy(update={"pre_image": [step.pre_image[0].model_copy(update={"value": "null"})]})
    assert plan(steps=[absent]).digest != plan(steps=[null]).digest
