"""The result of a decision: the next status, what to announce, when to look again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from incident_commander.api.agent import Quarantine
from incident_commander.api.conditions import ConditionType, set_condition
from incident_commander.api.incident import Incident, IncidentStatus, Outcome, Phase, TimelineEntry
from incident_commander.api.reasons import Reason
from incident_commander.consensus.suspicion import Suspicion

TIMELINE_BOUND = 64


@dataclass(frozen=True, slots=True)
class Announcement:
    """A Kubernetes Event to post."""

    reason: Reason
    message: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Transition:
    """``status`` is written only when it differs; ``requeue_seconds`` None waits for the next event."""

    status: IncidentStatus
    announcements: tuple[Announcement, ...] = ()
    requeue_seconds: float | None = None
    quarantines: tuple[tuple[str, Quarantine], ...] = ()
    suspicions: tuple[Suspicion, ...] = ()
    """What stands in an agent's annotations and cannot be its own honest word."""
    silent: tuple[str, ...] = ()
    """Members that did not vote in a round that is over."""


@dataclass(slots=True)
class Draft:
    """A status in the making: collects fields, conditions, timeline entries and announcements."""

    incident: Incident
    now: datetime
    actor: str = "coordinator"
    fields: dict[str, Any] = field(default_factory=dict)
    announcements: list[Announcement] = field(default_factory=list)
    quarantines: list[tuple[str, Quarantine]] = field(default_factory=list)
    suspicions: list[Suspicion] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)

    def set(self, **values: Any) -> Draft:
        """Set status fields."""
        self.fields.update(values)
        return self

    def condition(self, type_: ConditionType, status: bool | None, reason: Reason, message: str) -> Draft:
        """Set a condition."""
        current = self.fields.get("conditions", self.incident.status.conditions)
        self.fields["conditions"] = set_condition(
            current,
            type_,
            status,
            reason,
            message,
            generation=self.incident.metadata.generation,
            now=self.now,
        )
        return self

    def tell(self, reason: Reason, message: str, *, warning: bool = False, event: bool = True) -> Draft:
        """Add a timeline entry, and an Event unless another one says it (see ``_one_event``)."""
        timeline: Sequence[TimelineEntry] = self.fields.get("timeline", self.incident.status.timeline)
        entry = TimelineEntry(at=self.now, actor=self.actor, reason=reason, message=message[:1024])
        # The beginning and the end of a long story matter most.
        kept = list(timeline) if len(timeline) < TIMELINE_BOUND else [*timeline[:16], *timeline[17:]]
        self.fields["timeline"] = [*kept, entry]
        if event:
            self.announcements.append(Announcement(reason, message, warning))
        return self

    def announce(self, reason: Reason, message: str, *, warning: bool = False) -> Draft:
        """An Event without a timeline entry."""
        self.announcements.append(Announcement(reason, message, warning))
        return self

    def end(self, phase: Phase, outcome: Outcome, reason: Reason, message: str, *, resolved: bool) -> Draft:
        """A terminal phase, with its outcome and the Resolved condition."""
        self.set(phase=phase, outcome=outcome, message=message[:1024], finished_at=self.now, deadline=None)
        self.condition(ConditionType.RESOLVED, resolved, reason, message)
        return self.tell(reason, message, warning=not resolved)

    def done(self, requeue_seconds: float | None = None) -> Transition:
        """The transition."""
        status = self.incident.status
        if self.fields:
            status = status.model_copy(update={"observed_generation": self.incident.metadata.generation, **self.fields})
        return Transition(
            status,
            _one_event(self.announcements, self.fields.get("phase")),
            requeue_seconds,
            tuple(self.quarantines),
            tuple(self.suspicions),
            tuple(self.silent),
        )


_ABOUT_AGENTS = frozenset({Reason.AGENT_QUARANTINED, Reason.STATEMENT_REFUSED})
_PASSED_THROUGH = frozenset({Phase.VOTING, Phase.EXECUTING})
"""Left within seconds, by what agents and the executor answer; and that has an Event in any case."""


def _one_event(told: Sequence[Announcement], phase: Phase | None) -> tuple[Announcement, ...]:
    """One Event where an Incident comes to rest; what led there is in the timeline, and costs no write of its own.

    What an agent did is a story of its own, and a warning is never kept back.
    """
    about_agents = [a for a in told if a.reason in _ABOUT_AGENTS]
    rest = [a for a in told if a.reason not in _ABOUT_AGENTS and (a.warning or phase not in _PASSED_THROUGH)]
    return (*about_agents, *rest[-1:])
