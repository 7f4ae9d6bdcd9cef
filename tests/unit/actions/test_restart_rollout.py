"""RestartRollout: the same template, one annotation."""

import pytest

from incident_commander.api.plan import ActionName, Op, Risk
from tests.unit.actions.workloads import plan, pod, refusal, template, workload

RESTART = ActionName.RESTART_ROLLOUT


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_the_template_gets_the_time_of_the_plan(kind: str) -> None:
    step = plan(RESTART, workload(kind, spec={"template": template(note="kept")}))
    (operation,) = step.operations
    assert operation.path == "/spec/template/metadata/annotations/incidentcommander.io~1restartedAt"
    assert (operation.op, operation.value) == (Op.ADD, '"2026-03-01T12:00:00.000Z"')
    assert step.undo.operations[0].op is Op.REMOVE


def test_a_second_restart_remembers_the_first() -> None:
    step = plan(RESTART, workload(spec={"template": template(**{"incidentcommander.io/restartedAt": "before"})}))
    assert [(op.op, op.value) for op in step.undo.operations] == [(Op.REPLACE, '"before"')]


def test_equal_objects_yield_equal_steps_whatever_their_status() -> None:
    busy = workload()
    busy["status"] = {"readyReplicas": 1}
    busy["metadata"]["resourceVersion"] = "999"
    assert plan(RESTART, busy) == plan(RESTART, workload())


def test_risk_is_medium_when_no_other_pod_serves_meanwhile() -> None:
    assert plan(RESTART, workload()).risk is Risk.LOW
    assert plan(RESTART, workload(spec={"strategy": {"type": "Recreate"}})).risk is Risk.MEDIUM
    assert plan(RESTART, workload("StatefulSet", spec={"replicas": 1})).risk is Risk.MEDIUM
    assert plan(RESTART, workload("DaemonSet")).risk is Risk.MEDIUM


def test_what_would_not_reach_the_pods_is_refused() -> None:
    assert refusal(RESTART, workload(spec={"paused": True})) == "RolloutPaused"
    assert refusal(RESTART, workload("DaemonSet", spec={"updateStrategy": {"type": "OnDelete"}})) == "OnDeleteStrategy"


def test_other_kinds_parameters_and_dying_targets_are_refused() -> None:
    assert refusal(RESTART, pod()) == "KindNotSupported"
    assert refusal(RESTART, workload(), force="yes") == "UnknownParameter"
    assert refusal(RESTART, workload(deletionTimestamp="2026-03-01T11:59:00Z")) == "TargetTerminating"
