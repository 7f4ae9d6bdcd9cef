"""The operator as users install it: the image built from the Dockerfile, the chart, pods on the cluster's node."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from charts.helm import CHART
from e2e.cluster.parts import layout
from e2e.harness.api import Api, Json
from e2e.harness.commands import run
from e2e.harness.install import uninstall
from e2e.harness.streaming import stream
from e2e.harness.waiting import Failure, NotYet, Teller, wait_for
from incident_commander.api.names import OPERATOR_NAMESPACE, ROLES

RELEASE = "incident-commander"
IMAGE = "docker.io/local/incident-commander:e2e"
PROMETHEUS = "http://prometheus.monitoring:9090"
COMPONENTS = ("gateway", "coordinator", "executor", *(f"agent-{role}" for role in ROLES))
_SETTINGS = (
    f"image.repository={IMAGE.rpartition(':')[0]}",
    f"image.tag={IMAGE.rpartition(':')[2]}",
    f"prometheus.url={PROMETHEUS}",
    "metrics.scrapeAnnotations=true",
)
_BUILD_SECONDS = 20 * 60
_HELM_SECONDS = 300
_READY_SECONDS = 120
_CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/incidents.incidentcommander.io"
_PODS = f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/pods"


async def have_image(say: Teller, name: str = IMAGE) -> None:
    """Build the Dockerfile as users do, and give it to the node."""
    say(f"building {name} of the Dockerfile")
    command = [str(layout.HERE / "load-image"), name, "--build", str(CHART.parents[1])]
    if code := await stream(*command, seconds=_BUILD_SECONDS):
        raise Failure(f"the image was not built (exit code {code}); the reason is above")


async def helm(*arguments: str, check: bool = True) -> str:
    """Run Helm against KUBECONFIG's cluster; answers what it printed."""
    binaries = await run(str(layout.HERE / "binaries"), "helm", seconds=_BUILD_SECONDS)
    ran = await run(f"{binaries.out.strip()}/helm", *arguments, seconds=_HELM_SECONDS + 30, check=check)
    return ran.out


async def make_room(api: Api, say: Teller) -> None:
    """Remove what an earlier run installed, by Helm or not: Helm takes over nothing that is not its own."""
    await remove_release(api, say)
    await uninstall(api, say)

    async def gone() -> None:
        if await api.find(_CRD) is not None:
            raise NotYet("the CRDs are being deleted, with their Incidents")

    await wait_for("the CRDs of an earlier run to be gone", gone, seconds=60, say=say)


async def remove_release(api: Api, say: Teller) -> None:
    """Remove what an earlier run with the chart left on a kept cluster: its pods would act beside ours.

    Returns when they have ended. They outlive their rights by up to their grace period, and what they ask meanwhile is
    refused.
    """
    secrets = f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/secrets"
    if not await api.items(secrets, labelSelector=f"owner=helm,name={RELEASE}"):
        return
    say(f"uninstalling the release {RELEASE} of an earlier run")
    await helm("uninstall", RELEASE, "--namespace", OPERATOR_NAMESPACE, "--wait", f"--timeout={_HELM_SECONDS}s")

    async def ended() -> None:
        pods = await api.items(_PODS, labelSelector=f"app.kubernetes.io/instance={RELEASE}")
        if pods:
            raise NotYet(f"{len(pods)} pods are ending")

    await wait_for("the pods of that release to end", ended, seconds=_READY_SECONDS, say=say)


async def install(say: Teller, chart: Path = CHART, settings: Sequence[str] = ()) -> None:
    """`helm upgrade --install` until every pod is ready."""
    say(f"installing the chart {chart.name}")
    given = [part for setting in (*_SETTINGS, *settings) for part in ("--set", setting)]
    await helm(
        "upgrade",
        "--install",
        RELEASE,
        str(chart),
        "--namespace",
        OPERATOR_NAMESPACE,
        *given,
        "--wait",
        f"--timeout={_HELM_SECONDS}s",
    )


