"""A storm of alerts against a real gateway on a real API server: how fast each is acknowledged, and that none is lost.

With crds/, RBAC and admission policies as shipped. Everything is on the loopback of this machine: API server, gateway
and load share its cores, so CPU per alert is shown beside the times. Three parts: storms of several shapes; one in
which the gateway is killed; one with all nine processes running, where agents wake for every Incident. There the
others yield to the gateway (nice), as the CPU requests of a cluster make them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.accounts import account
from bench.figures import percentile
from bench.flood import Shape, Tally, flood
from bench.proc import cpu_seconds, peak_mib
from incident_commander.adapters.kubernetes import KubernetesCluster
from incident_commander.api.kinds import DEPLOYMENT, INCIDENT, NAMESPACE
from incident_commander.api.names import LABEL_MANAGED
from tests.controlplane import Assets, ControlPlane, find_or_build
from tests.controlplane.hollow_kubelet import HollowKubelet
from tests.controlplane.stub_prometheus import StubPrometheus
from tests.functional.house import House
from tests.functional.installed import install

GOAL_P99_MS = 1000.0
_SETTLE_SECONDS = 15.0
"""For Pods to be made of the Deployments, before agents look at them."""
SHAPES = (
    Shape("few-targets-20-per-post", 20, 20, 2),
    Shape("few-targets-1-per-post", 1, 20, 2),
    Shape("many-targets-20-per-post", 20, 1000, 5),
    Shape("re-sent-20-per-post", 20, 20, 2, distinct=False),
)
KILLED = Shape("gateway-killed", 20, 20, 2)
EVERYTHING = Shape("nine-processes", 20, 20, 2)
EVERY = (*SHAPES, KILLED, EVERYTHING)

Say = Callable[[str], None]


def _stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


async def run(
    *,
    alerts_per_second: int = 1000,
    seconds: int = 60,
    shapes: Sequence[Shape] = EVERY,
    say: Say = _stderr,
) -> dict[str, Any]:
    """Measure each shape, and the API server's raw create rate. Raises RuntimeError when there is no API server."""
    raw, figures = 0.0, []
    if alone := [shape for shape in shapes if shape is not EVERYTHING]:
        async with _stage(everything=False, say=say) as stage:
            raw = await raw_create_rate(stage.cluster, say)
            for shape in alone:
                say(f"{shape.name}: {alerts_per_second} alerts/s for {seconds} s")
                figures.append(await _measure(stage, shape, alerts_per_second, seconds))
                say(json.dumps(figures[-1]))
    if EVERYTHING in shapes:
        async with _stage(everything=True, say=say) as stage:
            say(f"{EVERYTHING.name}: {alerts_per_second} alerts/s for {seconds} s")
            figures.append(await _measure(stage, EVERYTHING, alerts_per_second, seconds))
            say(json.dumps(figures[-1]))
    return {
        "alerts_per_second": alerts_per_second,
        "seconds": seconds,
        "raw_creates_per_second": round(raw, 1),
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "shapes": figures,
        "met": all(met(one) for one in figures),
    }


def met(figures: dict[str, Any]) -> bool:
    """Nothing lost; every alert acknowledged in time, but where the gateway is killed: its start takes longer."""
    in_time = figures["shape"] == KILLED.name or (not figures["refused"] and figures["p99_ms"] <= GOAL_P99_MS)
    return bool(in_time and figures["lost"] == 0 and figures["again"] <= figures["sent_again"])


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


