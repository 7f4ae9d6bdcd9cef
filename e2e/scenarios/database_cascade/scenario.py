"""Database cascade: a database runs out of connections, its callers fail in a row: the cause is named, once."""

from __future__ import annotations

from e2e.harness.stage import Stage

LETTER = "1"
OUTAGE_IMAGE = True


async def play(stage: Stage) -> None:
    await stage.deploy()
    await stage.execute("reports", "touch /tmp/yearly-report")
    incident = await stage.phase(await stage.incident(), ["Escalated", "Closed"])
    stage.diagnosed(incident, "DatabaseConnectionsExhausted")
    top = incident["status"]["hypotheses"][0]
    named = (top.get("object") or {}).get("name", "")
    stage.check(named == "orders-db", "the database is named, not its callers", str(top))
    stage.attempted(incident)
