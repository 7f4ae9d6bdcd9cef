"""Answers other than 200, raised where the reason is found."""

from __future__ import annotations

from incident_commander.errors import IncidentCommanderError


class HttpRefusal(IncidentCommanderError):
    """The request is answered with ``status``; the message says what was found and what to do.

    Alertmanager sends a notification again after a 5xx only; so 503, and never 429, for what may pass with time.
    """

    def __init__(self, status: int, message: str, *, field: str = "", close: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.field = field
        """Path of the field that is wrong, or empty."""
        self.close = close
        """Whether the connection is of no more use: the rest of the body was not read."""
