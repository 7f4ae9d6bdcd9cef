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
from incident_commander.cli.work import guarded
from tests.chart.conftest import Manifest
from tests.chart.test_rendered import EXAMPLES, pods
from tests.controlplane import ApiError, Assets, ControlPlane
from tests.functional.installed import GROUP_PATH, MERGE_PATCH, Installed, install, wait
from tests.functional.resources.incidents import deployment, refusal

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


def hook_of(manifest: Manifest) -> str:
    """When Helm makes it; nothing for what belongs to the release."""
    return str(manifest["metadata"].get("annotations", {}).get("helm.sh/hook", ""))


class Setup:
    """The hook's container, here as a process with the hook's own token and rights."""

    def __init__(self, installed: Installed, *arguments: str) -> None:
        made = [m for m in yaml.safe_load_all(template(*arguments)) if m and hook_of(m) == "pre-install,pre-upgrade"]
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
    """The hook as far as it has proven that it is held: what it may do is tried with the policy in force."""
    setup = Setup(cluster)
    assert "no Secret can be made here but the agents' keys" in setup.run("guarded")
    return setup


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


def secret(called: str, type_: str = "Opaque", **account: str) -> Manifest:
    """With annotations ``kubernetes.io/service-account.KEY`` for what is said of an account."""
    noted = {f"kubernetes.io/service-account.{key}": value for key, value in account.items()}
    return {"metadata": {"name": called, "annotations": noted}, "type": type_}


TOKEN = "kubernetes.io/service-account-token"
SECRETS = f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/secrets"
ACCOUNTS = f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/serviceaccounts"
OPAQUE_ONLY, NAMED_ONLY = "Secrets of type Opaque only", "the Secrets agent-ROLE-key of the six agents only"
NO_TIES = "no finalizers and no ownerReferences"
TIES: dict[str, Any] = {
    "finalizers": ["example.com/kept"],
    "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "1"}],
}
NOTHING_ELSE, DELETES_NOTHING = "and nothing else", "delete nothing"


@pytest.fixture(scope="class")
def every_right(cluster: Installed, setup: Setup) -> Iterator[None]:
    with cluster.mistaken_rights("setup"):
        yield


