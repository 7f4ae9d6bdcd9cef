"""Sandboxes and mounts that fail, ports that are taken, files that may not be touched."""

import pytest

from incident_agents.diagnosis.ranking import BAR
from incident_commander.api.causes import Cause
from tests.unit.diagnosis.builders import container, crash_looping, event, log, told
from tests.unit.diagnosis.shop import Shop, shop
from tests.unit.diagnosis.test_components import waits

RUNC = (
    "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to create containerd task: failed to "
    "create shim task: OCI runtime create failed: runc create failed: unable to start container process: "
    "container init was OOM-killed (memory limit too low?): unknown"
)


@pytest.mark.parametrize(
    ("reason", "message", "cause"),
    [
        ("FailedCreatePodSandBox", RUNC, Cause.MEMORY_LIMIT_TOO_LOW),
        (
            "FailedCreatePodSandBox",
            'Failed to create pod sandbox: failed to setup network for sandbox "1f": plugin type="calico" failed '
            "(add): no IP addresses available in range set",
            Cause.POD_SANDBOX_FAILED,
        ),
        (
            "FailedAttachVolume",
            'Multi-Attach error for volume "pvc-1" Volume is already exclusively attached to one node',
            Cause.VOLUME_MOUNT_FAILED,
        ),
        (
            "FailedMount",
            'MountVolume.SetUp failed for volume "nfs" : mount failed: exit status 32: access denied by server',
            Cause.VOLUME_PERMISSION_DENIED,
        ),
    ],
)
def test_what_the_kubelet_meets_is_the_cause(reason: str, message: str, cause: Cause) -> None:
    made = shop()
    waits(made, "orders")
    made.more.append(event(made.pods["orders"], reason, message))
    found = made.diagnose()
    top = found.hypotheses[0]
    assert (top.cause, top.object.name if top.object else "") == (cause, "orders"), told(found)


def crashing(made: Shop, *lines: str) -> None:
    made.pods["orders"]["status"]["containerStatuses"] = [crash_looping("orders")]
    made.pods["orders"]["status"]["conditions"][1]["status"] = "False"
    made.without_endpoints("orders")
    made.logs = [log(made.pods["orders"], *lines, container="orders")]


def test_a_sidecar_that_has_the_port_already_is_the_conflict() -> None:
    made = shop()
    made.pods["orders"]["spec"]["containers"].append(container("proxy", ports=[{"containerPort": 8080}]))
    crashing(made, "listen tcp :8080: bind: address already in use")
    found = made.diagnose()
    top = found.hypotheses[0]
    assert (top.cause, top.facts["port"], top.facts["otherContainer"]) == (Cause.PORT_CONFLICT, "8080", "proxy"), told(
        found
    )


@pytest.mark.parametrize(
    "line",
    [
        "open /data/orders.db: permission denied",
        "IllegalOperation: Attempted to create a lock file on a read-only directory: /data, terminating",
        "The innodb_system data file '/data/ibdata1' must be writable",
        'FATAL:  data directory "/data" has wrong ownership',
        "java.lang.IllegalStateException: directory /data is not writable",
    ],
)
def test_a_data_folder_that_may_not_be_read_is_the_cause(line: str) -> None:
    made = shop()
    spec = made.pods["orders"]["spec"]
    spec["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    spec["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "orders-data"}}]
    crashing(made, line)
    top = made.diagnose().hypotheses[0]
    assert (top.cause, top.facts["path"], top.facts["claim"]) == (
        Cause.VOLUME_PERMISSION_DENIED,
        "/data",
        "orders-data",
    )


def test_a_service_account_without_rights_is_told_with_what_it_may_not_do() -> None:
    made = shop()
    crashing(
        made,
        'pods is forbidden: User "system:serviceaccount:shop:orders" cannot list resource "pods" in API group "" '
        'in the namespace "shop"',
    )
    top = made.diagnose().hypotheses[0]
    assert (top.cause, top.facts["verb"], top.facts["resource"]) == (Cause.RBAC_FORBIDDEN, "list", "pods")


def test_what_a_workload_may_not_do_and_can_do_without_is_a_suspicion() -> None:
    refused = (
        'User "system:serviceaccount:shop:orders" cannot list resource "nodes" in API group "" at the cluster scope'
    )
    for times, confident in ((1, False), (6, True)):
        made = shop()
        lines = ["INFO served"] * 20 + [refused] * times + ["INFO served"] * 10
        made.logs = [log(made.pods["orders"], *lines, container="orders")]
        assert any(h.confidence >= BAR for h in made.diagnose().hypotheses) is confident


def test_a_container_that_got_over_it_is_well() -> None:
    made = shop()
    made.logs = [log(made.pods["orders"], "bind: address already in use, trying again", "up", container="orders")]
    assert all(h.confidence < BAR for h in made.diagnose().hypotheses)
