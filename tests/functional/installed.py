"""A real API server with crds/ and deploy/ installed, as a user installs them, and clients of every identity.

`installed_cluster` is a session fixture with a control plane of its own: the admission policies would get into the way
of tests that write status as the administrator. Tests keep apart by namespace (`installed_namespace`); Agents, policies
and runbooks are cluster-scoped: name them after the namespace, and delete them.

    def test_something(installed_cluster: Installed, installed_namespace: str) -> None:
        coordinator = installed_cluster.service_account("coordinator")
        coordinator.request("PATCH", path + "/status", body, MERGE_PATCH)  # raises ApiError
        installed_cluster.user("alice").request(...)                       # a person; bind a role first: `allow`
        installed_cluster.plane.kubeconfig_for("incident-commander/agent-diagnosis")
"""

from __future__ import annotations

import base64
import contextlib
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from incident_commander.api.kinds import Kind
from incident_commander.api.names import OPERATOR_NAMESPACE
from tests.controlplane import ApiError, Assets, ControlPlane

ROOT = Path(__file__).resolve().parents[2]
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
GROUP_PATH = "/apis/incidentcommander.io/v1alpha1"
INCIDENTS = GROUP_PATH + "/namespaces/{}/incidents"

_RBAC = "rbac.authorization.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"
_INSTALLED = (
    Kind("", "v1", "namespaces", "Namespace", namespaced=False),
    Kind("", "v1", "serviceaccounts", "ServiceAccount"),
    Kind("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False),
    Kind(_RBAC, "v1", "clusterroles", "ClusterRole", namespaced=False),
    Kind(_RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False),
    Kind(_RBAC, "v1", "roles", "Role"),
    Kind(_RBAC, "v1", "rolebindings", "RoleBinding"),
    Kind(_ADMISSION, "v1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy", namespaced=False),
    Kind(_ADMISSION, "v1", "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", namespaced=False),
)
"""In the order in which they are applied: bindings of policies last."""
_WAIT_SECONDS = 60.0
_PROBE = "z-everything-holds.test"


def manifests(*folders: str) -> list[dict[str, Any]]:
    """The objects of all YAML files of these folders (of the project), in the order of their names."""
    files = sorted(file for folder in folders for file in (ROOT / folder).rglob("*.yaml"))
    return [document for file in files for document in yaml.safe_load_all(file.read_text())]


def install(plane: ControlPlane) -> None:
    """Apply crds/ and deploy/ (without the samples) and wait until all of it holds. Raises ApiError, TimeoutError."""
    found = manifests("crds", "deploy/rbac", "deploy/admission")
    found += yaml.safe_load_all((ROOT / "deploy" / "namespace.yaml").read_text())
    # Policies are taken over in the order in which they were made: when the last one holds, all do.
    probe_policy, probe_binding = _probe()
    for kind in _INSTALLED:
        for manifest in [*found, probe_policy, probe_binding]:
            if manifest["kind"] == kind.kind:
                _apply(plane, kind, manifest)
    wait("CRDs are not served", lambda: _established(plane))
    wait("admission policies do not hold", lambda: _probe_refused(plane))
    for kind, manifest in ((_INSTALLED[-1], probe_binding), (_INSTALLED[-2], probe_policy)):
        plane.request("DELETE", kind.path(None, manifest["metadata"]["name"]))


def _apply(plane: ControlPlane, kind: Kind, manifest: dict[str, Any]) -> None:
    meta = manifest["metadata"]
    path = kind.path(meta.get("namespace") if kind.namespaced else None, meta["name"])
    plane.request("PATCH", f"{path}?fieldManager=install&fieldValidation=Strict", manifest, APPLY_PATCH)


def _probe() -> tuple[dict[str, Any], dict[str, Any]]:
    """A policy that refuses one ConfigMap which nobody wants to make."""
    rules = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}]
    policy = {
        "apiVersion": f"{_ADMISSION}/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": _PROBE},
        "spec": {
            "matchConstraints": {"resourceRules": rules},
            "validations": [{"expression": f"object.metadata.name != '{_PROBE}'", "message": "it holds"}],
        },
    }
    binding = {
        "apiVersion": f"{_ADMISSION}/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": _PROBE},
        "spec": {"policyName": _PROBE, "validationActions": ["Deny"]},
    }
    return policy, binding


def _probe_refused(plane: ControlPlane) -> bool:
    try:
        body = {"metadata": {"name": _PROBE}}
        plane.request("POST", "/api/v1/namespaces/default/configmaps?dryRun=All", body)
    except ApiError as error:
        return "it holds" in str(error)
    return False


def _established(plane: ControlPlane) -> bool:
    try:
        resources = plane.request("GET", GROUP_PATH)["resources"]
    except ApiError:
        return False
    return len([r for r in resources if "/" not in r["name"]]) == len(list((ROOT / "crds").glob("*.yaml")))


