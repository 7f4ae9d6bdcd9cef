"""A hollow node: binds Pods and writes the status that a kubelet would. No container ever runs. Simulation.

What a Pod's container does is read from its image: a tag ``missing`` cannot be pulled, a tag ``crash`` keeps
crashing, anything else runs and is ready. Conditions, reasons and messages are those of a real kubelet.
"""

from __future__ import annotations

import http.client
import threading
import time
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from tests.controlplane.server import ApiError, ControlPlane

NODE = "hollow-node"
_RESTARTED = (ApiError, OSError, http.client.HTTPException)
"""What is raised when the API server goes away before, between or within answers."""
_MERGE = "application/merge-patch+json"
_HEARTBEAT_SECONDS = 10.0


class HollowKubelet:
    """Polls Pods in a thread of its own; use it as a context manager."""

    def __init__(self, control_plane: ControlPlane, *, period_seconds: float = 0.2) -> None:
        self._api = control_plane
        self._period = period_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hollow-kubelet", daemon=True)
        self._done: set[str] = set()
        self._beaten = 0.0

    def __enter__(self) -> Self:
        self._register()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _register(self) -> None:
        capacity = {"cpu": "64", "memory": "256Gi", "pods": "1000"}
        try:
            self._api.request(
                "POST", "/api/v1/nodes", {"metadata": {"name": NODE, "labels": {"kubernetes.io/os": "linux"}}}
            )
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
        self._beat({"capacity": capacity, "allocatable": capacity})
        self._api.request("PATCH", f"/api/v1/nodes/{NODE}", {"spec": {"taints": []}}, _MERGE)

    def _beat(self, status: dict[str, Any]) -> None:
        """Without heartbeats the node controller calls the node lost after 50 s, and its Pods not ready."""
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": _now()}
        body = {"status": {**status, "conditions": [ready]}}
        self._api.request("PATCH", f"/api/v1/nodes/{NODE}/status", body, _MERGE)
        self._beaten = time.monotonic()

    def _run(self) -> None:
        while not self._stop.wait(self._period):
            try:
                if time.monotonic() - self._beaten > _HEARTBEAT_SECONDS:
                    self._beat({})
                pods = self._api.request("GET", "/api/v1/pods")["items"]
            except _RESTARTED:
                continue  # the next poll finds it again
            for pod in pods:
                try:
                    self._look_after(pod)
                except _RESTARTED:
                    continue

    def _look_after(self, pod: dict[str, Any]) -> None:
        meta = pod["metadata"]
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
        if meta.get("deletionTimestamp"):
            self._api.request("DELETE", path, {"gracePeriodSeconds": 0})
            return
        if meta["uid"] in self._done:
            return
        if not pod["spec"].get("nodeName"):
            binding = {"metadata": {"name": meta["name"]}, "target": {"kind": "Node", "name": NODE}}
            self._api.request("POST", f"{path}/binding", binding)
        self._api.request("PATCH", f"{path}/status", {"status": _status(pod)}, _MERGE)
        self._done.add(meta["uid"])


def _status(pod: dict[str, Any]) -> dict[str, Any]:
    containers = [_container(c) for c in pod["spec"]["containers"]]
    ready = all(c["ready"] for c in containers)
    condition = {"lastTransitionTime": _now()}
    not_ready = {} if ready else {"reason": "ContainersNotReady", "message": "containers with unready status"}
    return {
        "phase": "Running" if all("waiting" not in c["state"] or c["restartCount"] for c in containers) else "Pending",
        "startTime": _now(),
        "podIP": "10.0.0.1",
        "conditions": [
            {"type": "PodScheduled", "status": "True", **condition},
            {"type": "Initialized", "status": "True", **condition},
            {"type": "ContainersReady", "status": str(ready), **condition, **not_ready},
            {"type": "Ready", "status": str(ready), **condition, **not_ready},
        ],
        "containerStatuses": containers,
    }


def _container(container: dict[str, Any]) -> dict[str, Any]:
    image = container["image"]
    tag = image.rpartition(":")[2]
    status: dict[str, Any] = {"name": container["name"], "image": image, "imageID": "", "restartCount": 0}
    if tag == "missing":
        message = (
            f'Back-off pulling image "{image}": ErrImagePull: rpc error: code = NotFound desc = failed to pull and '
            f'unpack image "{image}": failed to resolve reference "{image}": {image}: not found'
        )
        waiting = {"reason": "ImagePullBackOff", "message": message}
        return status | {"ready": False, "started": False, "state": {"waiting": waiting}}
    if tag == "crash":
        ended = {"exitCode": 1, "reason": "Error", "startedAt": _now(), "finishedAt": _now()}
        waiting = {
            "reason": "CrashLoopBackOff",
            "message": f"back-off 40s restarting failed container={container['name']}",
        }
        crashed = {"restartCount": 4, "state": {"waiting": waiting}, "lastState": {"terminated": ended}}
        return status | {"ready": False, "started": False} | crashed
    return status | {"ready": True, "started": True, "state": {"running": {"startedAt": _now()}}}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
