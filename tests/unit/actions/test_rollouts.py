"""How many pods a rollout takes down, as the controllers compute it."""

from typing import Any

import pytest

from incident_commander.actions.rollouts import max_unavailable
from tests.unit.actions.workloads import workload


@pytest.mark.parametrize(
    ("kind", "spec", "down"),
    [
        ("Deployment", {"replicas": 1}, 0),
        ("Deployment", {"replicas": 4}, 1),
        ("Deployment", {"replicas": 10, "strategy": {"rollingUpdate": {"maxUnavailable": "50%"}}}, 5),
        ("Deployment", {"replicas": 3, "strategy": {"rollingUpdate": {"maxUnavailable": 7}}}, 3),
        ("Deployment", {"replicas": 3, "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 0}}}, 1),
        ("Deployment", {"replicas": 3, "strategy": {"type": "Recreate"}}, 3),
        ("Deployment", {"replicas": 3, "strategy": {"rollingUpdate": {"maxUnavailable": "odd"}}}, 3),
        ("StatefulSet", {"replicas": 5}, 1),
        ("StatefulSet", {"replicas": 5, "updateStrategy": {"rollingUpdate": {"maxUnavailable": "30%"}}}, 2),
        ("DaemonSet", {}, 1),
        ("DaemonSet", {"updateStrategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}, 0),
        ("DaemonSet", {"updateStrategy": {"rollingUpdate": {"maxUnavailable": "10%"}}}, 1),
    ],
)
def test_pods_that_may_be_down_at_once(kind: str, spec: dict[str, Any], down: int) -> None:
    assert max_unavailable(workload(kind, spec=spec)) == down
