"""The doctor against a real API server: before an installation, after it, and when something is missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.controlplane import Assets, ControlPlane
from tests.functional.installed import Installed, manifests, wait

COMMAND = Path(sys.executable).parent / "incident-commander"
BINDINGS = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"

pytestmark = pytest.mark.apiserver


def doctor(plane: ControlPlane, *, expect: int | None = 1) -> dict[str, dict[str, Any]]:
    command = [str(COMMAND), "doctor", "--kubeconfig", str(plane.kubeconfig), "-o", "json"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, env=os.environ, check=False)
    assert expect in (None, ran.returncode), ran.stdout + ran.stderr
    return {check["check"]: check for check in json.loads(ran.stdout)["checks"]}


def test_the_shipped_roles_and_policies_are_what_the_doctor_expects(installed_cluster: Installed) -> None:
    control_plane = installed_cluster.plane
    checks = doctor(control_plane)
    assert checks["Resources"]["verdict"] == "OK"
    assert checks["RBAC"]["verdict"] == "OK", checks["RBAC"]
    assert checks["Admission"]["verdict"] == "OK", checks["Admission"]
    assert checks["Clock"]["verdict"] == "OK"
    assert checks["Heartbeats"]["verdict"] == "FAIL"


def test_a_binding_that_is_gone_is_found(installed_cluster: Installed) -> None:
    control_plane = installed_cluster.plane
    name = "agents-own-annotations.incidentcommander.io"
    binding = control_plane.request("GET", f"{BINDINGS}/{name}")
    control_plane.request("DELETE", f"{BINDINGS}/{name}")
    try:
        assert "agents-own-annotations" in doctor(control_plane)["Admission"]["message"]
    finally:
        control_plane.request("POST", BINDINGS, {**binding, "metadata": {"name": name}})


def test_a_role_that_grants_too_much_is_found(installed_cluster: Installed) -> None:
    control_plane = installed_cluster.plane
    path = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
    subject = {"kind": "ServiceAccount", "name": "coordinator", "namespace": "incident-commander"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"}
    body = {"metadata": {"name": "too-much"}, "roleRef": role, "subjects": [subject]}
    control_plane.request("POST", path, body)
    try:
        found = doctor(control_plane)["RBAC"]
        assert found["verdict"] == "FAIL"
        assert "coordinator: patch deployments.apps" in found["message"]
    finally:
        control_plane.request("DELETE", f"{path}/too-much")


def test_before_an_installation_it_asks_for_what_one_needs(control_plane_assets: Assets) -> None:
    with ControlPlane(control_plane_assets) as untouched:
        checks = doctor(untouched, expect=0)
    assert checks["API server"]["verdict"] == "OK"
    assert checks["Kubernetes"]["verdict"] == "OK"
    assert checks["Your rights"]["verdict"] == "OK", checks["Your rights"]
    assert checks["Resources"]["verdict"] == "SKIPPED"
    assert "docs/install.md" in checks["Resources"]["advice"]
    assert not {"RBAC", "Heartbeats", "Quorum", "Gateway"} & set(checks)


def test_crds_alone_are_told_from_an_installation(control_plane_assets: Assets) -> None:
    with ControlPlane(control_plane_assets) as plane:
        for crd in manifests("crds"):
            plane.request("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd)
        wait("the CRDs are served", lambda: doctor(plane, expect=None)["Resources"]["verdict"] == "OK")
        checks = doctor(plane, expect=0)
    assert checks["Installation"]["verdict"] == "WARN"
    assert "the CRDs are there, the chart is not" in checks["Installation"]["message"]
    assert "helm install" in checks["Installation"]["advice"]
    assert not {"RBAC", "Heartbeats", "Quorum", "Gateway", "Admission"} & set(checks)


def test_every_line_that_is_not_fine_says_what_to_do(installed_cluster: Installed) -> None:
    checks = doctor(installed_cluster.plane)
    assert [name for name, check in checks.items() if check["verdict"] != "OK" and not check.get("advice")] == []
    assert {name for name, check in checks.items() if check["verdict"] != "OK"} >= {"Heartbeats", "Quorum", "Gateway"}


def test_a_tripped_breaker_and_a_policy_without_a_namespace_are_found(installed_cluster: Installed) -> None:
    plane = installed_cluster.plane
    configs = "/api/v1/namespaces/incident-commander/configmaps"
    name = "incident-commander-circuit-breaker"
    plane.request(
        "POST", configs, {"metadata": {"name": name}, "data": {"state": "Tripped", "reason": "3 of 5 failed"}}
    )
    policies = "/apis/incidentcommander.io/v1alpha1/remediationpolicies"
    body = {
        "apiVersion": "incidentcommander.io/v1alpha1",
        "kind": "RemediationPolicy",
        "metadata": {"name": "doctor-acts"},
        "spec": {"mode": "Auto", "actions": ["DeletePod"]},
    }
    plane.request("POST", policies, body)
    try:
        checks = doctor(plane)
        assert checks["Breaker"]["verdict"] == "FAIL"
        assert "3 of 5 failed" in checks["Breaker"]["message"]
        assert "breaker reset" in checks["Breaker"]["advice"]
        assert (checks["Scope"]["verdict"], "label namespace" in checks["Scope"]["advice"]) == ("WARN", True)
    finally:
        plane.request("DELETE", f"{configs}/{name}")
        plane.request("DELETE", f"{policies}/doctor-acts")


def test_a_crd_of_another_version_is_found(installed_cluster: Installed) -> None:
    plane = installed_cluster.plane
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/runbooks.incidentcommander.io"
    before = plane.request("GET", path)["spec"]["versions"]
    versions = json.loads(json.dumps(before))
    del versions[0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["runbookUrl"]
    plane.request("PATCH", path, {"spec": {"versions": versions}}, "application/merge-patch+json")
    try:
        found = doctor(plane)["Resources"]
        assert found["verdict"] == "FAIL"
        assert "runbookUrl" in found["message"]
        assert "kubectl apply --server-side" in found["advice"]
    finally:
        plane.request("PATCH", path, {"spec": {"versions": before}}, "application/merge-patch+json")
