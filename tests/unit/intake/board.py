"""Stored Incidents for tests of correlation: decisions are carried out on plain dictionaries."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonpatch

from incident_commander.api.incident import Alert, AlertStatus, Incident
from incident_commander.api.meta import TargetRef, format_time
from incident_commander.intake.correlate import Arrival, Decision, Fate, decide
from incident_commander.intake.known import known_incident
from incident_commander.intake.lane import Lane

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
TARGET = TargetRef(api_version="apps/v1", kind="Deployment", namespace="shop", name="api", uid="u")
LANE = Lane.of_target("shop", TARGET)


def alert(
    fingerprint: str = "a1", *, at: float = 0, resolved: bool = False, size: int = 0, severity: str = "warning"
) -> Alert:
    return Alert(
        fingerprint=fingerprint,
        status=AlertStatus.RESOLVED if resolved else AlertStatus.FIRING,
        labels={"alertname": "Down", "namespace": "shop", "severity": severity},
        annotations={f"d{n}": "d" * min(1000, size - n) for n in range(0, size, 1000)},
        starts_at=NOW + timedelta(seconds=at),
        ends_at=NOW + timedelta(seconds=at + 60) if resolved else None,
    )


class Board:
    """An API server of one lane."""

    def __init__(self, lane: Lane = LANE) -> None:
        self.lane = lane
        self.incidents: list[dict[str, Any]] = []
        self.writes = 0
        self._versions = itertools.count(1)

    def send(self, *alerts: Alert, truncated: int = 0, group: str = "g") -> list[Fate]:
        """Decide about the alerts, carry it out, and tell what became of each."""
        arrivals = {place: Arrival(one, group) for place, one in enumerate(alerts)}
        knowns = [known_incident(obj) for obj in self.incidents]
        decision = decide(self.lane, knowns, arrivals, {group: truncated} if truncated else {})
        fates = {place: fate for place, (fate, _) in decision.settled.items()}
        for fate in self._carry_out(decision):
            fates.update(fate)
        assert sorted(fates) == list(arrivals)
        return [fates[place] for place in arrivals]

    def end(self, phase: str = "Resolved", **status: Any) -> None:
        """All Incidents end."""
        for obj in self.incidents:
            self._touch(obj, generation=False)["status"] = {"phase": phase, **status}

    def escalate(self, cause: str = "ImageNotFound", *, confidence: int | None = 90, at: float = 12) -> None:
        """All Incidents end with people, ``at`` seconds after ``NOW``."""
        known = {} if confidence is None else {"confidence": confidence}
        self.end("Escalated", cause=cause, finishedAt=format_time(NOW + timedelta(seconds=at)), **known)

    def go_on(self) -> None:
        """The coordinator has seen them."""
        self.end("Diagnosing")

    @property
    def specs(self) -> Sequence[Incident]:
        return [Incident.model_validate(obj) for obj in self.incidents]

    def accounted(self) -> int:
        return sum(len(one.spec.alerts) + one.spec.omitted_alerts for one in self.specs)

    def _carry_out(self, decision: Decision) -> list[dict[int, Fate]]:
        done = []
        for patch in decision.patches:
            [place] = [n for n, obj in enumerate(self.incidents) if obj["metadata"]["name"] == patch.known.name]
            self.incidents[place] = self._touch(jsonpatch.apply_patch(self.incidents[place], patch.operations))
            done.append(patch.fates)
        if decision.create is not None:
            assert decision.create.name not in {obj["metadata"]["name"] for obj in self.incidents}
            version = next(self._versions)
            self.incidents.append(decision.create.body)
            decision.create.body["metadata"] |= {
                "uid": f"uid-{version}",
                "creationTimestamp": format_time(NOW + timedelta(seconds=version)),
            }
            self._touch(decision.create.body)
            done.append(decision.create.fates)
        self.writes += len(done)
        return done

    def _touch(self, obj: dict[str, Any], *, generation: bool = True) -> dict[str, Any]:
        meta = obj["metadata"]
        meta["resourceVersion"] = str(next(self._versions))
        meta["generation"] = meta.get("generation", 0) + generation
        return obj
