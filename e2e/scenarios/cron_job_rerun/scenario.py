"""A CronJob's runs fail while its feed is late, and it may run twice: run once more, as it should; Resolved."""

from __future__ import annotations

from e2e.harness.stage import Stage

LETTER = "y"
CORE = True


async def play(stage: Stage) -> None:
    await stage.deploy("import")
    for run in ("import-1", "import-2"):
        await stage.run_cron_job("import", run)
    await stage.execute("feed", "echo 1,2,3 > /tmp/www/today.csv")
    incident = await stage.ended(await stage.incident(), "Resolved", "Remediated")
    stage.diagnosed(incident, "CronJobFailing")
    stage.attempted(incident, "RunJob")
    jobs = await stage.api.items(f"/apis/batch/v1/namespaces/{stage.namespace}/jobs")
    ended = {job["metadata"]["name"]: job["status"].get("succeeded", 0) for job in jobs}
    stage.check(sorted(ended.values()) == [0, 0, 1], "one more Job has run, and succeeded", str(ended))
    cron_job = await stage.api.get(f"/apis/batch/v1/namespaces/{stage.namespace}/cronjobs/import")
    stage.check(not cron_job["spec"].get("suspend"), "the CronJob goes on", str(cron_job["spec"]))
