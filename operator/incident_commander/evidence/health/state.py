"""What is said about the health of a workload, and how it is put in words."""

from __future__ import annotations

from dataclasses import dataclass

from incident_commander.api.meta import TargetRef
from incident_commander.evidence import fields
from incident_commander.evidence.pods import Trouble
from incident_commander.ports import Object


@dataclass(frozen=True, slots=True)
class WorkloadHealth:
    """``healthy`` None: cannot be told (not observed, or a Job that still runs without a failure).

    ``exists`` None: the kind was not asked for or not readable. ``failed``: waiting longer cannot help.
    ``restarts`` is the number of containers that ended since the time asked about; None when no time was
    given or pods were not observed. Counts are None for kinds that have none.
    """

    target: TargetRef
    exists: bool | None
    healthy: bool | None
    reason: str
    message: str
    failed: bool = False
    desired: int | None = None
    ready: int | None = None
    updated: int | None = None
    available: int | None = None
    generation_observed: bool | None = None
    rollout_complete: bool | None = None
    restarts: int | None = None
    troubles: tuple[Trouble, ...] = ()


def describe(troubles: tuple[Trouble, ...]) -> str:
    """The first troubles in words, or the empty string."""
    shown = [f"{t.pod}/{t.container}: {t.reason}" + (f" ({t.message[:120]})" if t.message else "") for t in troubles]
    return "; ".join(shown[:3]) + (f"; and {len(shown) - 3} more" if len(shown) > 3 else "")


def count(obj: Object, field: str, *instead: str) -> int:
    """A counter of the status; the API server leaves zeros out. Of an abridged status the next best counter counts."""
    names = (field, *instead) if abridged(obj) else (field,)
    return next((n for name in names if (n := fields.integer(obj, "status", name)) is not None), 0)


def abridged(obj: Object) -> bool:
    """Whether a recording left out parts of a workload's status.

    Its controller writes the generation that it saw with every counter; only zeros are there before it has seen any.
    """
    status = fields.mapping(obj, "status")
    counted = any(isinstance(value, int) and value > 0 for value in status.values())
    return counted and fields.integer(status, "observedGeneration") is None
