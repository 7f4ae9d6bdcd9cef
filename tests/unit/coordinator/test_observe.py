"""What is measured after a change: first of all, whether it still stands."""

from __future__ import annotations

from typing import Any, cast

import pytest

from incident_commander.api.incident import Attempt, CheckResult, Incident, StepOutcome, StepRecord
from incident_commander.api.meta import TargetRef
from incident_commander.api.plan import ActionName, Verb, VerificationPlan
from incident_commander.coordinator.observe import observe
from incident_commander.errors import NotFound, Unavailable
from incident_commander.ports import Clock, Cluster
from tests.unit.coordinator.board import NOW

JOB = TargetRef(api_version="batch/v1", kind="Job", namespace="shop", name="migrate", uid="u1")
NOTHING_ELSE = VerificationPlan(workload_healthy=False, alert_resolved=False)


class Answering:
    """A cluster with one object, or a refusal."""

    def __init__(self, answer: dict[str, Any] | Exception) -> None:
        self.answer = answer

    async def get(self, *_: object) -> dict[str, Any]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def job(uid: str) -> dict[str, Any]:
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "migrate", "namespace": "shop", "uid": uid}}


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (NotFound("no such Job"), CheckResult.PASS),
        (job("another"), CheckResult.PASS),
        (job("u1"), CheckResult.FAIL),
        (Unavailable("the API server is away"), CheckResult.INCONCLUSIVE),
    ],
    ids=["gone", "made again by somebody", "still there", "not told"],
)
async def test_a_deletion_stands_while_what_was_deleted_is_gone(
    answer: dict[str, Any] | Exception, result: CheckResult
) -> None:
    step = StepRecord(
        name="delete", action=ActionName.DELETE_JOB, target=JOB, verb=Verb.DELETE, outcome=StepOutcome.APPLIED
    )
    attempt = Attempt(
        id="1-x", round=1, plan_digest="sha256:x", started_at=NOW, outcome=StepOutcome.APPLIED, steps=[step]
    )
    incident = Incident.model_validate(
        {"metadata": {"name": "i", "namespace": "shop"}, "spec": {"severity": "Warning"}}
    )
    seen = await observe(
        cast(Cluster, Answering(answer)), None, cast(Clock, None), incident, NOTHING_ELSE, JOB, None, attempt
    )
    assert [(check.name, check.result) for check in seen.checks] == [("ChangeInPlace", result)]
