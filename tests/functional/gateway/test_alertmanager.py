"""A real Alertmanager sends to the gateway: what it sends is understood, and what it cannot deliver it sends again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import socket
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from incident_commander.api.incident import AlertStatus
from incident_commander.intake.fingerprint import fingerprint
from tests.controlplane import debian
from tests.functional.gateway.gateways import Scene, gateways
from tests.functional.installed import Installed

pytestmark = pytest.mark.apiserver
PROGRAM = "prometheus-alertmanager"


@pytest.fixture(scope="session")
def alertmanager_program() -> str:
    if shutil.which(PROGRAM) is None:
        try:
            debian.install([PROGRAM])
        except debian.InstallError as error:
            pytest.skip(f"no Alertmanager here: {error}")
    return PROGRAM


@pytest.fixture
def scene(installed_cluster: Installed, installed_namespace: str) -> Scene:
    return Scene(installed_cluster, installed_namespace)


class Alertmanager:
    def __init__(self, url: str) -> None:
        self._http = httpx.AsyncClient(base_url=url, timeout=30)

    async def fire(self, labels: dict[str, str], *, over: bool = False) -> None:
        """What a Prometheus would send."""
        now = datetime.now(UTC)
        alert = {
            "labels": labels,
            "annotations": {"summary": "it is down"},
            "startsAt": (now - timedelta(minutes=5)).isoformat(),
            "endsAt": (now - timedelta(seconds=1) if over else now + timedelta(minutes=5)).isoformat(),
            "generatorURL": "http://prometheus.example/graph",
        }
        (await self._http.post("/api/v2/alerts", json=[alert])).raise_for_status()

    async def ready(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return (await self._http.get("/-/ready")).status_code == 200
        return False

    async def failures(self) -> float:
        lines = (await self._http.get("/metrics")).text.splitlines()
        wanted = 'alertmanager_notification_requests_failed_total{integration="webhook"}'
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(wanted))

    async def close(self) -> None:
        await self._http.aclose()


@contextlib.asynccontextmanager
async def alertmanager(program: str, folder: Path, target: str, token: str) -> AsyncIterator[Alertmanager]:
    """One that sends to ``target``."""
    port = _free_port()
    webhook = {"url": f"{target}/api/v1/alerts", "send_resolved": True}
    webhook |= {"http_config": {"authorization": {"credentials": token}}}
    route = {"receiver": "gateway", "group_by": ["alertname"], "group_wait": "0s", "group_interval": "1s"}
    config = {"route": route, "receivers": [{"name": "gateway", "webhook_configs": [webhook]}]}
    (folder / "alertmanager.yml").write_text(json.dumps(config))
    command = [program, f"--config.file={folder / 'alertmanager.yml'}", f"--storage.path={folder / 'data'}"]
    command += ["--cluster.listen-address=", f"--web.listen-address=127.0.0.1:{port}"]
    with (folder / "alertmanager.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
        )
    it = Alertmanager(f"http://127.0.0.1:{port}")
    try:
        await eventually(it.ready)
        yield it
    finally:
        await it.close()
        process.kill()
        await process.wait()


async def eventually(check: Callable[[], Any], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        answer = check()
        if asyncio.iscoroutine(answer):
            answer = await answer
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not true within {seconds} s"
        await asyncio.sleep(0.2)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


async def test_an_alert_goes_through_from_firing_to_resolved(
    scene: Scene, alertmanager_program: str, tmp_path: Path
) -> None:
    labels = {"alertname": "DeploymentDown", "namespace": scene.namespace, "deployment": "api", "severity": "critical"}
    async with (
        gateways(scene.plane) as [gateway],
        alertmanager(alertmanager_program, tmp_path, gateway.url, scene.token) as sender,
    ):
        await sender.fire(labels)
        [stored] = await eventually(scene.incidents)
        [recorded] = stored.spec.alerts
        assert recorded.labels == labels
        assert recorded.fingerprint == fingerprint(labels)
        assert recorded.status is AlertStatus.FIRING
        assert stored.spec.group_key == '{}:{alertname="DeploymentDown"}'

        await sender.fire(labels, over=True)
        await eventually(lambda: scene.incidents()[0].spec.alerts[0].status is AlertStatus.RESOLVED)
        assert scene.incidents()[0].spec.alerts[0].ends_at is not None


async def test_what_the_api_server_could_not_store_is_sent_again(
    scene: Scene, alertmanager_program: str, tmp_path: Path
) -> None:
    async with (
        gateways(scene.plane) as [gateway],
        alertmanager(alertmanager_program, tmp_path, gateway.url, scene.token) as sender,
    ):
        await asyncio.to_thread(scene.plane.stop_apiserver)
        for number in range(3):
            labels = {"alertname": f"Down{number}", "namespace": scene.namespace, "deployment": "api"}
            await sender.fire(labels)
        await eventually(sender.failures)
        await asyncio.to_thread(scene.plane.restart_apiserver)
        await eventually(lambda: scene.accounted() == 3)
    assert len(scene.incidents()) == 1
