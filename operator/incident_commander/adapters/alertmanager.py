"""The alerts that are active, as Alertmanager's API tells them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from incident_commander.api.incident import Alert, AlertStatus
from incident_commander.errors import ConfigurationError, Unavailable
from incident_commander.evidence import fields
from incident_commander.intake.bounds import bounded, bounded_maps
from incident_commander.intake.fingerprint import fingerprint
from incident_commander.intake.target import TARGET_LABELS

_LARGEST = 16 * 1024 * 1024
_SECONDS = 10.0


async def active_alerts(url: str) -> list[dict[str, Any]]:
    """What ``GET /api/v2/alerts`` answers, without silenced and inhibited ones.

    Raises ``ConfigurationError`` for what is no URL and ``Unavailable`` for every other trouble.
    """
    import aiohttp
    from yarl import URL

    base = URL(url)
    if base.scheme not in ("http", "https") or not base.host:
        raise ConfigurationError(f"{url!r} is no address of an Alertmanager, such as http://alertmanager:9093")
    where = base / "api/v2/alerts" % {"active": "true", "silenced": "false", "inhibited": "false"}
    timeout = aiohttp.ClientTimeout(total=_SECONDS, connect=5)
    try:
        async with aiohttp.ClientSession(timeout=timeout, trust_env=True) as session, session.get(where) as answer:
            body = await answer.content.read(_LARGEST + 1)
            while len(body) <= _LARGEST and (more := await answer.content.read(_LARGEST + 1 - len(body))):
                body += more
            status = answer.status
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise Unavailable(f"{base.host}: {type(error).__name__}: {error}") from error
    try:
        found = json.loads(body) if status == 200 and len(body) <= _LARGEST else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list):
        raise Unavailable(f"{base.host}: {status}, and no list of alerts of at most {_LARGEST} bytes")
    return [alert for alert in found if isinstance(alert, dict)]


def read_alerts(entries: Sequence[Any]) -> list[Alert]:
    """Those of the entries that are alerts: with labels, and a time at which they started."""
    found = []
    for entry in entries:
        labels, starts_at = fields.strings(entry, "labels"), fields.moment(entry, "startsAt")
        if not labels or starts_at is None:
            continue
        kept, annotations = bounded_maps(
            labels, fields.strings(entry, "annotations"), first=("alertname", "severity", *TARGET_LABELS)
        )
        found.append(
            Alert(
                fingerprint=bounded(fields.text(entry, "fingerprint"), 64) or fingerprint(labels),
                status=AlertStatus.FIRING,
                labels=kept,
                annotations=annotations,
                starts_at=starts_at,
                ends_at=fields.moment(entry, "endsAt"),
                generator_url=bounded(fields.text(entry, "generatorURL")),
            )
        )
    return found
