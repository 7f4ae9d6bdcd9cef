"""Makes the healthy fixtures: ``python -m tests.unit.diagnosis.capture_controls``. Nothing is wrong in any of them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from tests.unit.diagnosis.recorded_cluster import IMAGE, MERGE, Cluster, now, record


def healthy(cluster: Cluster) -> None:
    """Two applications that do their work."""
    cluster.application("web")
    cluster.application("api", replicas=3)


def just_rolled_out(cluster: Cluster) -> None:
    """A rollout that has just ended well: the newest revision is a minute old."""
    cluster.application("web")
    cluster.roll_out("web", image=f"{IMAGE}:1.5.0", env=[{"name": "RATE", "value": "9"}])
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
    ended = {"exitCode": 0, "reason": "Completed", "startedAt": now(), "finishedAt": now()}
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
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": now()}
    room = {"cpu": "8", "memory": "16Gi", "pods": "110"}
    status = {"conditions": [ready], "allocatable": room, "capacity": room}
    cluster.plane.request("PATCH", "/api/v1/nodes/spare/status", {"status": status}, MERGE)
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


if __name__ == "__main__":
    sys.exit(record(CONTROLS))
