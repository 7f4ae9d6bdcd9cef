"""The identity of an alert's label set, and of one firing of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

from incident_commander.api.meta import format_time

_OFFSET = 0xCBF29CE484222325
_PRIME = 0x100000001B3
_MASK = 0xFFFFFFFFFFFFFFFF
_SEPARATOR = b"\xff"

KEY_BYTES = 6


def fingerprint(labels: Mapping[str, str]) -> str:
    """What Alertmanager computes: FNV-1a (64 bit) over the sorted labels, 16 hex digits.

    Source: prometheus/common, model/signature.go (``labelSetToFingerprint``).
    """
    total = _OFFSET
    for name in sorted(labels, key=_encoded):
        for byte in _encoded(name) + _SEPARATOR + _encoded(labels[name]) + _SEPARATOR:
            total = (total ^ byte) * _PRIME & _MASK
    return f"{total:016x}"


def firing_key(alert_fingerprint: str, starts_at: datetime) -> bytes:
    """Six bytes that stand for one firing of an alert, where there is only room to count it.

    Two of the 2,048 that an Incident remembers coincide with a probability below 10^-8.
    """
    text = f"{alert_fingerprint}\x00{format_time(starts_at)}"
    return hashlib.sha256(_encoded(text)).digest()[:KEY_BYTES]


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
