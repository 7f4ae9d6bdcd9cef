"""Gateways on ports of their own, with the gateway's ServiceAccount, before a real API server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import httpx
import yaml

from incident_commander.adapters.clock import SystemClock
from incident_commander.adapters.kubernetes import KubernetesCluster
from incident_commander.api.incident import Incident
from incident_commander.api.kinds import DEPLOYMENT, INCIDENT, SERVICE_ACCOUNT
from incident_commander.api.names import OPERATOR_NAMESPACE
from incident_commander.gateway.app import create_app
from incident_commander.gateway.reviewer import ClusterReviewer
from incident_commander.gateway.server import server
from incident_commander.gateway.settings import GatewaySettings
from tests.controlplane import ControlPlane
from tests.functional.installed import MERGE_PATCH, Installed

REPORTER = "incident-reporter"


class Gateway:
    """One replica."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._http = httpx.AsyncClient(base_url=self.url, timeout=60)

    async def post(self, token: str, *alerts: dict[str, Any], **more: Any) -> httpx.Response:
        body = {"version": "4", "groupKey": '{}:{alertname="Down"}', "alerts": list(alerts)} | more
        return await self._http.post("/api/v1/alerts", json=body, headers={"Authorization": f"Bearer {token}"})

    async def get(self, path: str) -> httpx.Response:
        return await self._http.get(path)

    async def close(self) -> None:
        await self._http.aclose()


@contextlib.asynccontextmanager
async def gateways(plane: ControlPlane, count: int = 1) -> AsyncIterator[list[Gateway]]:
    """So many replicas, each with caches, limits and connections of its own."""
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(_gateway(plane)) for _ in range(count)]


@contextlib.asynccontextmanager
async def _gateway(plane: ControlPlane) -> AsyncIterator[Gateway]:
    settings = GatewaySettings(port=0)
    cluster = await KubernetesCluster.connect(str(plane.kubeconfig_for(f"{OPERATOR_NAMESPACE}/gateway")))
    clock = SystemClock()
    web = server(create_app(cluster, ClusterReviewer(cluster, clock, settings), clock, settings), settings)
    serving = asyncio.create_task(web.serve())
    while not web.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    gateway = Gateway(int(web.servers[0].sockets[0].getsockname()[1]))
    try:
        yield gateway
    finally:
        await gateway.close()
        web.should_exit = True
        await serving
        await cluster.close()


class Scene:
    """A namespace with a Deployment, and a ServiceAccount that may report Incidents there."""

    def __init__(self, cluster: Installed, namespace: str) -> None:
        self.plane = cluster.plane
        self._coordinator = cluster.service_account("coordinator")
        self.namespace = namespace
        self.deployment("api")
        self.token = self.account("alertmanager", reporter=True)

    def account(self, name: str, *, reporter: bool) -> str:
        """A ServiceAccount's token."""
        self.plane.request("POST", SERVICE_ACCOUNT.path(self.namespace), {"metadata": {"name": name}})
        if reporter:
            self.let_report(name, self.namespace)
        user = yaml.safe_load(self.plane.kubeconfig_for(f"{self.namespace}/{name}").read_text())["users"][0]["user"]
        token: str = user["token"]
        return token

    def let_report(self, name: str, where: str) -> None:
        """The ServiceAccount may report Incidents in that namespace."""
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": REPORTER}
        subject = {"kind": "ServiceAccount", "name": name, "namespace": self.namespace}
        body = {"metadata": {"name": name}, "roleRef": reference, "subjects": [subject]}
        self.plane.request("POST", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{where}/rolebindings", body)

    def deployment(self, name: str, replicas: int = 0) -> None:
        labels = {"app": name}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "local/app"}]}}
        spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
        self.plane.request("POST", DEPLOYMENT.path(self.namespace), {"metadata": {"name": name}, "spec": spec})

    def alert(
        self, number: int = 0, labels: Mapping[str, str] | None = None, *, resolved: bool = False
    ) -> dict[str, Any]:
        """Alert ``number`` about the Deployment, unless labels say otherwise."""
        about = labels or {"deployment": "api"}
        return {
            "status": "resolved" if resolved else "firing",
            "labels": {"alertname": "Down", "severity": "critical", "namespace": self.namespace, **about},
            "annotations": {"summary": "it is down"},
            "startsAt": "2026-01-31T12:00:00.123Z",
            "endsAt": "2026-01-31T13:00:00Z" if resolved else "0001-01-01T00:00:00Z",
            "fingerprint": f"{number:016x}",
        }

    def incidents(self) -> list[Incident]:
        found = self.plane.request("GET", INCIDENT.path(self.namespace))["items"]
        return [Incident.model_validate(item) for item in found]

    def accounted(self) -> int:
        return sum(len(one.spec.alerts) + one.spec.omitted_alerts for one in self.incidents())

    def set_phase(self, phase: str) -> None:
        """As the coordinator would."""
        for incident in self.incidents():
            path = INCIDENT.path(self.namespace, incident.metadata.name, "status")
            self._coordinator.request("PATCH", path, {"status": {"phase": phase}}, MERGE_PATCH)


def fates(response: httpx.Response) -> Sequence[str]:
    assert response.status_code == 200, response.text
    return [one["fate"] for one in response.json()["alerts"]]
