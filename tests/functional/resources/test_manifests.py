"""crds/ and deploy/ on a real API server: they are accepted as a whole, and what ships with them fits."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
import yaml

from incident_commander.api.kinds import kind_of
from tests.functional.installed import ROOT, Installed, manifests

pytestmark = pytest.mark.apiserver

CRDS = [crd["metadata"]["name"] for crd in manifests("crds")]
POLICIES = [p["metadata"]["name"] for p in manifests("deploy/admission") if not p["kind"].endswith("Binding")]
SHIPPED = manifests("deploy/samples", "runbooks")


def store(installed: Installed, manifest: dict[str, Any], *, dry_run: bool = False) -> Any:
    kind = kind_of(manifest["apiVersion"], manifest["kind"])
    assert kind is not None
    path = kind.path(manifest["metadata"].get("namespace"), manifest["metadata"]["name"])
    options = "?fieldManager=test&fieldValidation=Strict" + ("&dryRun=All" if dry_run else "")
    return installed.plane.request("PATCH", path + options, manifest, "application/apply-patch+yaml")


@pytest.mark.parametrize("name", CRDS)
def test_a_crd_is_established_and_structural(installed_cluster: Installed, name: str) -> None:
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"
    conditions = {c["type"]: c["status"] for c in installed_cluster.plane.request("GET", path)["status"]["conditions"]}
    assert conditions["Established"] == conditions["NamesAccepted"] == "True"
    assert conditions.get("NonStructuralSchema", "False") == "False"


@pytest.mark.parametrize("name", POLICIES)
def test_the_api_server_finds_nothing_wrong_with_an_admission_policy(installed_cluster: Installed, name: str) -> None:
    path = f"/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/{name}"
    policy = installed_cluster.plane.request("GET", path)
    assert policy["spec"]["failurePolicy"] == "Fail"
    assert policy.get("status", {}).get("typeChecking", {}).get("expressionWarnings", []) == []


@pytest.mark.parametrize("policy", POLICIES)
def test_an_admission_policy_is_bound_to_deny(policy: str) -> None:
    (binding,) = [b for b in manifests("deploy/admission") if b["spec"].get("policyName") == policy]
    assert binding["spec"]["validationActions"] == ["Deny"]
    assert "matchResources" not in binding["spec"]


@pytest.mark.parametrize("manifest", SHIPPED, ids=lambda m: f"{m['kind']}/{m['metadata']['name']}")
def test_samples_and_shipped_runbooks_apply_without_a_warning(
    installed_cluster: Installed, manifest: dict[str, Any]
) -> None:
    stored = store(installed_cluster, manifest, dry_run=True)
    assert stored["spec"].items() >= {k: v for k, v in manifest["spec"].items() if isinstance(v, str)}.items()


def test_there_is_a_sample_of_each_kind() -> None:
    assert {m["kind"] for m in manifests("deploy/samples")} == {m["spec"]["names"]["kind"] for m in manifests("crds")}


def test_one_command_each_installs_crds_and_the_rest(installed_cluster: Installed) -> None:
    crds = installed_cluster.kubectl("apply", "--server-side", "--dry-run=server", "-f", str(ROOT / "crds"))
    assert crds.returncode == 0, crds.stderr
    rest = installed_cluster.kubectl("kustomize", str(ROOT / "deploy"))
    assert rest.returncode == 0, rest.stderr
    applied = installed_cluster.kubectl("apply", "--dry-run=server", "-f", "-", stdin=rest.stdout)
    assert applied.returncode == 0, applied.stderr
    kinds = {f"{m['kind']}/{m['metadata']['name']}" for m in manifests("deploy/rbac", "deploy/admission")}
    assert kinds | {"Namespace/incident-commander"} == objects_of(rest)


def objects_of(built: subprocess.CompletedProcess[str]) -> set[str]:
    return {f"{m['kind']}/{m['metadata']['name']}" for m in yaml.safe_load_all(built.stdout)}
