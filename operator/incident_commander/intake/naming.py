"""Names that are the same whoever makes them: of Incidents, and of what their alerts have in common."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from incident_commander.api.meta import TargetRef, format_time

_PREFIX_LENGTH = 40
_HASH_LENGTH = 10
_LANE_HASH_LENGTH = 20
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")
STORM_PREFIX = "alert-storm"
_OF_THE_TELLING = frozenset({"severity", "prometheus", "prometheus_replica", "replica", "__replica__"})


def target_hash(target: TargetRef) -> str:
    """Value of the label ``incidentcommander.io/target``: the same for every incarnation of the object."""
    group = target.api_version.split("/", 1)[0] if "/" in target.api_version else ""
    return _hashed("Target", group, target.kind, target.namespace or "", target.name)[:_LANE_HASH_LENGTH]


def labels_hash(namespace: str, labels: Mapping[str, str]) -> str:
    """The same for an alert that names no target: all that is known of what it is about are its labels.

    Not the labels that one trouble has several of: its severities, and the Prometheus replicas that tell of it.
    """
    told = (text for name in sorted(labels) if name not in _OF_THE_TELLING for text in (name, labels[name]))
    return _hashed("Labels", namespace, *told)[:_LANE_HASH_LENGTH]


def storm_hash(namespace: str) -> str:
    """The same for the alert storms of a namespace."""
    return _hashed("Storm", namespace)[:_LANE_HASH_LENGTH]


def incident_names(prefix: str, lane_hash: str, group_key: str, starts_at: datetime, fingerprint: str) -> Iterator[str]:
    """Names for an Incident (DNS-1123 labels), the first of them free of the fingerprint.

    Two replicas that are given the same alert agree on the name. The further ones are for when an Incident of that
    name has ended without this alert.
    """
    readable = _NOT_IN_NAMES.sub("-", prefix.lower()).strip("-")[:_PREFIX_LENGTH].strip("-") or "incident"
    told = ("Incident", lane_hash, group_key, format_time(starts_at))
    yield f"{readable}-{_hashed(*told)[:_HASH_LENGTH]}"
    for ordinal in range(1, 1000):
        yield f"{readable}-{_hashed(*told, fingerprint, str(ordinal))[:_HASH_LENGTH]}"


def short_hash(text: str) -> str:
    """Sixteen hex digits that stand for a long text."""
    return _hashed(text)[:16]


def _hashed(*parts: str) -> str:
    return hashlib.sha256("\x00".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
