"""How much the gateway takes on at a time. What is beyond is refused at once: Alertmanager keeps it and comes again."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from incident_commander.gateway.refusal import HttpRefusal


class Admission:
    """Counts requests and the bytes of their bodies."""

    def __init__(self, requests: int, body_bytes: int) -> None:
        self._most_requests = requests
        self._most_bytes = body_bytes
        self.requests = 0
        self.body_bytes = 0

    def enter(self) -> Ticket:
        """Room for one request; leave it with ``with``. Raises ``HttpRefusal`` (503) when there is none."""
        if self.requests >= self._most_requests:
            raise HttpRefusal(503, f"{self.requests} requests are in flight already; send it again later", close=True)
        return Ticket(self)

    def fits(self, more: int) -> bool:
        """Whether a body may grow by that many bytes."""
        return self.body_bytes + more <= self._most_bytes


class Ticket:
    """One admitted request, and the bytes held for it."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._bytes = 0

    def __enter__(self) -> Self:
        self._admission.requests += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._admission.requests -= 1
        self._admission.body_bytes -= self._bytes

    def grow(self, more: int) -> None:
        """Hold more bytes. Raises ``HttpRefusal`` (503) when there is no room."""
        if not self._admission.fits(more):
            held = self._admission.body_bytes
            raise HttpRefusal(503, f"{held} bytes of alerts are being stored already; send it again later", close=True)
        self._admission.body_bytes += more
        self._bytes += more
