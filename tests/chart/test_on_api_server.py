"""The chart on a real API server: what it renders is accepted, and its hook has the rights it needs and no more."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from charts.helm import CHART, template
from incident_commander.api.names import GROUP, OPERATOR_NAMESPACE, ROLES
from tests.chart.conftest import Manifest
from tests.chart.test_rendered import EXAMPLES, pods
from tests.controlplane import Assets, ControlPlane
from tests.functional.installed import GROUP_PATH, MERGE_PATCH, Installed, install

pytestmark = pytest.mark.apiserver

COMMAND = Path(sys.executable).parent / "incident-commander"
CRD_PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
FOREIGN = {
    "ServiceMonitor": "monitoring.coreos.com",
    "Certificate": "cert-manager.io",
    "PrometheusRule": "monitoring.coreos.com",
}


@pytest.fixture(scope="module")
def cluster(control_plane_assets: Assets) -> Iterator[Installed]:
    """Everything of deploy/, and stand-ins for the CRDs of others, whose schemas are not checked here."""
    with ControlPlane(control_plane_assets) as plane:
        install(plane)
        for kind, group in FOREIGN.items():
            plane.request("POST", CRD_PATH, foreign(kind, group))
        for account in ("setup", "all-in-one"):
            path = f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/serviceaccounts"
            plane.request("POST", path, {"metadata": {"name": account}})
        installed = Installed(plane)
        yield installed
        installed.close()


def foreign(kind: str, group: str) -> Manifest:
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    plural = f"{kind.lower()}s"
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    names = {"plural": plural, "singular": kind.lower(), "kind": kind}
    spec = {"group": group, "scope": "Namespaced", "names": names, "versions": [version]}
    meta = {"name": f"{plural}.{group}"}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": meta, "spec": spec}


@pytest.mark.parametrize("example", [None, *EXAMPLES], ids=lambda e: e.stem if e else "defaults")
class TestWhatIsRendered:
    def test_is_accepted_as_a_whole(self, cluster: Installed, example: Path | None) -> None:
        text = template(values=[example] if example else [])
        applied = cluster.kubectl(
            "apply",
            "--server-side",
            "--force-conflicts",
            "--dry-run=server",
            "--validate=strict",
            "-f",
            "-",
            stdin=text,
        )
        assert applied.returncode == 0, applied.stderr
        assert "warning" not in applied.stderr.lower()

    def test_its_pods_pass_where_pod_security_restricted_is_enforced(
        self, cluster: Installed, example: Path | None
    ) -> None:
        namespace = cluster.plane.request("GET", f"/api/v1/namespaces/{OPERATOR_NAMESPACE}")
        assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
        found = [m for m in yaml.safe_load_all(template(values=[example] if example else [])) if m]
        for name, spec in pods(found).items():
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"try-{name}"}, "spec": spec}
            cluster.plane.request("POST", f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/pods?dryRun=All", pod)


class Setup:
    """The hook's container, here as a process with the hook's own token and rights."""

    def __init__(self, installed: Installed, *arguments: str) -> None:
        made = [m for m in yaml.safe_load_all(template(*arguments)) if m and "setup" in m["metadata"]["name"]]
        text = yaml.safe_dump_all(m for m in made if m["kind"] != "Job")
        applied = installed.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=text)
        assert applied.returncode == 0, applied.stderr
        self.job = next(m for m in made if m["kind"] == "Job")["spec"]["template"]["spec"]
        self.kubeconfig = installed.plane.kubeconfig_for(f"{OPERATOR_NAMESPACE}/setup")
        self.client = installed.service_account("setup")

    def run(self, container: str, expect: int = 0) -> str:
        (found,) = [c for c in [*self.job["initContainers"], *self.job["containers"]] if c["name"] == container]
        done = subprocess.run(
            [str(COMMAND), *found["args"]],
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig), "COLUMNS": "160", "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == expect, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def setup(cluster: Installed) -> Setup:
    return Setup(cluster)


def agents(cluster: Installed) -> dict[str, Any]:
    return {a["metadata"]["name"]: a["spec"] for a in cluster.plane.request("GET", f"{GROUP_PATH}/agents")["items"]}


class TestTheHook:
    def test_makes_six_keys_and_keeps_them(self, cluster: Installed, setup: Setup) -> None:
        assert setup.run("keys").count("made its key") == 6
        made = agents(cluster)
        assert sorted(made) == sorted(ROLES)
        assert setup.run("keys").count("kept its key") == 6
        assert agents(cluster) == made

    def test_finds_the_crds_as_they_were_installed_up_to_date(self, setup: Setup) -> None:
        assert setup.run("crds").count("up to date") == 4

    def test_brings_an_old_crd_to_this_version_and_keeps_its_resources(self, cluster: Installed, setup: Setup) -> None:
        setup.run("keys")
        before, path = agents(cluster), f"{CRD_PATH}/agents.{GROUP}"
        crd = cluster.plane.request("GET", path)
        versions = crd["spec"]["versions"]
        versions[0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["former"] = {"type": "string"}
        cluster.plane.request("PATCH", path, {"spec": {"versions": versions}}, MERGE_PATCH)
        assert "updated" in setup.run("crds")
        assert setup.run("crds").count("up to date") == 4
        assert agents(cluster) == before

    def test_where_it_may_not_write_crds_it_ends_with_an_error_while_they_differ(self, cluster: Installed) -> None:
        setup = Setup(cluster, "--set", "crds.install=false")
        try:
            assert setup.run("crds").count("up to date") == 4
            path = f"{CRD_PATH}/runbooks.{GROUP}"
            wanted = cluster.plane.request("GET", path)["spec"]["versions"]
            column = {"name": "Former", "type": "string", "jsonPath": ".spec.former"}
            other = [{**wanted[0], "additionalPrinterColumns": [column]}]
            cluster.plane.request("PATCH", path, {"spec": {"versions": other}}, MERGE_PATCH)
            said = setup.run("crds", expect=1)
            assert f"runbooks.{GROUP} is of another version" in said
            assert "kubectl apply --server-side" in said
            cluster.plane.request("PATCH", path, {"spec": {"versions": wanted}}, MERGE_PATCH)
        finally:
            Setup(cluster)

    def test_may_do_nothing_else(self, setup: Setup) -> None:
        may = setup.client.may
        secrets, ns = "secrets", OPERATOR_NAMESPACE
        assert not any(may(v, secrets, ns) for v in ("get", "list", "watch", "update", "patch", "delete"))
        assert not any(may(v, secrets, "default", "agent-detection-key") for v in ("create", "get"))
        assert not any(may(v, secrets, ns, "agent-detection-key") for v in ("update", "patch", "delete"))
        for resource in (
            "pods",
            "deployments.apps",
            f"incidents.{GROUP}",
            f"remediationpolicies.{GROUP}",
            "roles.rbac.authorization.k8s.io",
        ):
            assert not any(may(v, resource, ns) for v in ("create", "update", "patch", "delete"))
        assert not may("delete", f"agents.{GROUP}", None, "detection")
        assert not may("patch", f"agents.{GROUP}", None, "another")
        assert not may("patch", "customresourcedefinitions.apiextensions.k8s.io", None, "certificates.cert-manager.io")


def test_the_chart_finds_its_crds_beside_it() -> None:
    assert (CHART / "crds").resolve() == CHART.parents[1] / "crds"
