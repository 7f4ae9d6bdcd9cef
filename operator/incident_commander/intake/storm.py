"""Storm control: how many new targets a namespace may raise before one Incident stands for all of them."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

_NAMESPACES = 1024


@dataclass(frozen=True, slots=True)
class StormLimits:
    """Per namespace and gateway replica: how much at once, and how much in the long run.

    A policy lets few workloads be acted on at a time, so more Incidents at once would only wait for each other.
    """

    incident_burst: int = 10
    incidents_per_minute: int = 6
    join_burst: int = 10
    """Writes by which new alerts join open Incidents; alerts that come together share one."""
    joins_per_second: int = 1
    lookup_burst: int = 40
    """Targets looked for among the API server's objects; what was found lately is not looked for again."""
    lookups_per_second: int = 5
    quiet_seconds: int = 60
    """After the last Incident too many, until new targets have Incidents of their own again."""


class TokenBucket:
    """At most ``burst`` at once and ``per_second`` in the long run. Time never goes backwards in it."""

    __slots__ = ("_burst", "_rate", "_since", "_tokens")

    def __init__(self, burst: int, per_second: float, now: datetime) -> None:
        self._burst = burst
        self._rate = per_second
        self._tokens = float(burst)
        self._since = now

    def take(self, now: datetime) -> bool:
        """Take one token if there is one."""
        elapsed = max(0.0, (now - self._since).total_seconds())
        self._since = max(self._since, now)
        self._tokens = min(float(self._burst), self._tokens + elapsed * self._rate)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class _Weather:
    """What is known of one namespace."""

    __slots__ = ("incidents", "joins", "lookups", "until")

    def __init__(self, limits: StormLimits, now: datetime) -> None:
        self.incidents = TokenBucket(limits.incident_burst, limits.incidents_per_minute / 60, now)
        self.joins = TokenBucket(limits.join_burst, limits.joins_per_second, now)
        self.lookups = TokenBucket(limits.lookup_burst, limits.lookups_per_second, now)
        self.until = now


class StormControl:
    """Counts per namespace. What is not admitted belongs to the one Incident that stands for the storm.

    Of more than 1,024 namespaces the least recently heard of is forgotten.
    """

    def __init__(self, limits: StormLimits) -> None:
        self._limits = limits
        self._weather: OrderedDict[str, _Weather] = OrderedDict()

    def storming(self, namespace: str, now: datetime) -> bool:
        """Whether new targets get no Incident of their own now."""
        weather = self._weather.get(namespace)
        return weather is not None and now < weather.until

    def count(self, now: datetime) -> int:
        """Namespaces that storm."""
        return sum(now < weather.until for weather in self._weather.values())

    def admits_incident(self, namespace: str, now: datetime) -> bool:
        """Whether one more Incident may be created; too many start or prolong the storm."""
        weather = self._of(namespace, now)
        within = weather.incidents.take(now)
        if not within:
            weather.until = max(weather.until, now + timedelta(seconds=self._limits.quiet_seconds))
        return within and now >= weather.until

    def admits_join(self, namespace: str, now: datetime) -> bool:
        """Whether new alerts may be written into an open Incident of their target."""
        return self._of(namespace, now).joins.take(now)

    def admits_lookup(self, namespace: str, now: datetime) -> bool:
        """Whether one more target may be looked for."""
        return self._of(namespace, now).lookups.take(now)

    def _of(self, namespace: str, now: datetime) -> _Weather:
        weather = self._weather.get(namespace)
        if weather is None:
            weather = self._weather[namespace] = _Weather(self._limits, now)
            if len(self._weather) > _NAMESPACES:
                self._weather.popitem(last=False)
        self._weather.move_to_end(namespace)
        return weather
