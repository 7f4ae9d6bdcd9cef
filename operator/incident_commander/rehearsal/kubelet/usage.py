"""What a container uses, as a function of its behaviour and its age."""

from __future__ import annotations

from dataclasses import dataclass

from incident_commander.rehearsal.behaviour import Behaviour

_RAMP_SECONDS = 4.0
"""A program's working set grows linearly to its size at first."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Working set in bytes, and counters since the start of a run (CFS periods are 100 ms)."""

    memory: float = 0.0
    cpu_seconds: float = 0.0
    periods: float = 0.0
    throttled: float = 0.0


def memory_at(behaviour: Behaviour, age: float) -> float:
    """Working set in bytes at an age: a ramp up to the size, then growth up to the ceiling."""
    ramp = min(1.0, age / _RAMP_SECONDS)
    grown = behaviour.memory_bytes + behaviour.memory_growth * max(0.0, age - _RAMP_SECONDS)
    return min(grown, max(behaviour.memory_ceiling, behaviour.memory_bytes)) * ramp


def time_of_exhaustion(behaviour: Behaviour, limit: float) -> float | None:
    """At which age the working set reaches ``limit``; None: never."""
    if behaviour.memory_bytes >= limit:
        return _RAMP_SECONDS * limit / behaviour.memory_bytes
    if behaviour.memory_growth <= 0 or behaviour.memory_ceiling < limit:
        return None
    return _RAMP_SECONDS + (limit - behaviour.memory_bytes) / behaviour.memory_growth