def wait(problem: str, done: Callable[[], bool], seconds: float = _WAIT_SECONDS) -> None:
    """Until it is so. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{problem} after {seconds:.0f} s")
        time.sleep(0.1)


class Client:
    """The API server, asked by one identity."""

    def __init__(self, plane: ControlPlane, tls: ssl.SSLContext, headers: dict[str, str]) -> None:
        self._http = httpx.Client(base_url=plane.url, verify=tls, headers=headers, timeout=30)

    def request(self, method: str, path: str, body: object = None, content_type: str = "application/json") -> Any:
        """The decoded JSON. Raises ApiError when the API server answers with an error."""
        headers = {"Content-Type": content_type}
        answer = self._http.request(method, path, json=body, headers=headers)
        if answer.status_code >= 400:
            said = answer.json()
            raise ApiError(answer.status_code, said.get("reason", "Unknown"), said.get("message", ""))
        return answer.json()

    def may(self, verb: str, resource: str, namespace: str | None = "default", name: str = "") -> bool:
        """Whether RBAC allows it (SelfSubjectAccessReview). `resource`: `deployments.apps`, `pods/log`."""
        whole, _, group = resource.partition(".")
        plural, _, subresource = whole.partition("/")
        attributes = {"verb": verb, "group": group, "resource": plural, "subresource": subresource, "name": name}
        if namespace is not None:
            attributes["namespace"] = namespace
        body = {"spec": {"resourceAttributes": attributes}}
        answer = self.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body)
        return bool(answer["status"]["allowed"])

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


class Installed:
    """The control plane with everything installed."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane
        self._clients: dict[str, Client] = {}
        self._tls = ssl.create_default_context(cafile=str(plane.authority))
        self._admin_tls = _admin_tls(plane)

    def service_account(self, name: str, namespace: str = OPERATOR_NAMESPACE) -> Client:
        """A client with a token of a ServiceAccount, for example `coordinator` or `agent-diagnosis`."""

        def make() -> Client:
            path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
            answer = self.plane.request("POST", path, {"spec": {"expirationSeconds": 12 * 3600}})
            return Client(self.plane, self._tls, {"Authorization": f"Bearer {answer['status']['token']}"})

        return self._remembered(f"{namespace}:{name}", make)

    def administrator(self) -> Client:
        """A client of the administrator (group system:masters), whom RBAC never refuses."""
        return self._remembered("", lambda: Client(self.plane, self._admin_tls, {}))

    def user(self, name: str) -> Client:
        """A client of a person (whom the administrator impersonates). Has no rights before `allow`."""

        def make() -> Client:
            return Client(self.plane, self._admin_tls, {"Impersonate-User": name})

        return self._remembered(name, make)

    def allow(self, user: str, cluster_role: str, namespace: str) -> None:
        """Bind a ClusterRole to a person in one namespace, and wait until it holds."""
        reference = {"apiGroup": _RBAC, "kind": "ClusterRole", "name": cluster_role}
        subject = {"apiGroup": _RBAC, "kind": "User", "name": user}
        name = f"{user.replace('@', '-')}-{cluster_role}"
        body = {"metadata": {"name": name}, "roleRef": reference, "subjects": [subject]}
        self.plane.request("POST", f"/apis/{_RBAC}/v1/namespaces/{namespace}/rolebindings", body)
        rule = self.plane.request("GET", f"/apis/{_RBAC}/v1/clusterroles/{cluster_role}")["rules"][-1]
        resource = f"{rule['resources'][-1]}.{rule['apiGroups'][-1]}".rstrip(".")
        wait(f"{name} does not hold", lambda: self.user(user).may(rule["verbs"][-1], resource, namespace))

    @contextlib.contextmanager
    def mistaken_rights(self, service_account: str) -> Iterator[None]:
        """Every right in the cluster, as if granted by mistake: what is refused now, admission refuses."""
        reference = {"apiGroup": _RBAC, "kind": "ClusterRole", "name": "cluster-admin"}
        subject = {"kind": "ServiceAccount", "name": service_account, "namespace": OPERATOR_NAMESPACE}
        path, name = f"/apis/{_RBAC}/v1/clusterrolebindings", f"mistake-{service_account}"
        body = {"metadata": {"name": name}, "roleRef": reference, "subjects": [subject]}
        client = self.service_account(service_account)
        self.plane.request("POST", path, body)
        try:
            wait(f"{name} does not hold", lambda: client.may("delete", "secrets"))
            yield
        finally:
            self.plane.request("DELETE", f"{path}/{name}")
            wait(f"{name} still holds", lambda: not client.may("delete", "secrets"))

    def kubectl(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl as the administrator; skips where the control plane has no kubectl."""
        if self.plane.assets.kubectl is None:
            pytest.skip("there is no kubectl beside this control plane")
        command = [str(self.plane.assets.kubectl), f"--kubeconfig={self.plane.kubeconfig}", *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)

    def close(self) -> None:
        """Close all clients."""
        for client in self._clients.values():
            client.close()

    def _remembered(self, key: str, make: Callable[[], Client]) -> Client:
        if key not in self._clients:
            self._clients[key] = make()
        return self._clients[key]


def _admin_tls(plane: ControlPlane) -> ssl.SSLContext:
    """The administrator's certificate, out of its kubeconfig."""
    user = yaml.safe_load(plane.kubeconfig.read_text())["users"][0]["user"]
    chain = plane.folder / "administrator.pem"
    chain.touch(mode=0o600)
    chain.write_bytes(b"".join(base64.b64decode(user[f"client-{part}-data"]) for part in ("certificate", "key")))
    tls = ssl.create_default_context(cafile=str(plane.authority))
    tls.load_cert_chain(chain)
    return tls


@pytest.fixture(scope="session")
def installed_cluster(control_plane_assets: Assets) -> Iterator[Installed]:
    """Everything of crds/ and deploy/ on an API server of its own."""
    with ControlPlane(control_plane_assets) as plane:
        install(plane)
        with contextlib.closing(Installed(plane)) as installed:
            yield installed


@pytest.fixture
def installed_namespace(installed_cluster: Installed) -> Iterator[str]:
    """The name of an empty namespace of `installed_cluster` for this test alone, deleted after it."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "test-"}}
    name: str = installed_cluster.plane.request("POST", "/api/v1/namespaces", namespace)["metadata"]["name"]
    yield name
    installed_cluster.plane.request("DELETE", f"/api/v1/namespaces/{name}")
