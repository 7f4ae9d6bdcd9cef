"""One of three replicas does not answer: out of its Service and kept for people to see, who undo it; Resolved."""

from __future__ import annotations

from e2e.harness.stage import Stage
from e2e.scenarios.pod_evicted.shop import wedge_one

LETTER = "s"
ISOLATED = "incidentcommander.io/isolated"


async def play(stage: Stage) -> None:
    sick, well = await wedge_one(stage)
    before = await stage.snapshot("shop")
    name = await stage.incident()
    incident = await stage.ended(name, "Resolved", "Remediated")
    stage.diagnosed(incident, "AppNotAnswering")
    stage.attempted(incident, "IsolatePod")
    await stage.available("shop")
    path = f"/api/v1/namespaces/{stage.namespace}/pods/{sick['metadata']['name']}"
    kept = await stage.api.get(path)
    stage.check(
        kept["metadata"]["uid"] == sick["metadata"]["uid"], "the wedged pod still is there", str(kept["metadata"])
    )
    stage.check(kept["metadata"]["labels"].get(ISOLATED) == "true", f"it is labelled {ISOLATED}", str(kept["metadata"]))
    served = await stage.endpoints("shop")
    stage.check(
        sick["metadata"]["name"] not in served and len(served) == 3 and {p["metadata"]["name"] for p in well} <= served,
        "the Service leads to three others, and not to it",
        str(served),
    )

    await stage.execute(f"pod/{sick['metadata']['name']}", "rm /tmp/wedged")
    await stage.cli("undo", name, "--yes", "--reason", "we have seen enough", person=stage.people.approver)
    incident = await stage.outcome(name, "RolledBack")
    taken_back = [attempt["outcome"] for attempt in incident["status"]["execution"]["attempts"]]
    stage.check(taken_back == ["Undone"], "a person has undone it", str(taken_back))
    again = (await stage.api.find(path) or sick)["metadata"]["labels"]
    stage.check(again == sick["metadata"]["labels"], "the pod has the labels that it had", str(again))
    await stage.available("shop")
    await stage.untouched("shop", before)
