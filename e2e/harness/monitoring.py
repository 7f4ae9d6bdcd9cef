"""Prometheus and Alertmanager: what they say, and where they send it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import yaml

from e2e.cluster.parts import layout
from e2e.harness.api import Json
from e2e.harness.cluster import MONITORING
from e2e.harness.commands import run
from e2e.harness.waiting import Failure, NotYet, Teller, wait_for
from incident_commander.api.names import OPERATOR_NAMESPACE

_TIMEOUT = aiohttp.ClientTimeout(total=10)


@dataclass(frozen=True)
class Monitoring:
    """``private`` is a folder for what nobody else may read; ``reload`` makes both read theirs from a folder."""

    private: Path
    reload: Callable[[Path], Awaitable[None]]
    prometheus: str
    alertmanager: str

    async def alerts(self, namespace: str, nodes: Sequence[str] = ()) -> list[str]:
        """Pending and firing alerts of a namespace and of nodes, as Prometheus has them."""
        found = await self._ask("alerts")
        return [
            f"{alert['labels']['alertname']} {alert['state']}"
            for alert in found["data"]["alerts"]
            if alert["labels"].get("namespace") == namespace or alert["labels"].get("node") in nodes
        ]

    async def ready(self, say: Teller) -> None:
        """Wait until Prometheus has something from every kind of source."""

        async def scraped() -> None:
            found = await self._ask("query", query="sum by (job) (up)")
            up = {s["metric"].get("job", ""): float(s["value"][1]) for s in found["data"]["result"]}
            if not up.get("kube-state-metrics") or not up.get("kubelet"):
                raise NotYet(f"scrape targets that are up: {up or 'none'}")

        await wait_for("Prometheus to scrape kube-state-metrics and the kubelet", scraped, seconds=60, say=say)

    async def _ask(self, what: str, **query: str) -> Json:
        url = f"{self.prometheus}/api/v1/{what}"
        try:
            async with aiohttp.ClientSession(timeout=_TIMEOUT) as session, session.get(url, params=query) as answer:
                found: Json = await answer.json()
                return found
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Failure(f"{url}: {error or type(error).__name__}") from error

    async def send_to_gateway(
        self, gateway: str, token: str, namespaces: Sequence[str], nodes: Sequence[str], scraped: Sequence[str]
    ) -> None:
        """Point Alertmanager at the gateway: the suite's rules, and a route for these namespaces and nodes only.

        ``scraped``: addresses (host:port) of the operator's processes, for Prometheus.
        """
        folder = self.private / "monitoring"
        folder.mkdir(mode=0o700, exist_ok=True)
        shutil.copytree(MONITORING / "prometheus-rules", folder / "prometheus-rules", dirs_exist_ok=True)
        targets = folder / "scrape-targets"
        targets.mkdir(exist_ok=True)
        own = [{"targets": list(scraped), "labels": {"namespace": OPERATOR_NAMESPACE}}]
        (targets / "operator.json").write_text(json.dumps(own))
        secret = folder / "gateway-token"
        secret.touch(mode=0o600)
        secret.write_text(token)
        (folder / "alertmanager.yml").write_text(yaml.safe_dump(configuration(gateway, secret, namespaces, nodes)))
        await self.reload(folder)

    async def send_to_nobody(self) -> None:
        """Take the gateway out again: its token and its folder are about to go."""
        await self.reload(MONITORING)


def of_local_cluster(private: Path) -> Monitoring:
    """The local cluster's own."""

    async def reload(folder: Path) -> None:
        await run(str(layout.HERE / "reload"), "--monitoring-config", str(folder))

    return Monitoring(private, reload, layout.PROMETHEUS_URL, layout.ALERTMANAGER_URL)


def configuration(gateway: str, secret: Path, namespaces: Sequence[str], nodes: Sequence[str]) -> Json:
    """What a user would write into alertmanager.yml."""
    if not namespaces:
        raise Failure("no namespaces to send alerts of")
    routes = [("namespace", namespaces), ("node", nodes)]
    return {
        "route": {
            "receiver": "nobody",
            "routes": [
                {
                    "receiver": "incident-commander",
                    "matchers": [f'{label}=~"{"|".join(values)}"'],
                    "group_by": ["alertname", label],
                    "group_wait": "1s",
                    "group_interval": "3s",
                    "repeat_interval": "4h",
                }
                for label, values in routes
                if values
            ],
        },
        "receivers": [
            {"name": "nobody"},
            {
                "name": "incident-commander",
                "webhook_configs": [
                    {
                        "url": f"{gateway}/api/v1/alerts",
                        "send_resolved": True,
                        "http_config": {"authorization": {"credentials_file": str(secret)}},
                    }
                ],
            },
        ],
    }
