"""Alertmanager's webhook (version 4; Grafana's is the same with more fields) → alerts that fit an Incident.

Source: prometheus/alertmanager, notify/webhook/webhook.go and template/template.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from incident_commander.api.incident import Alert, AlertStatus
from incident_commander.errors import InvalidPayload
from incident_commander.intake.bounds import bounded, bounded_maps
from incident_commander.intake.fingerprint import fingerprint
from incident_commander.intake.skew import OWN_ANNOTATIONS, believable
from incident_commander.intake.target import TARGET_LABELS

_FIRST_LABELS = ("alertname", "severity", *TARGET_LABELS)
_FINGERPRINT_LIMIT = 64
_GROUP_KEY_LIMIT = 65536
_VERSIONS = ("4", "1")
"""Alertmanager's, and Grafana's number for the same fields."""
_UNSET_BEFORE = 1970
"""Years: Go writes a time that was never set as 0001-01-01T00:00:00Z."""


@dataclass(frozen=True, slots=True)
class Notification:
    """One webhook POST. ``truncated``: how many alerts of the group Alertmanager left out (``max_alerts``)."""

    group_key: str
    alerts: tuple[Alert, ...]
    truncated: int = 0


def _moment(value: object) -> datetime:
    if not isinstance(value, str):
        raise ValueError(f"a time is a string in RFC 3339, this is {_described(value)}")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value[:64]!r} is not an RFC 3339 time, e.g. 2026-01-31T12:00:00Z") from None
    if moment.tzinfo is None:
        raise ValueError(f"{value[:64]!r} has no zone; write RFC 3339, e.g. 2026-01-31T12:00:00Z")
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{value[:64]!r} is outside of the years 1 to 9999") from None
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _described(value: object) -> str:
    return "null" if value is None else type(value).__name__


def _start(moment: datetime) -> datetime:
    if moment.year < _UNSET_BEFORE:
        raise ValueError(f"{moment.isoformat()} is before {_UNSET_BEFORE}: was it never set?")
    return moment


def _version(version: str) -> str:
    if version not in _VERSIONS:
        raise ValueError(
            f"{version[:64]!r} is not known here: this is Alertmanager's webhook, version '4' (or Grafana's, '1')"
        )
    return version


_Moment = Annotated[datetime, BeforeValidator(_moment)]
_Labels = Annotated[dict[str, str], Field(default_factory=dict)]


class _Outside(BaseModel):
    """Unknown fields are ignored: Grafana adds some, and later versions will."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class WebhookAlert(_Outside):
    """One alert, as it is sent."""

    status: AlertStatus
    labels: _Labels
    annotations: _Labels
    starts_at: Annotated[_Moment, AfterValidator(_start), Field(alias="startsAt")]
    ends_at: Annotated[_Moment | None, Field(alias="endsAt")] = None
    generator_url: Annotated[str | None, Field(alias="generatorURL")] = None
    fingerprint: str | None = None


class Webhook(_Outside):
    """The request body. Only ``alerts`` is needed."""

    version: Annotated[str, AfterValidator(_version)] = "4"
    group_key: Annotated[str, Field(alias="groupKey", max_length=_GROUP_KEY_LIMIT)] = ""
    group_labels: Annotated[dict[str, str] | None, Field(alias="groupLabels")] = None
    truncated: Annotated[int | None, Field(alias="truncatedAlerts", ge=0, le=1_000_000, strict=True)] = None
    alerts: list[WebhookAlert]


_WEBHOOK = TypeAdapter(Webhook)


def parse_notification(body: bytes, now: datetime) -> Notification:
    """The notification in a request body that came ``now``.

    Raises ``InvalidPayload`` with the path of the first field that is wrong, e.g. ``alerts[2].startsAt``.
    Strings longer than an Incident's bounds are cut, with a marker (``bounds.bounded``); that never changes an
    alert's fingerprint. Times that cannot be are corrected, and say so (``skew.believable``).
    """
    try:
        webhook = _WEBHOOK.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise InvalidPayload(_path(first["loc"]), _reworded(first["msg"])) from None
    if not webhook.alerts and webhook.truncated:
        raise InvalidPayload("alerts", f"is empty, but truncatedAlerts is {webhook.truncated}; send at least one alert")
    group_key = webhook.group_key or _group_key(webhook.group_labels or {})
    alerts = tuple(believable(_recorded(alert), now) for alert in webhook.alerts)
    return Notification(group_key, alerts, webhook.truncated or 0)


def webhook_schema() -> dict[str, object]:
    """JSON schema of the body, for OpenAPI."""
    return _WEBHOOK.json_schema(by_alias=True, ref_template="#/components/schemas/{model}", mode="validation")


def _recorded(raw: WebhookAlert) -> Alert:
    told = {name: text for name, text in raw.annotations.items() if name not in OWN_ANNOTATIONS}
    labels, annotations = bounded_maps(raw.labels, told, first=_FIRST_LABELS, kept_free=len(OWN_ANNOTATIONS))
    resolved = raw.status is AlertStatus.RESOLVED
    ended = raw.ends_at if resolved and raw.ends_at is not None and raw.ends_at.year > 1 else None
    given = raw.fingerprint or ""
    return Alert(
        fingerprint=given if _plain(given) else fingerprint(raw.labels),
        status=raw.status,
        labels=labels,
        annotations=annotations,
        starts_at=raw.starts_at,
        ends_at=ended,
        generator_url=bounded(raw.generator_url or ""),
    )


def _plain(given: str) -> bool:
    return 0 < len(given) <= _FINGERPRINT_LIMIT and given.isascii() and given.isalnum()


def _group_key(labels: dict[str, str]) -> str:
    """Alertmanager always sends a group key; for senders that do not, the group's labels tell it apart."""
    inner = ", ".join(f"{name}={labels[name]!r}" for name in sorted(labels))
    return f"{{}}:{{{inner}}}"


def _path(location: Sequence[int | str]) -> str:
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in location]
    return "".join(parts).removeprefix(".")


def _reworded(message: str) -> str:
    return message.removeprefix("Value error, ")
