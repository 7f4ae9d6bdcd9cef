"""Makes the healthy fixtures: ``python -m tests.unit.diagnosis.capture_controls``.

A real API server with its real controllers is started; Deployments, Jobs, budgets and a cordoned node are made in it,
and ``incident-commander bundle`` records each namespace when all is well. Only the kubelet is simulated
(``HollowKubelet``): no container runs. Events, revisions, conditions and endpoints are the controllers' own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.controlplane.assets import Assets, find
from tests.controlplane.hollow_kubelet import HollowKubelet
from tests.controlplane.server import ControlPlane
from tests.unit.diagnosis.capture import FIXTURES, packed

_MERGE = "application/merge-patch+json"
_PATIENCE_SECONDS = 90.0
IMAGE = "registry.example.com/shop/web"


class Cluster:
    """Writes into one namespace, and waits until the controllers are done."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self.plane, self.namespace = plane, namespace
        plane.request("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})

    def make(self, group: str, plural: str, name: str, **parts: Any) -> None:
        """Create an object."""
        path = f"{group}/namespaces/{self.namespace}/{plural}"
        self.plane.request("POST", path, {"metadata": {"name": name, "labels": {"app": name}}, **parts})

    def patch(self, group: str, plural: str, name: str, body: dict[str, Any]) -> None:
        """A merge patch."""
        self.plane.request("PATCH", f"{group}/namespaces/{self.namespace}/{plural}/{name}", body, _MERGE)

    def get(self, group: str, plural: str, name: str = "") -> Any:
        """An object, or the list of them."""
        return self.plane.request("GET", f"{group}/namespaces/{self.namespace}/{plural}/{name}".rstrip("/"))

    def wait(self, done: Callable[[], bool], what: str) -> None:
        """Until ``done``."""
        until = time.monotonic() + _PATIENCE_SECONDS
        while not done():
            if time.monotonic() > until:
                raise SystemExit(f"{self.namespace}: {what} did not come about within {_PATIENCE_SECONDS:.0f} s")
            time.sleep(0.5)

    def application(self, name: str, *, replicas: int = 2, version: str = "1.4.0") -> None:
        """A Deployment, its Service and its settings, until all of it is available."""
        container = {
            "name": name,
            "image": f"{IMAGE}:{version}",
            "ports": [{"containerPort": 8080}],
            "envFrom": [{"configMapRef": {"name": name}}],
            "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
            "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}},
        }
        template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
        spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
        self.make("/api/v1", "configmaps", name, data={"MODE": "fast"})
        ports = [{"port": 80, "targetPort": 8080}]
        self.make("/api/v1", "services", name, spec={"selector": {"app": name}, "ports": ports})
        self.make("/apis/apps/v1", "deployments", name, spec=spec)
        self.rolled_out(name, replicas)

    def rolled_out(self, name: str, replicas: int) -> None:
        """Until the newest revision, and nothing else, is available."""

        def done() -> bool:
            found = self.get("/apis/apps/v1", "deployments", name)
            status = found.get("status", {})
            counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
            return counts == [replicas] * 3 and status.get("observedGeneration") == found["metadata"]["generation"]

        self.wait(done, f"Deployment {name} with {replicas} replicas")


def healthy(cluster: Cluster) -> None:
    """Two applications that do their work."""
    cluster.application("web")
    cluster.application("api", replicas=3)


def just_rolled_out(cluster: Cluster) -> None:
    """A rollout that has just ended well: the newest revision is a minute old."""
    cluster.application("web")
    new = {"name": "web", "image": f"{IMAGE}:1.5.0", "env": [{"name": "RATE", "value": "9"}]}
    change = {"spec": {"template": {"spec": {"containers": [new]}}}}
    path = "application/strategic-merge-patch+json"
    namespace = cluster.namespace
    cluster.plane.request("PATCH", f"/apis/apps/v1/namespaces/{namespace}/deployments/web", change, path)
    cluster.rolled_out("web", 2)


def scaled_by_hand(cluster: Cluster) -> None:
    """Scaled up, then down: events of both, pods that are gone; a neighbour that was scaled to nothing on purpose."""
    cluster.application("web")
    cluster.application("legacy", replicas=1)
    for name, replicas in (("web", 5), ("web", 2), ("legacy", 0)):
        cluster.patch("/apis/apps/v1", "deployments", name, {"spec": {"replicas": replicas}})
        cluster.rolled_out(name, replicas)


def job_done(cluster: Cluster) -> None:
    """A Job that has completed beside an application. Its container is ended here, as a kubelet would."""
    cluster.application("web")
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "migrate", "image": f"{IMAGE}:1.4.0"}]}}
    cluster.make("/apis/batch/v1", "jobs", "migrate", spec={"template": template})

    def pod() -> dict[str, Any]:
        found: list[dict[str, Any]] = cluster.get("/api/v1", "pods")["items"]
        return next((p for p in found if p["metadata"]["name"].startswith("migrate-")), {})

    cluster.wait(lambda: pod().get("status", {}).get("phase") == "Running", "the Job's pod")
    ended = {"exitCode": 0, "reason": "Completed", "startedAt": _now(), "finishedAt": _now()}
    container = {**pod()["status"]["containerStatuses"][0], "ready": False, "state": {"terminated": ended}}
    status = {"phase": "Succeeded", "containerStatuses": [container], "conditions": []}
    cluster.patch("/api/v1", "pods", f"{pod()['metadata']['name']}/status", {"status": status})
    cluster.wait(lambda: cluster.get("/apis/batch/v1", "jobs", "migrate")["status"].get("succeeded") == 1, "the Job")


def maintenance(cluster: Cluster) -> None:
    """One node is cordoned, and a budget watches over an application that runs on the other."""
    cluster.application("web")
    budget = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    cluster.make("/apis/policy/v1", "poddisruptionbudgets", "web", spec=budget)
    node = {"metadata": {"name": "spare"}, "spec": {"unschedulable": True}}
    cluster.plane.request("POST", "/api/v1/nodes", node)
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": _now()}
    room = {"cpu": "8", "memory": "16Gi", "pods": "110"}
    status = {"conditions": [ready], "allocatable": room, "capacity": room}
    cluster.plane.request("PATCH", "/api/v1/nodes/spare/status", {"status": status}, _MERGE)
    cluster.wait(
        lambda: (
            cluster.get("/apis/policy/v1", "poddisruptionbudgets", "web").get("status", {}).get("disruptionsAllowed")
            == 1
        ),
        "the budget",
    )


CONTROLS: dict[str, Callable[[Cluster], None]] = {
    f"control-{made.__name__.replace('_', '-')}": made
    for made in (healthy, just_rolled_out, scaled_by_hand, job_done, maintenance)
}
"""By name of the fixture: nothing is wrong in any of them."""


def main() -> int:
    """0 when all were recorded."""
    assets = find()
    if not isinstance(assets, Assets):
        print(f"no control plane: {assets}", file=sys.stderr)
        return 1
    with ControlPlane(assets) as plane, HollowKubelet(plane), tempfile.TemporaryDirectory() as folder:
        for name, make in CONTROLS.items():
            make(Cluster(plane, name))
            to = Path(folder) / name
            command = ["incident-commander", "bundle", "-n", name, "-o", str(to), "--kubeconfig", str(plane.kubeconfig)]
            recorded = subprocess.run([str(Path(sys.executable).parent / command[0]), *command[1:]], check=False)
            if not (to / "bundle.json").is_file():
                return recorded.returncode or 1
            text = json.dumps(packed(to), indent=0, sort_keys=True)
            (FIXTURES / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    return 0


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


if __name__ == "__main__":
    sys.exit(main())
