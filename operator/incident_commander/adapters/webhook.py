"""``ports.Notifier`` over HTTP: one JSON POST per message, or the body of a Slack-compatible incoming webhook.

Mattermost, Rocket.Chat and many relays take the latter. At most once, in memory: what is lost in a crash stands in
the Incident, and its alert keeps paging. Nothing here ever makes an Incident wait.
"""

from __future__ import annotations

import asyncio
import enum
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import aiohttp
import structlog
from yarl import URL

from incident_commander.api.meta import format_time
from incident_commander.errors import ConfigurationError
from incident_commander.ports import Notice, Telemetry

WAITING_BOUND = 200
"""Messages that wait to be sent; what comes on top is dropped, and counted."""
TRIES = 3
TIMEOUT_SECONDS = 10.0
_LONGEST_PAUSE = 30.0
_LARGEST_ANSWER = 300
"""Bytes of a refusal that are logged."""

_log = structlog.get_logger(__name__)


class Format(enum.StrEnum):
    """What the receiver understands."""

    JSON = "JSON"
    SLACK = "Slack"


class WebhookNotifier:
    """``url`` gives the address anew for each message: it is a secret that may be rotated, and is never logged.

    ``token_file``: bearer token, read for each message.
    """

    def __init__(
        self,
        url: Callable[[], str],
        format_: Format,
        telemetry: Telemetry,
        *,
        token_file: Path | None = None,
        pause_seconds: float = 1.0,
    ) -> None:
        self._url = url
        self._body = slack_body if format_ is Format.SLACK else json_body
        self._telemetry = telemetry
        self._token_file = token_file
        self._pause = pause_seconds
        self._waiting: asyncio.Queue[Notice] = asyncio.Queue(WAITING_BOUND)

    def check(self) -> None:
        """Raises ``ConfigurationError`` when there is no usable address: better said at the start than at 3 a.m."""
        try:
            _address(self._url())
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"INCIDENT_COMMANDER_NOTIFY_URL_FILE cannot be read: {error}") from error

    def tell(self, notice: Notice) -> None:
        """See ``ports.Notifier``."""
        try:
            self._waiting.put_nowait(notice)
        except asyncio.QueueFull:
            self._telemetry.notified("Dropped")
            _log.error("Too many messages wait to be sent; this one is dropped", **_named(notice))

    async def run(self, stop: asyncio.Event) -> None:
        """Send what was taken until ``stop``; what waits then is tried once more."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)) as session:
            stopping = asyncio.create_task(stop.wait())
            try:
                while not stop.is_set():
                    taking = asyncio.create_task(self._waiting.get())
                    await asyncio.wait({taking, stopping}, return_when=asyncio.FIRST_COMPLETED)
                    if taking.done():
                        await self._send(session, taking.result(), TRIES)
                    else:
                        taking.cancel()
            finally:
                stopping.cancel()
            while not self._waiting.empty():
                await self._send(session, self._waiting.get_nowait(), 1)

    async def _send(self, session: aiohttp.ClientSession, notice: Notice, tries: int) -> None:
        problem = ""
        for number in range(1, tries + 1):
            problem, again = await self._try(session, notice)
            if not problem:
                self._telemetry.notified("Sent")
                _log.info("People were told", **_named(notice))
                return
            if again is None or number == tries:
                break
            await asyncio.sleep(min(max(again, self._pause * 2 ** (number - 1)), _LONGEST_PAUSE))
        self._telemetry.notified("Failed")
        _log.error("People could not be told", problem=problem, **_named(notice))

    async def _try(self, session: aiohttp.ClientSession, notice: Notice) -> tuple[str, float | None]:
        """What went wrong, or the empty string; and after how many seconds it is worth another try, or None."""
        try:
            address, headers = _address(self._url()), {"Content-Type": "application/json"}
            if self._token_file is not None:
                headers["Authorization"] = f"Bearer {self._token_file.read_text().strip()}"
        except (OSError, ValueError, ConfigurationError) as error:
            return f"{type(error).__name__}: {error}", None
        try:
            # Following a redirect would hand the message to somebody whom nobody has named.
            async with session.post(
                address, data=json.dumps(self._body(notice)), headers=headers, allow_redirects=False
            ) as answer:
                if 200 <= answer.status < 300:
                    return "", None
                said = (await answer.content.read(_LARGEST_ANSWER)).decode(errors="replace")
                passing = answer.status == 429 or answer.status >= 500
                after = answer.headers.get("Retry-After", "")
                pause = float(after) if after.isascii() and after.isdigit() else 0.0
                return f"{address.host} answered {answer.status}: {said}", pause if passing else None
        except TimeoutError:
            return f"{address.host} did not answer within {TIMEOUT_SECONDS:.0f} s", 0.0
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return f"{address.host}: {type(error).__name__}", 0.0


def json_body(notice: Notice) -> dict[str, Any]:
    """Every field of ``Notice`` in camelCase, and what a person can type."""
    body = {_camel(name): value for name, value in asdict(notice).items()}
    body["at"] = format_time(notice.at)
    body["actBy"] = format_time(notice.act_by) if notice.act_by is not None else None
    return {"version": "1", **body, "commands": _commands(notice)}


def slack_body(notice: Notice) -> dict[str, Any]:
    """``text`` alone: every compatible receiver shows it."""
    title = {"ApprovalRequired": "Approval needed", "Escalated": "Needs people", "Recommended": "Recommended"}
    target = f" · {notice.target}" if notice.target else ""
    lines = [
        f"*{title.get(notice.event, notice.event)}* · {notice.severity} · {notice.namespace}/{notice.name}{target}",
        notice.message,
        f"Alert: {notice.alert}" if notice.alert else "",
        f"Cause: {notice.cause}" if notice.cause else "",
        f"Plan: {notice.plan}" if notice.plan else "",
        f"Decide until {format_time(notice.act_by)}; after that nothing is done." if notice.act_by else "",
    ]
    said = "\n".join(_plain(line) for line in lines if line)
    typed = "\n".join(_plain(command) for command in _commands(notice))
    return {"text": f"{said[:3000]}\n```{typed}```"}


def _commands(notice: Notice) -> list[str]:
    about = f"{notice.name} -n {notice.namespace}"
    decide = [f"kubectl incident approve {about}", f"kubectl incident reject {about}"]
    return [f"kubectl incident show {about}", *(decide if notice.event == "ApprovalRequired" else [])]


def _plain(text: str) -> str:
    """Text of others must not mention channels or make links: ``<!channel>``, ``<https://…|see here>``."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("`", "'")


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _named(notice: Notice) -> dict[str, str]:
    return {"incident": f"{notice.namespace}/{notice.name}", "notice": notice.event}


def _address(text: str) -> URL:
    """Raises ``ConfigurationError`` that does not repeat the address: it is a secret."""
    try:
        found = URL(text.strip())
    except ValueError:
        found = URL()
    if found.scheme not in ("http", "https") or not found.host:
        raise ConfigurationError(
            "the webhook's address (INCIDENT_COMMANDER_NOTIFY_URL or INCIDENT_COMMANDER_NOTIFY_URL_FILE) is not an"
            " http or https URL"
        )
    return found


def address_from(url: str | None, file: Path | None) -> Callable[[], str] | None:
    """Where to read the address from: a file that a Secret is mounted to, or the setting itself; None: nowhere."""
    if file is not None:
        return file.read_text
    return (lambda: url) if url is not None else None
