"""Which Incident alerts belong to: all alerts of one lane share one open Incident."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from incident_commander.api.meta import TargetRef
from incident_commander.api.names import LABEL_TARGET_HASH
from incident_commander.intake.naming import labels_hash, storm_hash, target_hash


@dataclass(frozen=True, slots=True)
class Lane:
    """``namespace`` is where its Incidents live; ``hash`` is their label ``incidentcommander.io/target``."""

    namespace: str
    hash: str
    target: TargetRef | None = field(default=None, compare=False)
    storm: bool = field(default=False, compare=False)

    @classmethod
    def of_target(cls, namespace: str, target: TargetRef) -> Lane:
        """Alerts about one object."""
        return cls(namespace, target_hash(target), target)

    @classmethod
    def of_labels(cls, namespace: str, labels: Mapping[str, str]) -> Lane:
        """An alert that names no target. Whoever grouped it with others did not say that they are one trouble."""
        return cls(namespace, labels_hash(namespace, labels))

    @classmethod
    def of_storm(cls, namespace: str) -> Lane:
        """Alerts that a storm's Incident stands for."""
        return cls(namespace, storm_hash(namespace), storm=True)

    @property
    def selector(self) -> str:
        """Label selector of the Incidents that may hold alerts of this lane: its own, and the namespace's storms."""
        hashes = sorted({self.hash, storm_hash(self.namespace)})
        return f"{LABEL_TARGET_HASH} in ({','.join(hashes)})" if len(hashes) > 1 else f"{LABEL_TARGET_HASH}={hashes[0]}"
