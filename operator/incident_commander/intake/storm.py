"""Storm control: how many new targets a namespace may raise before one Incident stands for all of them."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

_NAMESPACES = 1024


@dataclass(frozen=True, slots=True)
class StormLimits:
    """Per namespace and gateway replica.

    ``incident_burst`` new Incidents at once and ``incidents_per_minute`` in the long run; ``lookup_burst`` and
    ``lookups_per_second`` bound what looking for owners may ask of the API server. A storm lasts until
    ``quiet_seconds`` after the last excess.
    """

    incident_burst: int = 20
    incidents_per_minute: int = 12
    lookup_burst: int = 300
    lookups_per_second: int = 30
    quiet_seconds: int = 60


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

    __slots__ = ("incidents", "lookups", "until")

    def __init__(self, limits: StormLimits, now: datetime) -> None:
        self.incidents = TokenBucket(limits.incident_burst, limits.incidents_per_minute / 60, now)
        self.lookups = TokenBucket(limits.lookup_burst, limits.lookups_per_second, now)
        self.until = now


class StormControl:
    """Counts per namespace. Of more than 1,024 namespaces the least recently heard of is forgotten."""

    def __init__(self, limits: StormLimits) -> None:
        self._limits = limits
        self._weather: OrderedDict[str, _Weather] = OrderedDict()

    def storming(self, namespace: str, now: datetime) -> bool:
        """Whether alerts about targets that have no open Incident belong to the storm's Incident now."""
        weather = self._weather.get(namespace)
        return weather is not None and now < weather.until

    def admits_incident(self, namespace: str, now: datetime) -> bool:
        """Whether one more Incident may be created; False starts or prolongs the storm."""
        weather = self._of(namespace, now)
        return self._judge(weather, weather.incidents.take(now), now)

    def admits_lookup(self, namespace: str, now: datetime) -> bool:
        """Whether one more target may be looked for; False starts or prolongs the storm."""
        weather = self._of(namespace, now)
        return self._judge(weather, weather.lookups.take(now), now)

    def _judge(self, weather: _Weather, within: bool, now: datetime) -> bool:
        if not within:
            weather.until = max(weather.until, now + timedelta(seconds=self._limits.quiet_seconds))
        return within and now >= weather.until

    def _of(self, namespace: str, now: datetime) -> _Weather:
        weather = self._weather.get(namespace)
        if weather is None:
            weather = self._weather[namespace] = _Weather(self._limits, now)
            if len(self._weather) > _NAMESPACES:
                self._weather.popitem(last=False)
        self._weather.move_to_end(namespace)
        return weather
