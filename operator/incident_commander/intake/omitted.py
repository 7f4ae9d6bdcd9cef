"""Alerts that an Incident only counts: which of them it has counted already, so that none counts twice."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from incident_commander.api.names import GROUP
from incident_commander.intake.fingerprint import KEY_BYTES
from incident_commander.intake.naming import short_hash

ANNOTATION_OMITTED = f"{GROUP}/omitted-alerts"
"""On an Incident: what makes up ``spec.omittedAlerts``, as compact JSON. Written by the gateway only."""

REMEMBERED_FIRINGS = 2048
"""Firings told apart per Incident (16 KiB); further ones count each time that they are sent."""
REMEMBERED_GROUPS = 16


@dataclass(frozen=True, slots=True)
class Omitted:
    """What was counted. ``truncated`` is the highest ``truncatedAlerts`` of each group (by short hash of its key)."""

    total: int = 0
    firings: frozenset[bytes] = frozenset()
    truncated: Mapping[str, int] = field(default_factory=dict)

    def holds(self, key: bytes) -> bool:
        """Whether that firing has been counted; False also when it is no longer known."""
        return key in self.firings

    def with_firing(self, key: bytes) -> Omitted:
        """One more alert counted."""
        firings = self.firings | {key} if len(self.firings) < REMEMBERED_FIRINGS else self.firings
        return replace(self, total=self.total + 1, firings=firings)

    def with_truncated(self, group_key: str, count: int) -> Omitted:
        """``count`` alerts of that group were left out by Alertmanager; the highest number told counts."""
        group = short_hash(group_key)
        before = self.truncated.get(group, 0)
        if count <= before:
            return self
        truncated = dict(self.truncated)
        if group in truncated or len(truncated) < REMEMBERED_GROUPS:
            truncated[group] = count
        return replace(self, total=self.total + count - before, truncated=truncated)

    def to_text(self) -> str:
        """For the annotation; the same value has the same text."""
        text = base64.b64encode(b"".join(sorted(self.firings))).decode("ascii")
        return json.dumps({"firings": text, "truncated": dict(self.truncated)}, separators=(",", ":"), sort_keys=True)

    @classmethod
    def from_text(cls, text: str, total: int) -> Omitted:
        """From the annotation and ``spec.omittedAlerts``. What cannot be read is forgotten: it may count again."""
        try:
            value = json.loads(text)
            packed = base64.b64decode(value.get("firings", ""), validate=True)
            truncated = {str(group): int(count) for group, count in value.get("truncated", {}).items()}
        except (ValueError, TypeError, AttributeError, binascii.Error):
            return cls(total)
        keys = (packed[at : at + KEY_BYTES] for at in range(0, len(packed) - KEY_BYTES + 1, KEY_BYTES))
        return cls(total, frozenset(keys), truncated)
