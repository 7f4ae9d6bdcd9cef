"""A storm of alerts against a real gateway on a real API server: how fast each is acknowledged, and that none is lost.

Everything is on the loopback of this machine: API server, gateway and load share its cores.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import math
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from bench.figures import percentile
from bench.flood import Shape, Tally, flood
from incident_commander.adapters.kubernetes import KubernetesCluster
from incident_commander.api.kinds import DEPLOYMENT, INCIDENT, NAMESPACE, SERVICE_ACCOUNT
from incident_commander.api.names import OPERATOR_NAMESPACE
from tests.controlplane import Assets, ControlPlane, find_or_build
from tests.functional.installed import install

COMMAND = Path(sys.executable).parent / "incident-commander"
SENDER = "alertmanager"
GOAL_P99_MS = 1000.0
SHAPES = (
    Shape("few-targets-20-per-post", 20, 20, 2),
    Shape("few-targets-1-per-post", 1, 20, 2),
    Shape("many-targets-20-per-post", 20, 1000, 5),
    Shape("re-sent-20-per-post", 20, 20, 2, distinct=False),
)
_READY_SECONDS = 60.0

Say = Callable[[str], None]


def _stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


async def run(
    *, alerts_per_second: int = 1000, seconds: int = 60, shapes: Sequence[Shape] = SHAPES, say: Say = _stderr
) -> dict[str, Any]:
    """Measure each shape, and the API server's raw create rate. Raises RuntimeError when there is no API server."""
    assets = find_or_build(progress=say)
    if not isinstance(assets, Assets):
        raise RuntimeError(f"no API server: {assets}")
    with ControlPlane(assets, controller_manager=False) as plane:
        install(plane)
        cluster = await KubernetesCluster.connect(str(plane.kubeconfig), user_agent="bench")
        try:
            token = _sender(plane)
            raw = await raw_create_rate(cluster, say)
            measured = []
            async with _gateway(plane, say) as (pid, port):
                idle = _memory(pid)["VmRSS"]
                for shape in shapes:
                    say(f"{shape.name}: {alerts_per_second} alerts/s for {seconds} s")
                    await _prepare(cluster, shape)
                    position, cpu = plane.audit_position(), _cpu_seconds(pid)
                    tally = await flood(shape, port, token, alerts_per_second=alerts_per_second, seconds=seconds)
                    figures = _figures(shape, tally, await _stored(cluster, shape))
                    figures["api_writes"] = _writes(plane, position)
                    figures["gateway_cpu_ms_per_alert"] = round((_cpu_seconds(pid) - cpu) / tally.sent * 1000, 2)
                    figures["gateway_peak_mib"] = _memory(pid)["VmHWM"]
                    say(json.dumps(figures))
                    measured.append(figures)
        finally:
            await cluster.close()
    return {
        "alerts_per_second": alerts_per_second,
        "seconds": seconds,
        "raw_creates_per_second": round(raw, 1),
        "gateway_idle_mib": idle,
        "shapes": measured,
        "met": all(one["lost"] == 0 and not one["refused"] and one["p99_ms"] <= GOAL_P99_MS for one in measured),
    }


async def raw_create_rate(cluster: KubernetesCluster, say: Say, *, count: int = 1000, at_a_time: int = 16) -> float:
    """Incidents per second that the API server stores when nothing else is asked of it."""
    await cluster.create(NAMESPACE, None, {"metadata": {"name": "raw-0"}})
    shape = Shape("raw", 1, count, 1)
    numbers = iter(range(count))

    async def some() -> None:
        for number in numbers:
            alert = {key: value for key, value in shape.alert(number).items() if key != "endsAt"}
            target = {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "raw-0", "name": f"d{number}"}
            spec = {"alerts": [alert], "severity": "Warning", "targetRef": target}
            body = {"apiVersion": INCIDENT.api_version, "kind": INCIDENT.kind, "spec": spec}
            await cluster.create(INCIDENT, "raw-0", body | {"metadata": {"name": f"raw-{number}"}})

    started = time.perf_counter()
    await asyncio.gather(*(some() for _ in range(at_a_time)))
    rate = count / (time.perf_counter() - started)
    say(f"raw create rate: {rate:.0f} Incidents/s ({at_a_time} at a time)")
    return rate


