"""What must hold before a runbook is a candidate; what is not known does not hold."""

import copy
from typing import Any

import pytest

from incident_commander.actions.action import Situation
from incident_commander.api.runbook import Precondition
from incident_commander.errors import Refusal
from incident_commander.planning.preconditions import require
from tests.unit.actions.workloads import pod, replica_set, workload
from tests.unit.planning.case import BAD, GOOD, deployment, hypothesis, situation

EXISTS, HEALTHY = Precondition.PREVIOUS_REVISION_EXISTS, Precondition.PREVIOUS_REVISION_WAS_HEALTHY


def reason(precondition: Precondition, about: Situation, **facts: str) -> str | None:
    try:
        require(precondition, hypothesis(facts=facts), about)
    except Refusal as refusal:
        return refusal.reason
    return None


def available(status: str, changed: str, *, rolled_out: str = "2026-03-01T11:00:00Z") -> Situation:
    target = deployment()
    target["status"]["conditions"] = [{"type": "Available", "status": status, "lastTransitionTime": changed}]
    history = [
        replica_set(target, 2, BAD, created=rolled_out),
        replica_set(target, 1, GOOD, created="2026-02-01T00:00:00Z"),
    ]
    return Situation(target=target, related={"replicasets.apps": history, "pods": []})


def test_a_previous_revision_must_exist() -> None:
    assert reason(EXISTS, situation()) is None
    target = deployment()
    only = Situation(target=target, related={"replicasets.apps": [replica_set(target, 2, BAD)]})
    assert reason(EXISTS, only) == "NoPreviousRevision"
    assert reason(EXISTS, Situation(target=target)) == "NotObserved"


class TestPreviousRevisionWasHealthy:
    @pytest.mark.parametrize(
        ("said", "expected"),
        [
            ("true", None),
            ("false", "PreviousRevisionUnhealthy"),
            ("unknown", "PreviousRevisionHealthUnknown"),
            ("", "PreviousRevisionHealthUnknown"),
        ],
    )
    def test_the_diagnosis_says_so(self, said: str, expected: str | None) -> None:
        facts = {"previousHealthy": said} if said else {}
        assert reason(HEALTHY, situation(), **facts) == expected

    @pytest.mark.parametrize(
        ("status", "changed", "proven"),
        [
            ("True", "2026-02-01T00:01:00Z", True),  # available ever since the revision before
            ("True", "2026-03-01T11:05:00Z", False),  # became available only with the new one
            ("False", "2026-03-01T11:05:00Z", True),  # was available until the rollout
            ("False", "2026-03-01T10:00:00Z", False),  # was not available before it either
            ("False", "2026-02-01T00:00:00Z", False),  # has never been
            ("Unknown", "2026-03-01T11:05:00Z", False),
        ],
    )
    def test_or_the_deployment_was_available_until_the_rollout(self, status: str, changed: str, proven: bool) -> None:
        assert reason(HEALTHY, available(status, changed)) == (None if proven else "PreviousRevisionHealthUnknown")

    def test_or_a_pod_of_it_is_ready_now(self) -> None:
        target = deployment()
        sets = [replica_set(target, 2, BAD), replica_set(target, 1, GOOD)]
        for ready, expected in ((True, None), (False, "PreviousRevisionHealthUnknown")):
            old = pod("web-h1-x", sets[1], ready=ready)
            new = pod("web-h2-x", sets[0], ready=not ready)
            about = Situation(target=copy.deepcopy(target), related={"replicasets.apps": sets, "pods": [old, new]})
            assert reason(HEALTHY, about) == expected


@pytest.mark.parametrize(
    ("precondition", "fact", "refused"),
    [
        (Precondition.RECENT_ROLLOUT, "recentRollout", "NoRecentRollout"),
        (Precondition.OTHER_REPLICAS_HEALTHY, "otherReplicasHealthy", "OtherReplicasUnhealthy"),
    ],
)
@pytest.mark.parametrize("said", ["true", "false", "unknown", None])
def test_only_true_is_true(precondition: Precondition, fact: str, refused: str, said: str | None) -> None:
    facts: dict[str, Any] = {} if said is None else {fact: said}
    assert reason(precondition, situation(), **facts) == (None if said == "true" else refused)


def test_a_pod_must_have_a_controller() -> None:
    owned = Precondition.OWNED_BY_CONTROLLER
    assert reason(owned, Situation(target=pod())) == "NotOwned"
    assert reason(owned, Situation(target=pod("web-0", workload("StatefulSet")))) is None
    assert reason(owned, situation()) is None
