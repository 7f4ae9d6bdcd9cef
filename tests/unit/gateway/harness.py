"""A gateway over the in-memory API server, spoken to over ASGI."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
from fastapi import FastAPI

from incident_commander import errors
from incident_commander.api.incident import Incident
from incident_commander.api.kinds import DEPLOYMENT, INCIDENT, NAMESPACE, POD, REPLICA_SET, Kind
from incident_commander.api.names import OPERATOR_NAMESPACE
from incident_commander.gateway.app import create_app
from incident_commander.gateway.reviewer import Reviewer, User
from incident_commander.gateway.settings import Authentication, GatewaySettings
from incident_commander.ports import Object
from incident_commander.rehearsal.apiserver import ApiServer
from incident_commander.rehearsal.clock import VirtualClock
from incident_commander.rehearsal.cluster import Audit, RehearsedCluster
from incident_commander.rehearsal.faults import Faults
from incident_commander.rehearsal.identities import service_account

OPEN = GatewaySettings(authentication=Authentication.NONE)


class NoLogs:
    def read(self, namespace: str, pod: str, container: str, *, previous: bool) -> list[str]:
        raise errors.NotFound("no kubelet here")


class Yielding(RehearsedCluster):
    """Every request lets others run before and after it, as a network does."""

    async def list(self, *args: Any, **more: Any) -> list[Object]:
        await asyncio.sleep(0)
        found = await super().list(*args, **more)
        await asyncio.sleep(0)
        return found

    async def get(self, *args: Any, **more: Any) -> Object:
        await asyncio.sleep(0)
        found = await super().get(*args, **more)
        await asyncio.sleep(0)
        return found

    async def create(self, *args: Any, **more: Any) -> Object:
        await asyncio.sleep(0)
        stored = await super().create(*args, **more)
        await asyncio.sleep(0)
        return stored

    async def patch(self, *args: Any, **more: Any) -> Object:
        await asyncio.sleep(0)
        stored = await super().patch(*args, **more)
        await asyncio.sleep(0)
        return stored


class Patient(VirtualClock):
    """Whoever sleeps lets all others come as far as they can."""

    async def sleep(self, seconds: float) -> None:
        for _ in range(500):
            await asyncio.sleep(0)
        await super().sleep(seconds)


class Bench:
    """An API server with two namespaces and a Deployment, and gateways in front of it."""

    def __init__(self, clock: VirtualClock | None = None) -> None:
        self.clock = clock or VirtualClock()
        self.api = ApiServer(self.clock, random.Random(0))
        self.audit = Audit()
        self.faults = Faults()
        for name in ("shop", OPERATOR_NAMESPACE):
            self.api.create(NAMESPACE, None, {"metadata": {"name": name}})
        self.deployment("api")

    def cluster(self) -> RehearsedCluster:
        return Yielding(self.api, NoLogs(), self.audit, self.faults, random.Random(1), service_account("gateway"))

    def app(self, settings: GatewaySettings = OPEN, reviewer: Reviewer | None = None) -> FastAPI:
        return create_app(self.cluster(), reviewer, self.clock, settings)

    def deployment(self, name: str, namespace: str = "shop") -> Object:
        return self._workload(DEPLOYMENT, namespace, name, None)

    def pod_of(self, deployment: Object, replica_set: str, name: str) -> None:
        above = self.api.store.get(REPLICA_SET, deployment["metadata"]["namespace"], replica_set)
        if above is None:
            above = self._workload(REPLICA_SET, deployment["metadata"]["namespace"], replica_set, deployment)
        self._workload(POD, deployment["metadata"]["namespace"], name, above)

    def _workload(self, kind: Kind, namespace: str, name: str, owner: Object | None) -> Object:
        labels = {"app": name}
        pod = {"containers": [{"name": "app", "image": "local/app"}]}
        template = {"metadata": {"labels": labels}, "spec": pod}
        spec = pod if kind == POD else {"selector": {"matchLabels": labels}, "template": template}
        body: Object = {"metadata": {"name": name, "labels": labels}, "spec": spec}
        if owner is not None:
            reference = {key: owner[key] for key in ("apiVersion", "kind")}
            reference |= {key: owner["metadata"][key] for key in ("name", "uid")}
            body["metadata"]["ownerReferences"] = [{**reference, "controller": True}]
        return self.api.create(kind, namespace, body)

    def incidents(self, namespace: str | None = None) -> list[Incident]:
        found = [Incident.model_validate(obj) for obj in self.api.list(INCIDENT, namespace, None, None)]
        return sorted(found, key=lambda incident: incident.key)

    def writes(self) -> int:
        return len(self.audit.writes(resource=INCIDENT.resource))

    def accounted(self) -> int:
        return sum(len(one.spec.alerts) + one.spec.omitted_alerts for one in self.incidents())

    def set_phase(self, phase: str, **status: Any) -> None:
        for obj in self.api.list(INCIDENT, None, None, None):
            self.api.change_status(INCIDENT, obj, {"phase": phase, **status})


class Reviews:
    """A reviewer that knows some tokens and what they may do."""

    def __init__(self, **rights: list[str]) -> None:
        self.rights = rights

    async def authenticate(self, token: str) -> User | None:
        return User(token, token) if token in self.rights else None

    async def may_create(self, user: User, namespace: str) -> bool:
        return namespace in self.rights[user.name]


def alert(
    number: int = 0, *, at: str = "2026-01-31T12:00:00Z", resolved: bool = False, **labels: str
) -> dict[str, Any]:
    """Alert ``number`` about the Deployment ``shop/api``, unless labels say otherwise."""
    about = labels or {"namespace": "shop", "deployment": "api"}
    return {
        "status": "resolved" if resolved else "firing",
        "labels": {"alertname": "Down", "severity": "warning"} | about,
        "annotations": {"summary": "it is down"},
        "startsAt": at,
        "endsAt": "2026-01-31T13:00:00Z" if resolved else "0001-01-01T00:00:00Z",
        "fingerprint": f"{number:016x}",
    }


def webhook(*alerts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"version": "4", "groupKey": '{}:{alertname="Down"}', "alerts": list(alerts)} | more


def client(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway")


async def post(app: FastAPI, *alerts: dict[str, Any], token: str = "", **more: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with client(app) as http:
        return await http.post("/api/v1/alerts", json=webhook(*alerts, **more), headers=headers)


def fates(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [one["fate"] for one in response.json()["alerts"]]


async def raw(
    app: FastAPI,
    chunks: AsyncIterator[bytes],
    headers: dict[str, str],
) -> tuple[int, dict[str, str], Any]:
    """A POST whose body is given chunk by chunk to the application."""
    answer: dict[str, Any] = {"body": b""}

    async def receive() -> dict[str, Any]:
        try:
            return {"type": "http.request", "body": await anext(chunks), "more_body": True}
        except StopAsyncIteration:
            return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.update(message)
        else:
            answer["body"] += message.get("body", b"")

    told = {"content-type": "application/json"} | headers
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/api/v1/alerts",
        "raw_path": b"/api/v1/alerts",
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
        "headers": [(name.encode(), value.encode()) for name, value in told.items()],
    }
    function: Callable[..., Any] = app
    await function(scope, receive, send)
    answered = {k.decode(): v.decode() for k, v in answer["headers"]}
    return answer["status"], answered, json.loads(answer["body"])
