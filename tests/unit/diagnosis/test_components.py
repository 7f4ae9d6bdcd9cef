"""Components of nodes and of the control plane."""

from incident_agents.diagnosis.ranking import BAR
from incident_commander.api.causes import Cause
from incident_commander.evidence.evidence import Note
from incident_commander.ports import Object
from tests.unit.diagnosis.builders import ago, event, node, told
from tests.unit.diagnosis.shop import Shop, shop

SOCKET = (
    'Failed to create pod sandbox: rpc error: code = Unavailable desc = connection error: desc = "transport: Error '
    'while dialing: dial unix /run/containerd/containerd.sock: connect: no such file or directory"'
)


def status(unit: str, state: str, loaded: str = "loaded; enabled; preset: enabled") -> Note:
    lines = (
        f"○ {unit}.service - a service",
        f"     Loaded: loaded (/lib/systemd/system/{unit}.service; {loaded})",
        f"     Active: {state} since Tue 2026-03-03 11:50:00 UTC; 10min ago",
    )
    return Note(f"systemctl.node-b.{unit}", lines)


def waits(made: Shop, who: str) -> None:
    made.pods[who]["status"] |= {
        "phase": "Pending",
        "containerStatuses": [
            {"name": who, "ready": False, "restartCount": 0, "state": {"waiting": {"reason": "ContainerCreating"}}}
        ],
    }
    made.without_endpoints(who)


def test_a_unit_that_stopped_is_the_cause_and_its_node_the_object() -> None:
    for unit, cause in (
        ("kubelet", Cause.KUBELET_DOWN),
        ("containerd", Cause.CONTAINER_RUNTIME_DOWN),
        ("kube-proxy", Cause.KUBE_PROXY_DOWN),
        ("kube-scheduler", Cause.SCHEDULER_DOWN),
        ("etcd", Cause.CONTROL_PLANE_DOWN),
    ):
        found = shop().diagnose(notes=[status(unit, "inactive (dead)")])
        top = found.hypotheses[0]
        assert (top.cause, str(top.object), top.confidence >= 90) == (cause, "Node/node-b", True), told(found)


def test_units_that_run_or_are_not_meant_to_run_are_no_cause() -> None:
    notes = [status("kubelet", "active (running)"), status("docker", "inactive (dead)", "disabled; preset: disabled")]
    assert all(h.confidence < BAR for h in shop().diagnose(notes=notes).hypotheses)


def test_a_kubelet_that_cannot_reach_its_runtime_says_so() -> None:
    made = shop()
    made.nodes = [node("node-a"), node("node-b", ready="False")]
    waits(made, "orders")
    made.more.append(event(made.pods["orders"], "FailedCreatePodSandBox", SOCKET))
    found = made.diagnose()
    top = found.hypotheses[0]
    assert (top.cause, str(top.object)) == (Cause.CONTAINER_RUNTIME_DOWN, "Node/node-b"), told(found)


def test_a_lost_node_is_lost_whatever_the_reason() -> None:
    made = shop()
    made.nodes = [node("node-a"), node("node-b", ready="Unknown")]
    made.pods["orders"]["status"]["conditions"][1]["status"] = "False"
    made.without_endpoints("orders")
    assert made.diagnose().hypotheses[0].cause is Cause.NODE_NOT_READY


def test_a_lease_that_is_no_longer_renewed_tells_before_the_node_controller_does() -> None:
    made = shop()
    made.more += [lease("node-a", 3), lease("node-b", 90)]
    top = made.diagnose().hypotheses[0]
    assert (top.cause, str(top.object)) == (Cause.KUBELET_DOWN, "Node/node-b")


def lease(name: str, seconds: float) -> Object:
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, "namespace": "kube-node-lease"},
        "spec": {"renewTime": ago(seconds=seconds)},
    }


def ignored(made: Shop) -> None:
    """No node, no condition, no event."""
    made.pods["orders"]["status"] = {"phase": "Pending"}
    made.pods["orders"]["spec"].pop("nodeName")
    made.pods["orders"]["metadata"]["creationTimestamp"] = ago(seconds=120)
    made.without_endpoints("orders")


def test_a_pod_that_nobody_schedules_means_that_the_scheduler_is_down() -> None:
    made = shop()
    ignored(made)
    made.nodes[0]["metadata"]["labels"] = {"node-role.kubernetes.io/control-plane": ""}
    found = made.diagnose()
    top = found.hypotheses[0]
    assert (top.cause, str(top.object)) == (Cause.SCHEDULER_DOWN, "Node/node-a"), told(found)
    assert top.confidence >= 80


def test_a_scheduler_that_bound_another_pod_since_is_not_down() -> None:
    made = shop()
    ignored(made)
    made.more.append(event(made.pods["web"], "Scheduled", "Successfully assigned", kind="Normal", age=30))
    assert all(h.cause is not Cause.SCHEDULER_DOWN or h.confidence < 50 for h in made.diagnose().hypotheses)