@pytest.mark.usefixtures("every_right")
class TestTheHookWithEveryRight:
    """Whatever RBAC may grant: these are refused by admission."""

    @pytest.mark.parametrize("account", ["executor", "coordinator", "agent-diagnosis", "setup"])
    def test_cannot_have_the_token_of_an_identity_made(self, setup: Setup, account: str) -> None:
        body = secret("agent-detection-key", TOKEN, name=account)
        assert OPAQUE_ONLY in refusal(setup.client.request, "POST", SECRETS, body)

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            (secret("agent-detection-key", name="executor"), OPAQUE_ONLY),
            (secret("agent-detection-key", uid="1"), OPAQUE_ONLY),
            (secret("agent-detection-key", "example.com/other"), OPAQUE_ONLY),
            (secret("another"), NAMED_ONLY),
            (secret("agent-executor-key"), NAMED_ONLY),
            ({"metadata": {"generateName": "agent-detection-key"}}, NAMED_ONLY),
        ],
        ids=["account's name", "account's uid", "type", "name", "no agent's", "generated name"],
    )
    def test_makes_no_secret_but_a_key(self, setup: Setup, body: Manifest, said: str) -> None:
        assert said in refusal(setup.client.request, "POST", SECRETS, body)

    def test_makes_no_key_in_another_namespace(self, setup: Setup) -> None:
        path = "/api/v1/namespaces/default/secrets"
        assert NAMED_ONLY in refusal(setup.client.request, "POST", path, secret("agent-detection-key"))

    def test_changes_no_key_that_is_there(self, setup: Setup) -> None:
        setup.run("keys")
        path = f"{SECRETS}/agent-detection-key"
        assert DELETES_NOTHING in refusal(setup.client.request, "PATCH", path, {"data": {}}, MERGE_PATCH)
        assert DELETES_NOTHING in refusal(setup.client.request, "DELETE", path)

    def test_makes_no_crd_of_another_group(self, setup: Setup) -> None:
        message = refusal(setup.client.request, "POST", CRD_PATH, foreign("Gadget", "example.com"))
        assert "CRDs of the group incidentcommander.io only" in message

    def test_makes_no_fifth_crd_of_our_group(self, setup: Setup) -> None:
        message = refusal(setup.client.request, "POST", CRD_PATH, foreign("Gadget", GROUP))
        assert "our four CRDs" in message

    @pytest.mark.parametrize("path", [f"{CRD_PATH}/incidents.{GROUP}", f"{GROUP_PATH}/agents/detection"])
    @pytest.mark.parametrize("field", TIES)
    def test_ties_nothing_to_another_object(self, setup: Setup, path: str, field: str) -> None:
        setup.run("keys")
        body = {"metadata": {field: TIES[field]}}
        assert NO_TIES in refusal(setup.client.request, "PATCH", path, body, MERGE_PATCH)

    @pytest.mark.parametrize("field", TIES)
    def test_ties_no_new_key_to_another_object(self, setup: Setup, field: str) -> None:
        body = secret("agent-detection-key")
        body["metadata"][field] = TIES[field]
        assert NO_TIES in refusal(setup.client.request, "POST", f"{SECRETS}?dryRun=All", body)

    def test_has_no_incident_converted_by_somebody_elses_webhook(self, setup: Setup) -> None:
        webhook = {"conversionReviewVersions": ["v1"], "clientConfig": {"url": "https://evil.example/convert"}}
        body = {"spec": {"conversion": {"strategy": "Webhook", "webhook": webhook}}}
        message = refusal(setup.client.request, "PATCH", f"{CRD_PATH}/incidents.{GROUP}", body, MERGE_PATCH)
        assert "none with a conversion webhook" in message

    @pytest.mark.parametrize(("name", "role"), [("another", "detection"), ("detection", "diagnosis")])
    def test_mints_no_voter_beside_the_six(self, setup: Setup, name: str, role: str) -> None:
        setup.run("keys")
        keys = setup.client.request("GET", f"{GROUP_PATH}/agents/detection")["spec"]["publicKeys"]
        spec = {"role": role, "publicKeys": keys}
        body = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "Agent", "metadata": {"name": name}, "spec": spec}
        message = refusal(setup.client.request, "POST", f"{GROUP_PATH}/agents", body)
        assert "the six Agents only, each with the role that it is named after" in message

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("POST", f"{ACCOUNTS}/executor/token", {"spec": {"expirationSeconds": 3600}}),
            ("POST", ACCOUNTS, {"metadata": {"name": "another"}}),
            ("POST", f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/configmaps", {"metadata": {"name": "another"}}),
            ("PATCH", f"{GROUP_PATH}/agents/detection/status", {"status": {"suspicion": 1}}),
            ("DELETE", "/api/v1/namespaces/default/configmaps/kube-root-ca.crt", None),
        ],
        ids=["token", "account", "config map", "status of an agent", "deletion"],
    )
    def test_writes_nothing_of_another_kind(self, setup: Setup, method: str, path: str, body: object) -> None:
        setup.run("keys")
        content = [MERGE_PATCH] if method == "PATCH" else []
        assert NOTHING_ELSE in refusal(setup.client.request, method, path, body, *content)

    @pytest.mark.parametrize("path", [f"{CRD_PATH}/incidents.{GROUP}", f"{GROUP_PATH}/agents/detection"])
    def test_deletes_nothing_of_its_own_kinds(self, setup: Setup, path: str) -> None:
        setup.run("keys")
        assert DELETES_NOTHING in refusal(setup.client.request, "DELETE", path)


def test_where_the_policy_is_gone_the_hook_does_nothing(cluster: Installed) -> None:
    setup, name = Setup(cluster), guarded.POLICY
    assert cluster.kubectl("delete", "validatingadmissionpolicybinding", name).returncode == 0
    try:
        said = setup.run("guarded", expect=1)
        assert "could have been made" in said
        assert f"validatingadmissionpolicybindings {name}" in " ".join(said.split())
        assert cluster.kubectl("get", "secrets", "-n", OPERATOR_NAMESPACE, "-o", "name").stdout.count("proof") == 0
    finally:
        Setup(cluster).run("guarded")


class TestSystemNamespaces:
    """`executor.systemNamespaces`, beside the policy that names one of them."""

    def apply(self, cluster: Installed, *settings: str) -> None:
        text = template(*settings, "--show-only", "templates/admission/executor-not-here.yaml")
        applied = cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=text)
        assert applied.returncode == 0, applied.stderr

    def cordoned_off(self, cluster: Installed, namespace: str) -> bool:
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments?dryRun=All"
        try:
            cluster.service_account("executor").request("POST", path, deployment())
        except ApiError as refused:
            return "executor.systemNamespaces" in str(refused)
        return False

    def test_the_ones_listed_are_open_and_the_others_are_not(self, cluster: Installed) -> None:
        with cluster.mistaken_rights("executor"):
            assert self.cordoned_off(cluster, "kube-system")
            self.apply(cluster, "--set", "executor.systemNamespaces={kube-system}")
            try:
                wait("kube-system is not opened", lambda: not self.cordoned_off(cluster, "kube-system"))
                assert self.cordoned_off(cluster, "kube-public")
            finally:
                self.apply(cluster)
                wait("kube-system is not closed again", lambda: self.cordoned_off(cluster, "kube-system"))


def test_the_chart_finds_its_crds_beside_it() -> None:
    assert (CHART / "crds").resolve() == CHART.parents[1] / "crds"
