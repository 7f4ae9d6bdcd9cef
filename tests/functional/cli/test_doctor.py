"""The doctor against a real API server: before an installation, after it, and when something is missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.controlplane import ControlPlane
from tests.functional.installed import Installed

COMMAND = Path(sys.executable).parent / "incident-commander"
BINDINGS = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"

pytestmark = pytest.mark.apiserver


def doctor(plane: ControlPlane, *, expect: int = 1) -> dict[str, dict[str, Any]]:
    command = [str(COMMAND), "doctor", "--kubeconfig", str(plane.kubeconfig), "-o", "json"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, env=os.environ, check=False)
    assert ran.returncode == expect, ran.stdout + ran.stderr
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
