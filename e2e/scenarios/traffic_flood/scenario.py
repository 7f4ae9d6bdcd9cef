"""Traffic flood: a crawler swamps a service that may not scale further: more replicas, honest clients served."""

from __future__ import annotations

from e2e.harness.stage import Stage

LETTER = "2"
OUTAGE_IMAGE = True
ALONE = True  # it needs the machine's CPU for itself


async def play(stage: Stage) -> None:
    await stage.deploy("search")
    await stage.add("autoscaler.yaml")
    await stage.execute("honest", "touch /tmp/go")
    await stage.execute("crawler", "touch /tmp/go")
    incident = await stage.ended(await stage.incident(), "Resolved", "Remediated")
    stage.diagnosed(incident, "HPAAtMaximum")
    stage.attempted(incident, "PatchHPA")
    scaler = f"/apis/autoscaling/v2/namespaces/{stage.namespace}/horizontalpodautoscalers/search"
    most = (await stage.api.get(scaler))["spec"]["maxReplicas"]
    stage.check(2 < most <= 5, f"up to {most} replicas now", str(most))
    seen = await stage.execute("honest", "cat /tmp/last")
    good = seen.split().count("ok")
    stage.check(good >= 18, f"{good} of the honest client's last 20 requests were served within a second", seen)
