"""Nodes that take their pods with them."""

from incident_agents.diagnosis.engine import diagnose
from incident_commander.api.causes import Cause
from tests.unit.diagnosis.builders import NOW, deployment, evidence, incident, node, pod, replica_set, running, told
from tests.unit.diagnosis.shop import shop


def test_a_node_that_is_not_ready_is_the_cause_for_the_pods_on_it() -> None:
    web = deployment(ready=1)
    rs = replica_set(web, "6d4b75cb6d", ready=1)
    lost = pod(rs, "abcde")
    lost["status"]["conditions"] = [{"type": "Ready", "status": "False"}, {"type": "PodScheduled", "status": "True"}]
    well = pod(rs, "fghij", nodeName="node-b")
    found = diagnose(evidence(web, rs, lost, well, node("node-a", ready="Unknown"), node("node-b")), incident(), NOW)
    top = found.hypotheses[0]
    assert (top.cause, top.facts["node"], top.confidence >= 80) == (Cause.NODE_NOT_READY, "node-a", True), told(found)
    assert top.facts["reason"] == "NodeStatusUnknown"


def test_pressure_on_a_node_is_told_when_the_node_is_the_target() -> None:
    sick = node("node-a", DiskPressure="True")
    found = diagnose(evidence(sick), incident("KubeNodePressure"), NOW)
    top = found.hypotheses[0]
    assert (top.cause, top.facts["condition"]) == (Cause.NODE_PRESSURE, "DiskPressure"), told(found)


def test_a_cordoned_node_that_is_the_target_can_be_uncordoned() -> None:
    found = diagnose(evidence(node("node-a", unschedulable=True)), incident("KubeNodeUnschedulable"), NOW)
    assert found.hypotheses[0].cause is Cause.NODE_CORDONED


def test_a_sick_node_elsewhere_does_not_explain_a_workload_that_is_not_on_it() -> None:
    web = deployment(ready=0)
    rs = replica_set(web, "6d4b75cb6d", ready=0)
    sick = pod(rs, "abcde", running(ready=False, restarts=0))
    found = diagnose(evidence(web, rs, sick, node("node-a"), node("node-z", ready="Unknown")), incident(), NOW)
    assert all(h.confidence < 50 for h in found.hypotheses if h.cause is Cause.NODE_NOT_READY), told(found)


def test_without_a_target_a_sick_node_matters_only_where_something_runs_on_it() -> None:
    made = shop()
    made.nodes.append(node("node-z", ready="Unknown"))
    found = made.diagnose()
    assert all(h.confidence < 50 for h in found.hypotheses), told(found)
    made.nodes[0] = node("node-a", ready="Unknown")
    assert str(made.diagnose().hypotheses[0].object) == "Node/node-a"
