"""A CronJob's runs fail one after the other, and the policy lets it be suspended: suspended, and handed over."""

from __future__ import annotations

from e2e.harness.stage import Stage

LETTER = "z"


async def play(stage: Stage) -> None:
    await stage.deploy("import")
    path = f"/apis/batch/v1/namespaces/{stage.namespace}/cronjobs/import"
    before = (await stage.api.get(path))["spec"]
    for run in ("import-1", "import-2"):
        await stage.run_cron_job("import", run)
    incident = await stage.ended(await stage.incident(), "Escalated", "Escalated")
    stage.diagnosed(incident, "CronJobFailing")
    stage.attempted(incident, "SuspendCronJob")
    after = (await stage.api.get(path))["spec"]
    stage.check(after == {**before, "suspend": True}, "nothing but suspend was changed", str(after))
    jobs = await stage.api.items(f"/apis/batch/v1/namespaces/{stage.namespace}/jobs")
    stage.check(len(jobs) == 2, "no Job was run", str(len(jobs)))
