"""Traffic flood: one client swamps a service: kept away by a NetworkPolicy, which a person takes back; Resolved."""

from __future__ import annotations

from e2e.harness.api import Json, deployment
from e2e.harness.network import simulated_plugin
from e2e.harness.stage import Stage

LETTER = "2"
OUTAGE_IMAGE = True
LOCAL = True


async def play(stage: Stage) -> None:
    policies = f"/apis/networking.k8s.io/v1/namespaces/{stage.namespace}/networkpolicies"
    async with simulated_plugin(stage.api, stage.namespace, stage.say):
        await stage.deploy("search")
        await stage.settle(deployment(stage.namespace, "search"), _container("search", {"limits": {"cpu": "150m"}}))
        before = await stage.snapshot("search")
        await stage.execute("honest", "touch /tmp/go")
        await stage.execute("crawler", "touch /tmp/go")
        name = await stage.incident()
        incident = await stage.ended(name, "Resolved", "Remediated")
        stage.attempted(incident, "LimitTraffic")
        made = await stage.api.items(policies)
        stage.check(len(made) == 1, "one NetworkPolicy was made", str([p["metadata"]["name"] for p in made]))
        honest, crawler = [await stage.execute(client, "cat /tmp/last") for client in ("honest", "crawler")]
        good = honest.split().count("ok")
        stage.check(good >= 18, f"{good} of the honest client's last 20 requests were served within a second", honest)
        stage.check("ok" not in crawler, "the crawler is served no more", crawler)
        await stage.untouched("search", before)

        await stage.delete("crawler")
        await stage.cli("undo", name, "--yes", "--reason", "the crawler is gone", person=stage.people.approver)
        await stage.outcome(name, "RolledBack")
        left = await stage.api.items(policies)
        stage.check(not left, "the NetworkPolicy is gone", str([p["metadata"]["name"] for p in left]))


def _container(name: str, resources: Json) -> Json:
    return {"spec": {"template": {"spec": {"containers": [{"name": name, "resources": resources}]}}}}
