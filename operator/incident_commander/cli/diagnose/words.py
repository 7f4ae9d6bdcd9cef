"""Verdicts, effects, and numbers of what was looked at, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from incident_agents.diagnosis.verdict import Verdict
from incident_commander.api.statement import Hypothesis

VERDICTS = {
    Verdict.CAUSE_FOUND: "Cause",
    Verdict.HEALTHY: "Healthy",
    Verdict.UNKNOWN: "Unknown",
    Verdict.INCONCLUSIVE: "Inconclusive",
}
_NAMES = {"logLines": "lines of logs", "metrics": "series"}


def counts(looked_at: Mapping[str, int]) -> str:
    """``pods: 12, events: 40, lines of logs: 7,213``; groups of resources are left out."""
    found = [f"{_NAMES.get(what, what.split('.', 1)[0])}: {amount:,}" for what, amount in looked_at.items()]
    return ", ".join(found) or "nothing"


def consequences(effects: Sequence[Hypothesis]) -> str:
    """``CrashLoop in Deployment/shop/web, Deployment/shop/api; JobFailed``: each cause once, with whose it is."""
    return "; ".join(_consequences(effects))


def _consequences(effects: Sequence[Hypothesis]) -> Iterator[str]:
    places: dict[str, list[str]] = {}
    for effect in effects:
        places.setdefault(str(effect.cause), []).extend([str(effect.object)] if effect.object is not None else [])
    for cause, where in places.items():
        yield f"{cause} in {', '.join(dict.fromkeys(where))}" if where else cause