@dataclass(frozen=True)
class _Stage:
    """An API server with everything installed, and the processes that run."""

    plane: ControlPlane
    house: House
    cluster: KubernetesCluster

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far, of this and of each process; all agents as one."""
        spent = {"load": cpu_seconds(os.getpid())}
        for name in ("kube-apiserver", "etcd"):
            spent[name] = cpu_seconds(int((self.plane.folder / f"{name}.pid").read_text()))
        for name, process in self.house.processes.items():
            part = "agents" if name.startswith("agent-") else name
            spent[part] = spent.get(part, 0.0) + cpu_seconds(process.pid)
        return spent


@contextlib.asynccontextmanager
async def _stage(*, everything: bool, say: Say) -> AsyncIterator[_Stage]:
    assets = find_or_build(progress=say)
    if not isinstance(assets, Assets):
        raise RuntimeError(f"no API server: {assets}")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        plane = stack.enter_context(ControlPlane(assets, controller_manager=everything))
        prometheus = stack.enter_context(StubPrometheus())
        if everything:
            stack.enter_context(HollowKubelet(plane, period_seconds=2.0))
        install(plane)
        house = House(plane, prometheus.url, folder, yielding=10)
        house.furnish()
        cluster = await KubernetesCluster.connect(str(plane.kubeconfig), user_agent="bench")
        try:
            say("starting nine processes" if everything else "starting the gateway")
            await asyncio.to_thread(house.start, *(() if everything else ("gateway",)))
            yield _Stage(plane, house, cluster)
        finally:
            await cluster.close()
            await asyncio.to_thread(house.end)


async def _measure(stage: _Stage, shape: Shape, alerts_per_second: int, seconds: int) -> dict[str, Any]:
    await _prepare(stage.cluster, shape)
    if shape is EVERYTHING:
        await asyncio.sleep(_SETTLE_SECONDS)
    house, position, before = stage.house, stage.plane.audit_position(), stage.cpu()
    storm = flood(shape, house.ports["gateway"], house.token(), alerts_per_second=alerts_per_second, seconds=seconds)
    killing = _kill(house, seconds / 2) if shape is KILLED else asyncio.sleep(0)
    tally, _ = await asyncio.gather(storm, killing)
    after = stage.cpu()
    figures = _figures(shape, tally, await _stored(stage.cluster, shape))
    figures["api_writes"] = _writes(stage.plane, position)
    if shape is not KILLED:
        spent = {part: round((after[part] - before[part]) / tally.sent * 1000, 3) for part in after}
        figures["cpu_ms_per_alert"] = {part: spent[part] for part in sorted(spent) if spent[part]}
    figures["gateway_peak_mib"] = peak_mib(house.processes["gateway"].pid)
    return figures


async def _kill(house: House, after: float) -> None:
    """No chance to tidy up; started again as a Deployment would."""
    await asyncio.sleep(after)
    house.kill("gateway")
    await asyncio.to_thread(house.start, "gateway")


def _figures(shape: Shape, tally: Tally, incidents: Sequence[dict[str, Any]]) -> dict[str, Any]:
    latencies = [seconds * 1000 for seconds in tally.latencies]
    return {
        "shape": shape.name,
        "alerts_sent": tally.sent,
        "alerts_acknowledged": len(tally.acknowledged),
        "refused": tally.refused,
        "sent_again": tally.sent_again,
        **asdict(account(tally.acknowledged, incidents)),
        "incidents": len(incidents),
        "p50_ms": round(percentile(latencies, 50), 1),
        "p99_ms": round(percentile(latencies, 99), 1),
        "max_ms": round(max(latencies), 1),
    }


async def _prepare(cluster: KubernetesCluster, shape: Shape) -> None:
    """The shape's namespaces, opted in, and Deployments whose image cannot be pulled."""
    for number in range(shape.namespaces):
        labels = {LABEL_MANAGED: "true"}
        await cluster.create(NAMESPACE, None, {"metadata": {"name": f"{shape.name}-{number}", "labels": labels}})
    targets = iter(range(shape.targets))

    async def some() -> None:
        for target in targets:
            labels = {"app": f"d{target}"}
            pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "app:missing"}]}}
            body = {"metadata": {"name": f"d{target}"}, "spec": {"selector": {"matchLabels": labels}, "template": pod}}
            await cluster.create(DEPLOYMENT, f"{shape.name}-{target % shape.namespaces}", body)

    await asyncio.gather(*(some() for _ in range(16)))


async def _stored(cluster: KubernetesCluster, shape: Shape) -> list[dict[str, Any]]:
    namespaces = [f"{shape.name}-{number}" for number in range(shape.namespaces)]
    return [incident for namespace in namespaces for incident in await cluster.list(INCIDENT, namespace)]


def _writes(plane: ControlPlane, position: int) -> dict[str, int]:
    """Accepted writes to Incidents, by ServiceAccount; those of all agents together."""
    found: dict[str, int] = {}
    for entry in plane.audit_entries(position):
        accepted = entry["verb"] in ("create", "patch") and entry["responseStatus"]["code"] < 400
        if accepted and entry.get("objectRef", {}).get("resource") == INCIDENT.plural:
            name = entry["user"]["username"].rsplit(":", 1)[-1]
            part = "agents" if name.startswith("agent-") else name
            found[part] = found.get(part, 0) + 1
    return found


def main(arguments: Sequence[str]) -> int:
    """0 when every goal was met."""
    parser = argparse.ArgumentParser(prog="python -m bench.storm", description=__doc__)
    known = {shape.name: shape for shape in EVERY}
    parser.add_argument("--rate", type=int, default=1000, help="alerts per second")
    parser.add_argument("--seconds", type=int, default=60, help="for each shape")
    parser.add_argument("--shape", choices=known, action="append", help="only these")
    options = parser.parse_args(arguments)
    shapes = [known[name] for name in options.shape or known]
    result = asyncio.run(run(alerts_per_second=options.rate, seconds=options.seconds, shapes=shapes))
    print(json.dumps(result, indent=2))
    return 0 if result["met"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
