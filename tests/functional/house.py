"""The whole operator as nine real processes with nine identities, on a real API server with a hollow kubelet.

For functional tests and the bench. Workloads "run" as `tests.controlplane.hollow_kubelet` pretends; alerts are posted
to the gateway as Alertmanager would post them.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from incident_commander.api import kinds
from incident_commander.api.meta import format_time
from incident_commander.api.names import LABEL_MANAGED, OPERATOR_NAMESPACE, ROLES
from incident_commander.api.plan import ActionName
from incident_commander.consensus.keys import SigningKey
from tests.controlplane import Assets
from tests.controlplane.hollow_kubelet import HollowKubelet
from tests.controlplane.server import ApiError, ControlPlane
from tests.functional.installed import install

ROOT = Path(__file__).resolve().parents[2]
COMMAND = Path(sys.executable).parent / "incident-commander"
COMPONENTS = ("gateway", "coordinator", "executor", *(f"agent-{role}" for role in ROLES))
SENDER = "alertmanager"
_MERGE = "application/merge-patch+json"
_READY_SECONDS = 240.0


class House:
    """Make it, ``start()``, use it, ``end()``. ``folder`` takes keys and logs."""

    def __init__(self, plane: ControlPlane, prometheus_url: str, folder: Path, *, yielding: int = 0) -> None:
        self.plane = plane
        self.folder = folder
        self.prometheus_url = prometheus_url
        self.yielding = yielding
        """By how much all but the gateway are nicer to others."""
        self.ports = {name: _free_port() for name in COMPONENTS}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.keys = {role: SigningKey.generate() for role in ROLES}
        for role, key in self.keys.items():
            (folder / f"{role}.pem").write_bytes(key.to_pem())

    def furnish(self) -> None:
        """Agents, runbooks, and a ServiceAccount that may send alerts."""
        now = datetime.now(UTC)
        for role, key in self.keys.items():
            public = key.public_key(now - timedelta(minutes=1), now + timedelta(hours=6)).to_json()
            spec = {"role": role, "serviceAccount": f"agent-{role}", "publicKeys": [public]}
            self._make(kinds.AGENT, None, {"metadata": {"name": role}, "spec": spec})
        for file in sorted((ROOT / "runbooks").glob("*.yaml")):
            for document in yaml.safe_load_all(file.read_text()):
                self._make(kinds.RUNBOOK, None, document)
        self._make(kinds.SERVICE_ACCOUNT, OPERATOR_NAMESPACE, {"metadata": {"name": SENDER}})
        rules = [{"apiGroups": ["incidentcommander.io"], "resources": ["incidents"], "verbs": ["create"]}]
        rbac = "/apis/rbac.authorization.k8s.io/v1"
        role_ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "bench-sender"}
        subject = {"kind": "ServiceAccount", "name": SENDER, "namespace": OPERATOR_NAMESPACE}
        for path, body in (
            (f"{rbac}/clusterroles", {"metadata": {"name": "bench-sender"}, "rules": rules}),
            (
                f"{rbac}/clusterrolebindings",
                {"metadata": {"name": "bench-sender"}, "roleRef": role_ref, "subjects": [subject]},
            ),
        ):
            with contextlib.suppress(ApiError):
                self.plane.request("POST", path, body)

    def policy(self, name: str, namespace: str, **spec: Any) -> None:
        """A policy for one namespace; Auto with every action unless said otherwise."""
        fields = {"mode": "Auto", "actions": [a.value for a in ActionName], "match": {"namespaces": [namespace]}}
        verification = {"windowSeconds": 12, "settleSeconds": 5, "pollSeconds": 2}
        body = {"metadata": {"name": name}, "spec": {**fields, "verification": verification, **spec}}
        self._make(kinds.REMEDIATION_POLICY, None, body)

    def namespace(self, name: str) -> None:
        """A namespace that is opted in."""
        self._make(kinds.NAMESPACE, None, {"metadata": {"name": name, "labels": {LABEL_MANAGED: "true"}}})

    def deploy(self, namespace: str, name: str, image: str = "app:1", replicas: int = 1) -> None:
        """A Deployment; see the hollow kubelet for what an image tag does."""
        template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", "image": image}]}}
        spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
        self._make(kinds.DEPLOYMENT, namespace, {"metadata": {"name": name}, "spec": spec})

    def release(self, namespace: str, name: str, image: str) -> None:
        """Roll out another image."""
        patch = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": image}]}}}}
        path = kinds.DEPLOYMENT.path(namespace, name)
        self.plane.request("PATCH", path, patch, "application/strategic-merge-patch+json")

    def start(self, *names: str) -> None:
        """Start these components (all without names) and wait until they are ready. Raises TimeoutError."""
        for name in names or COMPONENTS:
            self._spawn(name)
        for name in names or COMPONENTS:
            self._await_ready(name)

    def kill(self, *names: str) -> None:
        """SIGKILL: no chance to tidy up."""
        for name in names or COMPONENTS:
            process = self.processes.pop(name)
            process.kill()
            process.wait()

    def end(self) -> None:
        """SIGTERM, then SIGKILL for what does not go."""
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()

    def post(
        self, alerts: Sequence[dict[str, Any]], *, group_key: str = "{}", token: str | None = None
    ) -> dict[str, Any]:
        """What Alertmanager would send. Raises ``AssertionError`` when it is not acknowledged with 200."""
        payload = {
            "version": "4",
            "groupKey": group_key,
            "truncatedAlerts": 0,
            "status": "firing",
            "receiver": "incident-commander",
            "groupLabels": {},
            "commonLabels": {},
            "commonAnnotations": {},
            "externalURL": "http://alertmanager.example",
            "alerts": list(alerts),
        }
        status, body = self.send(json.dumps(payload).encode(), token=token)
        assert status == 200, f"{status}: {body[:500]!r}"
        answer: dict[str, Any] = json.loads(body)
        return answer

    def send(self, body: bytes, *, token: str | None = None) -> tuple[int, bytes]:
        """POST bytes to the webhook; status and body of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["gateway"], timeout=30)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token or self.token()}"}
        with contextlib.closing(connection):
            connection.request("POST", "/api/v1/alerts", body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def token(self) -> str:
        """The sender's bearer token."""
        if not hasattr(self, "_token"):
            config = yaml.safe_load(self.plane.kubeconfig_for(f"{OPERATOR_NAMESPACE}/{SENDER}").read_text())
            self._token: str = config["users"][0]["user"]["token"]
        return self._token

    def incident(self, namespace: str) -> dict[str, Any] | None:
        """The one Incident of a namespace, or None."""
        items: list[dict[str, Any]] = self.plane.request("GET", kinds.INCIDENT.path(namespace))["items"]
        assert len(items) <= 1, [i["metadata"]["name"] for i in items]
        return items[0] if items else None

    def wait(self, what: str, ask: Callable[[], Any], *, seconds: float = 60.0) -> Any:
        """The first true answer. Raises TimeoutError with the end of every log."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = ask()
            if found:
                return found
            time.sleep(0.1)
        raise TimeoutError(f"{what}: not within {seconds:.0f} s\n{self.tails()}")

    def tails(self, lines: int = 8) -> str:
        """The end of every log."""
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(f"--- {log.name}\n" + "\n".join(log.read_text().splitlines()[-lines:]) for log in logs)

    def _spawn(self, name: str) -> None:
        account = f"{OPERATOR_NAMESPACE}/{name}"
        bind = "INCIDENT_COMMANDER_GATEWAY_BIND" if name == "gateway" else "INCIDENT_COMMANDER_HEALTH_BIND"
        environment = {
            "INCIDENT_COMMANDER_KUBECONFIG": str(self.plane.kubeconfig_for(account)),
            "INCIDENT_COMMANDER_PROMETHEUS_URL": self.prometheus_url,
            bind: f"127.0.0.1:{self.ports[name]}",
        }
        command = [str(COMMAND), name]
        if name.startswith("agent-"):
            role = name.removeprefix("agent-")
            command = [str(COMMAND), "agent", role]
            environment["INCIDENT_COMMANDER_KEY_FILE"] = str(self.folder / f"{role}.pem")
        if self.yielding and name != "gateway":
            command = ["nice", "-n", str(self.yielding), *command]
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("INCIDENT_COMMANDER_", "KUBE"))}
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command, env={**inherited, **environment}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def _await_ready(self, name: str) -> None:
        def ready() -> bool:
            process = self.processes[name]
            assert process.poll() is None, f"{name} ended with {process.returncode}\n{self.tails()}"
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection("127.0.0.1", self.ports[name], timeout=2)
                with contextlib.closing(connection):
                    connection.request("GET", "/readyz")
                    return connection.getresponse().status == 200
            return False

        self.wait(f"{name} is ready", ready, seconds=_READY_SECONDS)

    def _make(self, kind: kinds.Kind, namespace: str | None, body: dict[str, Any]) -> None:
        """Create, or replace the spec of what is there."""
        manifest = {"apiVersion": kind.api_version, "kind": kind.kind, **body}
        try:
            self.plane.request("POST", kind.path(namespace), manifest)
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
            if "spec" in body:
                path = kind.path(namespace, body["metadata"]["name"])
                self.plane.request("PATCH", path, {"spec": body["spec"]}, _MERGE)


def alert(
    name: str, namespace: str, deployment: str, *, at: datetime | None = None, resolved: bool = False
) -> dict[str, Any]:
    """One alert of a webhook payload."""
    now = datetime.now(UTC)
    labels = {"alertname": name, "namespace": namespace, "deployment": deployment, "severity": "critical"}
    return {
        "status": "resolved" if resolved else "firing",
        "labels": labels,
        "annotations": {"summary": f"{deployment} is in trouble"},
        "startsAt": format_time(at or now),
        "endsAt": format_time(now) if resolved else "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example/graph",
        "fingerprint": f"{abs(hash((name, namespace, deployment))):016x}"[:16],
    }


def writes_to(plane: ControlPlane, namespace: str, resource: str, since: int) -> Iterator[dict[str, Any]]:
    """Accepted requests of the operator's identities that changed such objects; dry-runs are none."""
    for entry in plane.audit_entries(since=since):
        reference = entry.get("objectRef") or {}
        if (
            entry["verb"] in ("create", "update", "patch", "delete")
            and entry["user"]["username"].startswith(f"system:serviceaccount:{OPERATOR_NAMESPACE}:")
            and reference.get("namespace") == namespace
            and reference.get("resource") == resource
            and "dryRun=" not in entry.get("requestURI", "")
            and 200 <= (entry.get("responseStatus") or {}).get("code", 0) < 300
        ):
            yield entry


@contextlib.contextmanager
def at_work(assets: Assets, prometheus_url: str, folder: Path) -> Iterator[House]:
    """All nine processes, until the end, on an API server of their own with everything installed."""
    with ControlPlane(assets) as plane, HollowKubelet(plane):
        install(plane)
        house = House(plane, prometheus_url, folder)
        house.furnish()
        try:
            house.start()
            yield house
        finally:
            house.end()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
