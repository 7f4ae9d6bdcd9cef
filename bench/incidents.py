"""From the alert's POST to the accepted patch, and what an incident costs, with everything running.

Nine processes on a real API server with real controllers; the kubelet is hollow (see tests/controlplane). Times are
the API server's own, from its audit log, but for the POST, which is timed here on the same machine's clock.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from bench.figures import percentile
from bench.proc import resident_mib
from incident_commander.api.names import OPERATOR_NAMESPACE
from tests.controlplane import Assets, ControlPlane, find_or_build
from tests.controlplane.stub_prometheus import StubPrometheus
from tests.functional.house import House, alert, at_work

Say = Callable[[str], None]
_ALERT = "KubeContainerWaiting"
_IDLE_SECONDS = 20.0
GOAL_P50_SECONDS, GOAL_P99_SECONDS, GOAL_WRITES = 2.0, 5.0, 25


def run(*, incidents: int, say: Say) -> dict[str, Any]:
    """Measure; raises RuntimeError when there is no API server, TimeoutError when an incident does not end."""
    assets = find_or_build(progress=say)
    if not isinstance(assets, Assets):
        raise RuntimeError(f"no API server: {assets}")
    with tempfile.TemporaryDirectory() as folder, StubPrometheus() as prometheus:
        say("starting nine processes")
        with at_work(assets, prometheus.url, Path(folder)) as house:
            time.sleep(_IDLE_SECONDS)
            memory = {name: resident_mib(process.pid) for name, process in house.processes.items()}
            runs = []
            for number in range(incidents):
                runs.append(_one(house.plane, house, prometheus, f"bench-{number}"))
                say(f"incident {number + 1} of {incidents}: {runs[-1]['seconds']:.2f} s, {runs[-1]['writes']} writes")
    seconds = [one["seconds"] for one in runs]
    writes = [one["writes"] for one in runs]
    result = {
        "incidents": incidents,
        "alert_to_patch_p50_seconds": round(median(seconds), 3),
        "alert_to_patch_p99_seconds": round(percentile(seconds, 99), 3),
        "api_writes_median": median(writes),
        "api_writes_max": max(writes),
        "dry_runs_max": max(one["dry_runs"] for one in runs),
        "api_requests_median": {name: median(one["requests"][name] for one in runs) for name in sorted(memory)},
        "idle_rss_mib": memory,
    }
    result["met"] = (
        result["alert_to_patch_p50_seconds"] <= GOAL_P50_SECONDS
        and result["alert_to_patch_p99_seconds"] <= GOAL_P99_SECONDS
        and max(writes) <= GOAL_WRITES
    )
    return result


def _one(plane: ControlPlane, house: House, prometheus: StubPrometheus, namespace: str) -> dict[str, Any]:
    """A release with an image that cannot be pulled, and its rollback."""
    house.namespace(namespace)
    house.policy(namespace, namespace, limits={"maxPerHour": 1000, "maxConcurrent": 100})
    house.deploy(namespace, "web", replicas=2)
    house.wait("the first release is ready", lambda: _ready(plane, namespace))
    house.release(namespace, "web", "app:missing")
    house.wait("the bad release is seen", lambda: _broken(plane, namespace))
    prometheus.firing.add((_ALERT, namespace, "web"))
    since, sent = plane.audit_position(), datetime.now(UTC)
    house.post([alert(_ALERT, namespace, "web")], group_key=namespace)
    house.wait(
        "the patch", lambda: _phase(house, namespace) not in ("", "Diagnosing", "Planning", "Voting", "Executing")
    )
    prometheus.firing.discard((_ALERT, namespace, "web"))
    house.wait("the end", lambda: _phase(house, namespace) in ("Resolved", "Escalated", "Closed"))
    incident = house.incident(namespace)
    assert incident is not None
    outcome = incident["status"].get("outcome")
    if outcome != "Remediated":
        story = "\n".join(f"  {entry['reason']}: {entry['message']}" for entry in incident["status"]["timeline"])
        raise RuntimeError(f"{namespace} ended as {outcome}:\n{story}")
    return _read_audit(plane, namespace, since, sent)


def _read_audit(plane: ControlPlane, namespace: str, since: int, sent: datetime) -> dict[str, Any]:
    """All accepted requests of the operator that changed something in the namespace, and when it patched.

    ``requests`` by process: whatever was asked meanwhile, but for watches and Leases.
    """
    writes = dry_runs = 0
    requests: Counter[str] = Counter()
    patched: datetime | None = None
    for entry in plane.audit_entries(since=since):
        reference = entry.get("objectRef") or {}
        user = entry["user"]["username"]
        ours = user.startswith(f"system:serviceaccount:{OPERATOR_NAMESPACE}:")
        if ours and entry["verb"] != "watch" and reference.get("resource") != "leases":
            requests[user.rpartition(":")[2]] += 1
        if not ours or reference.get("namespace") != namespace or entry["verb"] in ("get", "list", "watch"):
            continue
        if (entry.get("responseStatus") or {}).get("code", 0) >= 300:
            continue
        if "dryRun=" in entry["requestURI"]:
            dry_runs += 1
            continue
        writes += 1
        if reference.get("resource") == "deployments":
            patched = datetime.fromisoformat(entry["stageTimestamp"])
    if patched is None:
        raise RuntimeError(f"{namespace}: no patch in the audit log")
    return {"seconds": (patched - sent).total_seconds(), "writes": writes, "dry_runs": dry_runs, "requests": requests}


def _ready(plane: ControlPlane, namespace: str) -> bool:
    status = plane.request("GET", f"/apis/apps/v1/namespaces/{namespace}/deployments/web").get("status", {})
    return bool(status.get("readyReplicas") == 2)


def _broken(plane: ControlPlane, namespace: str) -> bool:
    pods = plane.request("GET", f"/api/v1/namespaces/{namespace}/pods")["items"]
    states = [c.get("state", {}) for p in pods for c in p.get("status", {}).get("containerStatuses", [])]
    return any("waiting" in state for state in states)


def _phase(house: House, namespace: str) -> str:
    with contextlib.suppress(KeyError):
        incident = house.incident(namespace)
        return str(incident["status"]["phase"]) if incident else ""
    return ""
