"""Telling people: by the log, and by a webhook where one is set."""

from __future__ import annotations

import aiohttp
import structlog
from yarl import URL

from incident_commander.errors import ConfigurationError

_TIMEOUT = aiohttp.ClientTimeout(total=10, connect=5)
_log = structlog.get_logger(__name__)


class LogNotifier:
    """``ports.Notifier`` that writes a log line."""

    async def notify(self, subject: str, body: str, *, severity: str) -> None:
        """Log it."""
        _log.info("Notified", subject=subject, body=body, severity=severity)


class WebhookNotifier:
    """``ports.Notifier`` that posts ``{"text", "subject", "body", "severity"}`` as JSON.

    ``text`` alone is what Slack, Mattermost and Teams workflows show. Failing to tell is logged and never raised.
    """

    def __init__(self, url: str) -> None:
        self._url = URL(url)
        if self._url.scheme not in ("http", "https") or not self._url.host:
            raise ConfigurationError(
                f"INCIDENT_COMMANDER_NOTIFY_URL is {url!r}; it must be like https://hooks.example.com/T0/B0"
            )

    async def notify(self, subject: str, body: str, *, severity: str) -> None:
        """Post it once."""
        message = {"text": f"*{subject}*\n{body}", "subject": subject, "body": body, "severity": severity}
        try:
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=True) as session,
                session.post(self._url, json=message) as answer,
            ):
                if answer.status >= 400:
                    _log.warning("Notification refused", host=self._url.host, status=answer.status, subject=subject)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            _log.warning("Notification failed", host=self._url.host, error=str(error), subject=subject)
