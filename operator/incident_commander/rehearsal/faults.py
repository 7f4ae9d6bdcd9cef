"""Faults that are injected into ourselves: errors, lost answers, crashes, lost and repeated watch events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from incident_commander.rehearsal.store import WatchEvent


class Crash(BaseException):
    """The process that made the call dies here. Not an ``Exception``: no handler may survive it."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request of one identity to the API server, or to Prometheus (``resource`` is then ``prometheus``)."""

    user: str
    verb: str
    resource: str
    namespace: str | None = None
    name: str = ""
    subresource: str | None = None
    dry_run: bool = False

    @property
    def writes(self) -> bool:
        """Whether it changes anything."""
        return self.verb in ("create", "patch", "delete") and not self.dry_run


@dataclass(slots=True)
class Fault:
    """Raise ``error`` at the ``nth`` call that ``matches``, ``times`` times in a row (None: for ever).

    ``after`` True lets the server carry the call out first, so that only the answer is lost.
    """

    matches: Callable[[Call], bool]
    error: Callable[[], BaseException]
    nth: int = 1
    times: int | None = 1
    after: bool = False
    seen: int = field(default=0, init=False)
    raised: int = field(default=0, init=False)

    def due(self, call: Call) -> bool:
        """Count the call; whether the fault strikes it."""
        if not self.matches(call):
            return False
        self.seen += 1
        if self.seen < self.nth or (self.times is not None and self.raised >= self.times):
            return False
        self.raised += 1
        return True


Deliveries = Callable[[str, WatchEvent], int]
"""How often a component gets to see an event: 0 loses it, 2 repeats it."""


class Faults:
    """What goes wrong in this rehearsal. Empty at the start."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self.deliveries: Deliveries | None = None
        self.metrics_latency_seconds = 0.05
        """How long Prometheus takes to answer."""

    def inject(
        self,
        error: Callable[[], BaseException],
        *,
        user: str | None = None,
        verb: str | None = None,
        resource: str | None = None,
        subresource: str | None = None,
        writes: bool | None = None,
        nth: int = 1,
        times: int | None = 1,
        after: bool = False,
    ) -> Fault:
        """Add a fault for the calls that have all of the given properties; None does not matter."""

        def matches(call: Call) -> bool:
            wanted = ((user, call.user), (verb, call.verb), (resource, call.resource), (subresource, call.subresource))
            return all(want is None or want == got for want, got in wanted) and writes in (None, call.writes)

        fault = Fault(matches, error, nth, times, after)
        self._faults.append(fault)
        return fault

    def crash(self, user: str, *, at_write: int, after: bool) -> Fault:
        """Kill the identity's process at its n-th write: before it arrives, or after it was carried out."""
        return self.inject(Crash, user=user, writes=True, nth=at_write, after=after)

    def clear(self) -> None:
        """End all faults."""
        self._faults.clear()
        self.deliveries = None
        self.metrics_latency_seconds = 0.05

    def strike(self, call: Call) -> BaseException | None:
        """Raise what is due before the call; answers what is to be raised after it."""
        later: BaseException | None = None
        for fault in self._faults:
            if not fault.due(call):
                continue
            if not fault.after:
                raise fault.error()
            later = fault.error()
        return later
