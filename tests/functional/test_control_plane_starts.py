"""The test control plane itself: a real API server with RBAC, an audit log, controllers and a life of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.controlplane import ApiError, Assets, ControlPlane, ControlPlaneError

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.apiserver


def eventually(check: Callable[[], Any], seconds: float = 30) -> Any:
    """The first true answer of `check`; fails when none comes in time."""
    deadline = time.monotonic() + seconds
    while not (answer := check()):
        assert time.monotonic() < deadline, f"not true within {seconds} s"
        time.sleep(0.1)
    return answer


def config_map(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"key": "value"}}


def test_the_api_server_says_it_is_ready_and_who_it_is(control_plane: ControlPlane) -> None:
    assert control_plane.request("GET", "/readyz") == "ok"
    assert control_plane.request("GET", "/version")["gitVersion"].startswith("v1.")


def test_a_deployment_gets_its_pods_from_the_controllers(
    control_plane_with_controllers: ControlPlane, fresh_namespace: str
) -> None:
    control_plane = control_plane_with_controllers
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "none"}]}}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}

    control_plane.request("POST", f"/apis/apps/v1/namespaces/{fresh_namespace}/deployments", deployment)

    pods = f"/api/v1/namespaces/{fresh_namespace}/pods?labelSelector=app%3Dweb"
    assert eventually(lambda: len(control_plane.request("GET", pods)["items"]) == 2)


def test_every_write_is_in_the_audit_log_once_with_the_user_who_made_it(
    control_plane: ControlPlane, fresh_namespace: str
) -> None:
    path = f"/api/v1/namespaces/{fresh_namespace}/configmaps"
    position = control_plane.audit_position()

    for number in range(5):
        control_plane.request("POST", path, config_map(f"written-{number}"))
    control_plane.request("GET", f"{path}/written-0")

    entries = control_plane.audit_entries(since=position)
    mine = [entry for entry in entries if entry["user"]["username"] == "incident-commander-tests"]
    assert [entry["verb"] for entry in mine] == ["create"] * 5 + ["get"]
    assert {entry["stage"] for entry in mine} == {"ResponseComplete"}


def test_a_service_account_may_do_only_what_a_role_allows(control_plane: ControlPlane, fresh_namespace: str) -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "reader"}}
    control_plane.request("POST", f"/api/v1/namespaces/{fresh_namespace}/serviceaccounts", account)
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}]
    roles = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{fresh_namespace}"
    control_plane.request("POST", f"{roles}/roles", {"metadata": {"name": "reader"}, "rules": rules})
    subject = {"kind": "ServiceAccount", "name": "reader", "namespace": fresh_namespace}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
    binding = {"metadata": {"name": "reader"}, "subjects": [subject], "roleRef": reference}
    control_plane.request("POST", f"{roles}/rolebindings", binding)
    if control_plane.assets.kubectl is None:
        pytest.skip("there is no kubectl to use the ServiceAccount's kubeconfig with")
    reader = control_plane.kubeconfig_for(f"{fresh_namespace}/reader")
    kubectl = [str(control_plane.assets.kubectl), f"--kubeconfig={reader}"]

    def answer(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*kubectl, *arguments], capture_output=True, text=True, check=False)

    assert eventually(lambda: answer("get", "configmaps").returncode == 0)
    refused = answer("create", "configmap", "not-mine")
    assert refused.returncode != 0
    assert f"system:serviceaccount:{fresh_namespace}:reader" in refused.stderr


def test_a_kubeconfig_for_a_service_account_that_is_not_there_is_refused(control_plane: ControlPlane) -> None:
    with pytest.raises(ApiError) as refused:
        control_plane.kubeconfig_for("default/nobody")
    assert refused.value.reason == "NotFound"


def test_what_was_stored_is_there_after_the_api_server_was_killed(
    control_plane: ControlPlane, fresh_namespace: str
) -> None:
    path = f"/api/v1/namespaces/{fresh_namespace}/configmaps"
    control_plane.request("POST", path, config_map("kept"))

    control_plane.restart_apiserver()

    assert control_plane.request("GET", f"{path}/kept")["data"] == {"key": "value"}


def test_an_api_server_that_cannot_start_says_why_and_leaves_nothing(control_plane_assets: Assets) -> None:
    plane = ControlPlane(control_plane_assets, apiserver_flags=["--no-such-flag"])
    with pytest.raises(ControlPlaneError, match="no-such-flag"):
        plane.start()
    with pytest.raises(ControlPlaneError, match="not started"):
        plane.folder.exists()


def test_without_a_controller_manager_there_is_still_an_api_server(control_plane_assets: Assets) -> None:
    with ControlPlane(replace(control_plane_assets, kube_controller_manager=None)) as plane:
        assert not plane.has_controller_manager
        assert plane.request("POST", "/api/v1/namespaces/default/configmaps", config_map("one"))["metadata"]["uid"]


def test_nothing_is_left_when_the_process_that_started_it_is_killed(control_plane_assets: Assets) -> None:
    command = [sys.executable, "-m", "tests.controlplane", "up", "--no-controller-manager"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip().removeprefix("export KUBECONFIG=")).parent
        pids = [int(file.read_text()) for file in folder.glob("*.pid")]
        assert len(pids) == 2
        process.send_signal(signal.SIGKILL)

    assert eventually(lambda: not folder.exists())
    assert not any(_alive(pid) for pid in pids)


def _alive(pid: int) -> bool:
    """Running, not merely waiting for its parent to take note of its end."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"
