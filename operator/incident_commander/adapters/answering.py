"""Whether the API server answers, by the requests that are made anyway: told when it stops, and when it is back."""

from __future__ import annotations

from collections.abc import Callable

import structlog

SLOW_SECONDS = 1.0
"""A request that got no answer for so long says enough; a quick one may be a connection that was cut while idle."""
_log = structlog.get_logger(__name__)


class Answering:
    """A ``kube_transport.Listener`` of one process. ``clock`` answers seconds that only ever grow."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._answered = 0.0
        """When the last answer came."""
        self._failed = 0
        """Requests without an answer since then."""
        self._since: float | None = None
        """Since when it is told that there are no answers."""

    def heard(self, problem: str, seconds: float) -> None:
        """A request ended after ``seconds``; ``problem`` is empty where an answer came, whatever it said."""
        now = self._clock()
        if not problem:
            if self._since is not None:
                _log.info("The API server answers again", after_seconds=round(now - self._since, 1))
            self._answered, self._failed, self._since = now, 0, None
            return
        if self._answered > now - seconds:
            return  # others were answered meanwhile
        self._failed += 1
        if self._since is None and (seconds >= SLOW_SECONDS or self._failed > 1):
            self._since = now - seconds
            _log.warning(
                "The API server does not answer; nothing is decided or written until it does",
                reason=problem,
                for_seconds=round(seconds, 1),
            )
