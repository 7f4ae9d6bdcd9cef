"""It crashes since a rollout that is not to blame: the fix is undone, Escalated."""

from __future__ import annotations

from e2e.harness.stage import Stage

LETTER = "c"
CORE = True


async def play(stage: Stage) -> None:
    await stage.deploy("worker")
    # The licence ends while nobody looks; what looks is the next pod to start, which is one of the next release.
    await stage.execute("licences", "echo expired > /tmp/www/worker")
    await stage.roll_out("worker", env=[{"name": "RELEASE", "value": "1.1.0"}])
    before = await stage.snapshot("worker")

    name = await stage.incident()
    incident = await stage.ended(name, "Escalated", "RolledBack")

    await stage.as_before("worker", before, "the fix")
    status = incident["status"]
    attempts = [(a["outcome"], a["runbook"]) for a in status["execution"]["attempts"]]
    stage.check([outcome for outcome, _ in attempts] == ["Undone"], "one attempt, and it is Undone", str(attempts))
    told = [entry["reason"] for entry in status["timeline"]]
    wanted = ["PlanApplied", "VerificationFailed", "Undone", "EscalationPlanned"]
    found = [reason for reason in told if reason in wanted]
    stage.check(found == wanted, "applied, failed, undone, handed to people, in this order", str(told))
    resolved = next(c for c in status["conditions"] if c["type"] == "Resolved")
    stage.check(resolved["status"] == "False", "the condition Resolved is False", str(resolved))
    await stage.verified_offline(incident)
