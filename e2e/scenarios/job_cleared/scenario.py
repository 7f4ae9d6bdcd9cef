"""A Job has failed, and the policy lets it go: deleted and handed over; a person has it made again, suspended."""

from __future__ import annotations

from e2e.harness.stage import Stage

LETTER = "x"
CORE = True


async def play(stage: Stage) -> None:
    await stage.deploy()
    job = f"/apis/batch/v1/namespaces/{stage.namespace}/jobs/migrate"
    before = await stage.api.get(job)
    stage.broken("a Job that fails")
    name = await stage.incident()
    incident = await stage.ended(name, "Escalated", "Escalated")
    stage.diagnosed(incident, "JobFailed")
    stage.attempted(incident, "DeleteJob")
    stage.check(await stage.api.find(job) is None, "the Job is gone", "it is there")
    kept = await stage.api.find(f"/apis/batch/v1/namespaces/{stage.namespace}/jobs/report")
    stage.check(kept is not None, "the Job beside it was left alone", "it is gone")

    await stage.cli("undo", name, "--yes", "--reason", "its logs are wanted", person=stage.people.approver)
    await stage.outcome(name, "RolledBack")
    again = await stage.api.get(job)
    stage.check(again["spec"].get("suspend") is True, "it was made again, suspended", str(again["spec"]))
    same = [found["spec"]["template"]["spec"] for found in (before, again)]
    stage.check(same[0] == same[1], "with the pods that it had", str(same))
