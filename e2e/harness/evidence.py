"""What is kept of every scenario, and shown of one that failed."""

from __future__ import annotations

from pathlib import Path

from e2e.harness.api import Json
from e2e.harness.commands import run
from e2e.harness.stage import Stage


async def keep(stage: Stage, folder: Path) -> list[str]:
    """Write the Incidents, pods and events into ``folder``; answers the same as texts to print."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = {
        "incidents.txt": ("get", "incidents", "--output=wide"),
        "incidents.yaml": ("get", "incidents", "--output=yaml"),
        "pods.txt": ("get", "pods", "--output=wide"),
        "deployments.yaml": ("get", "deployments", "--output=yaml", "--show-managed-fields"),
        "events.txt": ("get", "events", "--sort-by=.metadata.creationTimestamp"),
    }
    texts = []
    for file, arguments in kept.items():
        where = stage.home if "incidents" in arguments else stage.namespace
        said = (await run("kubectl", "--namespace", where, *arguments, check=False)).said
        (folder / file).write_text(said + "\n")
        if file != "deployments.yaml":
            texts.append(f"--- {file}\n{_indented(said)}")
    return texts


def timeline(incident: Json) -> str:
    """The story as the Incident tells it."""
    entries = incident.get("status", {}).get("timeline", [])
    return "\n".join(
        f"    {entry['at'][11:23]} {entry['actor']:12} {entry['reason']:24} {entry.get('message', '')[:200]}"
        for entry in entries
    )


async def logs(stage: Stage, lines: int = 12) -> str:
    """How the logs of the operator's processes end."""
    tails = await stage.operator.tails(lines)
    return "\n".join(f"--- log of {name}\n{tail}" for name, tail in tails.items())


def _indented(text: str) -> str:
    return "\n".join(f"    {line[:220]}" for line in text.splitlines()[-400:])