@dataclass
class Release:
    """What runs: the pods of the release. Starting and killing them is as in ``harness.operator``."""

    api: Api
    gateway: str = f"http://gateway.{OPERATOR_NAMESPACE}.svc:8080"
    """As Alertmanager reaches it, which uses the cluster's DNS."""
    killed: dict[str, int] = field(default_factory=dict)
    """How often each container was killed by us: restarts beyond that are trouble."""

    @property
    def scraped(self) -> Sequence[str]:
        """None: the pods are annotated."""
        return []

    @property
    def in_pods(self) -> bool:
        """Yes."""
        return True

    async def start(self, say: Teller) -> None:
        """Wait until every pod is ready: the kubelet starts what was killed."""
        await wait_for("the operator's pods to be ready", self._ready, seconds=_READY_SECONDS, say=say)
        say("the operator is ready")

    async def kill(self, say: Teller) -> None:
        """SIGKILL the process of each container, which the kubelet then starts again."""
        found = await _processes_of_containers()
        if not found:
            raise Failure(f"no container runs in namespace {OPERATOR_NAMESPACE}")
        for name, process in found:
            self.killed[name] = self.killed.get(name, 0) + 1
            os.kill(process, signal.SIGKILL)
        say(f"killed {len(found)} containers")

    async def end(self) -> None:
        """Pods end with their cluster, or with the release."""

    async def alive(self) -> None:
        """Raises ``Failure`` when a container has ended by itself."""
        restarts = _restarts(await self._pods())
        ended = {name: count for name, count in restarts.items() if count > self.killed.get(name, 0)}
        if ended:
            raise Failure(f"containers have ended by themselves (restarts): {ended}")

    async def tails(self, lines: int) -> Mapping[str, str]:
        """The last lines of each component's log."""

        async def tail(component: str) -> str:
            command = ["kubectl", "logs", f"--namespace={OPERATOR_NAMESPACE}", f"deployment/{component}"]
            return (await run(*command, f"--tail={lines}", check=False)).said

        return dict(zip(COMPONENTS, await asyncio.gather(*map(tail, COMPONENTS)), strict=True))

    async def _pods(self) -> list[Json]:
        return await self.api.items(_PODS, labelSelector=f"app.kubernetes.io/instance={RELEASE}")

    async def _ready(self) -> None:
        pods = [pod for pod in await self._pods() if "deletionTimestamp" not in pod["metadata"]]
        waiting = [
            pod["metadata"]["name"]
            for pod in pods
            if not any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))
            or any("running" not in s.get("state", {}) for s in pod["status"].get("containerStatuses", []))
        ]
        # Just after a kill the API server does not know of it yet.
        restarts = _restarts(pods)
        waiting += [name for name, count in self.killed.items() if restarts.get(name, 0) < count]
        if waiting or len(pods) < len(COMPONENTS):
            raise NotYet(f"{len(pods)} pods, not ready: {', '.join(waiting) or 'none'}")


def _restarts(pods: Sequence[Json]) -> dict[str, int]:
    """How often each container was started again, by its name."""
    found: dict[str, int] = {}
    for pod in pods:
        for status in pod["status"].get("containerStatuses", []):
            found[status["name"]] = found.get(status["name"], 0) + status["restartCount"]
    return found


async def _processes_of_containers() -> list[tuple[str, int]]:
    """Name and process id, on this machine, of each container of the operator."""
    ctr = ["ctr", "--address", str(layout.CONTAINERD_SOCKET), "--namespace", "k8s.io"]
    wanted = f'labels."io.kubernetes.pod.namespace"=={OPERATOR_NAMESPACE},labels."io.cri-containerd.kind"==container'
    ids = (await run(*ctr, "containers", "list", "--quiet", wanted)).out.split()
    tasks = [line.split() for line in (await run(*ctr, "tasks", "list")).out.splitlines()[1:]]
    running = {task: int(process) for task, process, status in tasks if status == "RUNNING"}
    found = []
    for container in ids:
        if container in running:
            info = json.loads((await run(*ctr, "containers", "info", container)).out)
            found.append((info["Labels"]["io.kubernetes.container.name"], running[container]))
    return found
