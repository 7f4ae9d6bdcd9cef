"""A namespace of a real API server with its real controllers, written into and then recorded as a fixture.

Only the kubelet is simulated (``HollowKubelet``): no container runs. Events, revisions, conditions, endpoints and
refusals are those of the API server and its controllers.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.controlplane.assets import Assets, find
from tests.controlplane.hollow_kubelet import HollowKubelet
from tests.controlplane.server import ControlPlane
from tests.unit.diagnosis.capture import FIXTURES, packed

MERGE = "application/merge-patch+json"
_STRATEGIC_MERGE = "application/strategic-merge-patch+json"
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
        self.plane.request("PATCH", f"{group}/namespaces/{self.namespace}/{plural}/{name}", body, MERGE)

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

    def roll_out(self, name: str, *, replicas: int | None = None, **container: Any) -> None:
        """Change the container, or the number of replicas, of an application; does not wait."""
        spec: dict[str, Any] = (
            {"template": {"spec": {"containers": [{"name": name, **container}]}}} if container else {}
        )
        spec |= {} if replicas is None else {"replicas": replicas}
        path = f"/apis/apps/v1/namespaces/{self.namespace}/deployments/{name}"
        self.plane.request("PATCH", path, {"spec": spec}, _STRATEGIC_MERGE)

    def said(self, words: str) -> bool:
        """Whether an event of the namespace says so."""
        return any(words in event.get("message", "") for event in self.get("/api/v1", "events")["items"])


def record(scenes: Mapping[str, Callable[[Cluster], None]]) -> int:
    """Make each scene in a namespace of its own and keep its bundle as a fixture; 0 when all were recorded."""
    assets = find()
    if not isinstance(assets, Assets):
        print(f"no control plane: {assets}", file=sys.stderr)
        return 1
    with ControlPlane(assets) as plane, HollowKubelet(plane), tempfile.TemporaryDirectory() as folder:
        for name, make in scenes.items():
            print(f"{name}: {(make.__doc__ or '').splitlines()[0]}", flush=True)
            make(Cluster(plane, name))
            to = Path(folder) / name
            command = ["incident-commander", "bundle", "-n", name, "-o", str(to), "--kubeconfig", str(plane.kubeconfig)]
            recorded = subprocess.run([str(Path(sys.executable).parent / command[0]), *command[1:]], check=False)
            if not (to / "bundle.json").is_file():
                return recorded.returncode or 1
            text = json.dumps(packed(to), indent=0, sort_keys=True)
            (FIXTURES / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    return 0


def now() -> str:
    """As the API server writes times."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
