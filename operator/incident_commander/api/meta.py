"""What all resources share: the model base, time stamps, metadata, conditions, references."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel


def format_time(value: datetime) -> str:
    """RFC 3339 in UTC with milliseconds; stable under parse and format."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _aware(value: Any) -> Any:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a time without a zone; write RFC 3339, e.g. 2026-01-31T12:00:00Z")
        return value.astimezone(UTC).replace(microsecond=value.microsecond // 1000 * 1000)
    return value


def _parse(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return _aware(datetime.fromisoformat(value.replace("Z", "+00:00")))
        except ValueError:
            raise ValueError(f"{value!r} is not an RFC 3339 time, e.g. 2026-01-31T12:00:00Z") from None
    return _aware(value)


Timestamp = Annotated[
    datetime, BeforeValidator(_parse), PlainSerializer(format_time, return_type=str), Field(json_schema_extra={})
]
"""UTC time with millisecond precision, written as RFC 3339."""

ShortText = Annotated[str, Field(max_length=256)]
Text = Annotated[str, Field(max_length=1024)]
LongText = Annotated[str, Field(max_length=8192)]
Percent = Annotated[int, Field(ge=0, le=100)]


class Model(BaseModel):
    """Frozen, camelCase outside, unknown fields ignored (the API server prunes them anyway)."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore", use_enum_values=False
    )

    def to_json(self) -> dict[str, Any]:
        """The JSON shape that the API server stores: camelCase, without unset optional fields."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class ObjectMeta(Model):
    """The part of metadata that the project reads."""

    name: str = ""
    namespace: str | None = None
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    creation_timestamp: Timestamp | None = None
    deletion_timestamp: Timestamp | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class Condition(Model):
    """A Kubernetes condition (API conventions, "Typical status properties")."""

    type: ShortText
    status: Annotated[str, Field(pattern="^(True|False|Unknown)$")]
    reason: ShortText
    message: Text = ""
    observed_generation: int = 0
    last_transition_time: Timestamp


class TargetRef(Model):
    """An object of the cluster. ``uid`` and ``generation`` pin one incarnation of it."""

    api_version: ShortText
    kind: ShortText
    namespace: ShortText | None = None
    name: ShortText
    uid: ShortText | None = None
    generation: int | None = None

    def __str__(self) -> str:
        """``Kind/namespace/name`` or ``Kind/name``: how objects are written in citations and messages."""
        return "/".join(part for part in (self.kind, self.namespace, self.name) if part)
