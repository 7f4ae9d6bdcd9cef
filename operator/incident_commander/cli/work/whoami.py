"""Who we are to the API server, and what time it has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from incident_commander.api import kinds
from incident_commander.ports import Cluster, Object


@dataclass(frozen=True, slots=True)
class Whoami:
    """``username`` is empty where the answer names nobody; ``server_time`` is to the second, None where not told."""

    username: str
    server_time: datetime | None


async def whoami(cluster: Cluster) -> Whoami:
    """By a SelfSubjectReview. Raises ``ClusterError``."""
    body: Object = {"apiVersion": kinds.SELF_SUBJECT_REVIEW.api_version, "kind": kinds.SELF_SUBJECT_REVIEW.kind}
    answer = await cluster.create(kinds.SELF_SUBJECT_REVIEW, None, body)
    name = ((answer.get("status") or {}).get("userInfo") or {}).get("username")
    stamp = (answer.get("metadata") or {}).get("creationTimestamp")
    at = datetime.fromisoformat(stamp).astimezone(UTC) if isinstance(stamp, str) else None
    return Whoami(name if isinstance(name, str) else "", at)
