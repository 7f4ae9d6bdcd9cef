"""The cluster-wide circuit breaker: trips by itself, is closed by a person only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from incident_commander.api import kinds
from incident_commander.api.incident import StepOutcome
from incident_commander.api.meta import format_time
from incident_commander.api.names import FIELD_MANAGER_EXECUTOR
from incident_commander.errors import AlreadyExists
from incident_commander.guards.guard import PastAttempt
from incident_commander.ports import Cluster, PatchType
from incident_commander.surroundings import BREAKER_CONFIG_MAP

_BAD = frozenset({StepOutcome.FAILED, StepOutcome.UNDONE, StepOutcome.UNDO_FAILED})
_GOOD = frozenset({StepOutcome.APPLIED})


@dataclass(frozen=True, slots=True)
class BreakerRule:
    """Trips when ``failures`` of the last ``of`` finished attempts within ``window`` came to no good."""

    failures: int = 3
    of: int = 5
    window: timedelta = timedelta(hours=1)


def should_trip(
    history: Sequence[PastAttempt], *, now: datetime, reset_at: datetime | None, rule: BreakerRule
) -> str | None:
    """Why the breaker must trip, or None. Attempts before the last reset do not count."""
    since = now - rule.window
    if reset_at is not None:
        since = max(since, reset_at)
    finished = sorted(
        (p for p in history if p.attempt.finished_at is not None and p.attempt.finished_at > since),
        key=lambda p: p.attempt.finished_at or now,
    )
    last = [p for p in finished if p.attempt.outcome in _BAD | _GOOD][-rule.of :]
    bad = [p for p in last if p.attempt.outcome in _BAD]
    if len(bad) < rule.failures:
        return None
    names = ", ".join(f"{p.incident} ({p.attempt.outcome})" for p in bad)
    return f"{len(bad)} of the last {len(last)} attempts failed or were undone: {names}"[:1000]


async def trip(cluster: Cluster, namespace: str, reason: str, now: datetime) -> None:
    """Open the breaker; nothing is executed any more until a person closes it."""
    data = {"state": "Tripped", "reason": reason, "trippedAt": format_time(now)}
    body = {"metadata": {"name": BREAKER_CONFIG_MAP}, "data": data}
    try:
        await cluster.create(kinds.CONFIG_MAP, namespace, body, field_manager=FIELD_MANAGER_EXECUTOR)
    except AlreadyExists:
        await cluster.patch(
            kinds.CONFIG_MAP,
            namespace,
            BREAKER_CONFIG_MAP,
            {"data": data},
            patch_type=PatchType.MERGE,
            field_manager=FIELD_MANAGER_EXECUTOR,
        )