def _figures(shape: Shape, tally: Tally, incidents: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """``lost``: acknowledged alerts that are neither recorded nor counted; ``exact``: none is counted twice either."""
    recorded = [alert["fingerprint"] for incident in incidents for alert in incident["spec"]["alerts"]]
    counted = sum(incident["spec"].get("omittedAlerts", 0) for incident in incidents)
    missing = len(tally.acknowledged - set(recorded))
    latencies = [seconds * 1000 for seconds in tally.latencies] or [math.inf]
    return {
        "shape": shape.name,
        "alerts_sent": tally.sent,
        "alerts_acknowledged": len(tally.acknowledged),
        "refused": tally.refused,
        "recorded": len(recorded),
        "counted": counted,
        "lost": max(0, missing - counted),
        "exact": len(recorded) + counted == len(tally.acknowledged),
        "incidents": len(incidents),
        "p50_ms": round(percentile(latencies, 50), 1),
        "p99_ms": round(percentile(latencies, 99), 1),
        "max_ms": round(max(latencies), 1),
    }


@contextlib.asynccontextmanager
async def _gateway(plane: ControlPlane, say: Say) -> AsyncIterator[tuple[int, int]]:
    """The gateway as users run it, with its own ServiceAccount, in a process of its own: process id and port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    kubeconfig = plane.kubeconfig_for(f"{OPERATOR_NAMESPACE}/gateway")
    options = ["--kubeconfig", str(kubeconfig), "--gateway-bind", f"127.0.0.1:{port}", "--log-level", "warning"]
    process = await asyncio.create_subprocess_exec(COMMAND, "gateway", *options, stdin=asyncio.subprocess.DEVNULL)
    try:
        await _until_ready(process, port)
        say(f"gateway is ready, {_memory(process.pid)['VmRSS']} MiB")
        yield process.pid, port
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _until_ready(process: asyncio.subprocess.Process, port: int) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        if process.returncode is not None:
            raise RuntimeError(f"the gateway ended with {process.returncode} instead of becoming ready")
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /readyz HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n")
            answer = await reader.read()
            writer.close()
            if answer.startswith(b"HTTP/1.1 200"):
                return
        await asyncio.sleep(0.1)
    raise RuntimeError(f"the gateway was not ready within {_READY_SECONDS:.0f} s")


def _sender(plane: ControlPlane) -> str:
    """The token of a ServiceAccount that may send alerts."""
    plane.request("POST", SERVICE_ACCOUNT.path(OPERATOR_NAMESPACE), {"metadata": {"name": SENDER}})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "incident-reporter"}
    subject = {"kind": "ServiceAccount", "name": SENDER, "namespace": OPERATOR_NAMESPACE}
    body = {"metadata": {"name": f"bench-{SENDER}"}, "roleRef": reference, "subjects": [subject]}
    plane.request("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", body)
    kubeconfig = yaml.safe_load(plane.kubeconfig_for(f"{OPERATOR_NAMESPACE}/{SENDER}").read_text())
    token: str = kubeconfig["users"][0]["user"]["token"]
    return token


async def _prepare(cluster: KubernetesCluster, shape: Shape) -> None:
    """The shape's namespaces and Deployments."""
    for number in range(shape.namespaces):
        await cluster.create(NAMESPACE, None, {"metadata": {"name": f"{shape.name}-{number}"}})
    targets = iter(range(shape.targets))

    async def some() -> None:
        for target in targets:
            labels = {"app": f"d{target}"}
            pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "local/app"}]}}
            body = {"metadata": {"name": f"d{target}"}, "spec": {"selector": {"matchLabels": labels}, "template": pod}}
            await cluster.create(DEPLOYMENT, f"{shape.name}-{target % shape.namespaces}", body)

    await asyncio.gather(*(some() for _ in range(16)))


async def _stored(cluster: KubernetesCluster, shape: Shape) -> list[dict[str, Any]]:
    namespaces = [f"{shape.name}-{number}" for number in range(shape.namespaces)]
    return [incident for namespace in namespaces for incident in await cluster.list(INCIDENT, namespace)]


def _writes(plane: ControlPlane, position: int) -> int:
    return sum(
        entry["verb"] in ("create", "patch") and entry["responseStatus"]["code"] < 400
        for entry in plane.audit_entries(position)
        if entry.get("objectRef", {}).get("resource") == INCIDENT.plural
    )


def _memory(pid: int) -> dict[str, float]:
    """VmRSS (now) and VmHWM (highest so far), in MiB."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {name: round(int(fields[name].split()[0]) / 1024, 1) for name in ("VmRSS", "VmHWM")}


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(arguments: Sequence[str]) -> int:
    """0 when every goal was met."""
    parser = argparse.ArgumentParser(prog="python -m bench.storm", description=__doc__)
    parser.add_argument("--rate", type=int, default=1000, help="alerts per second")
    parser.add_argument("--seconds", type=int, default=60, help="for each shape")
    parser.add_argument("--shape", choices=[shape.name for shape in SHAPES], action="append", help="only these")
    options = parser.parse_args(arguments)
    shapes = [shape for shape in SHAPES if not options.shape or shape.name in options.shape]
    result = asyncio.run(run(alerts_per_second=options.rate, seconds=options.seconds, shapes=shapes))
    print(json.dumps(result, indent=2))
    return 0 if result["met"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
