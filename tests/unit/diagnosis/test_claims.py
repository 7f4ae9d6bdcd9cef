"""Claims that no volume satisfies: the one wish that is not met is told."""

from typing import Any

import pytest

from incident_agents.diagnosis.engine import diagnose
from incident_commander.api.causes import Cause
from incident_commander.ports import Object
from tests.unit.diagnosis.builders import (
    NOW,
    deployment,
    event,
    evidence,
    incident,
    meta,
    pending,
    replica_set,
    template,
)

CLAIM: dict[str, Any] = {
    "accessModes": ["ReadWriteOnce"],
    "storageClassName": "",
    "resources": {"requests": {"storage": "1Gi"}},
}
VOLUME: dict[str, Any] = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}}
FREE = {"phase": "Available"}


def volume(name: str = "pv-1", labels: dict[str, str] | None = None, **spec: Any) -> Object:
    status = {"phase": "Bound"} if "claimRef" in spec else FREE
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "labels": labels or {}},
        "spec": VOLUME | spec,
        "status": status,
    }


@pytest.mark.parametrize(
    ("wish", "given", "reason"),
    [
        ({"storageClassName": "fast"}, volume(storageClassName="slow"), "StorageClassMismatch"),
        ({"selector": {"matchLabels": {"disk": "ssd"}}}, volume(labels={"disk": "hdd"}), "SelectorMismatch"),
        ({"accessModes": ["ReadWriteMany"]}, volume(), "AccessModeMismatch"),
        ({"resources": {"requests": {"storage": "3Gi"}}}, volume(), "CapacityMismatch"),
        ({}, volume(claimRef={"namespace": "shop", "name": "other"}), "VolumeOccupied"),
        ({"volumeMode": "Block"}, volume(), "VolumeModeMismatch"),
        ({"volumeName": "pv-9"}, volume(), "VolumeMissing"),
    ],
)
@pytest.mark.parametrize("binding", ["Immediate", "WaitForFirstConsumer"])
def test_the_wish_that_is_not_met_is_the_reason(wish: dict[str, Any], given: Object, reason: str, binding: str) -> None:
    claim: Object = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": meta("data"),
        "spec": CLAIM | wish,
        "status": {"phase": "Pending"},
    }
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    db = deployment("db", replicas=1, ready=0, template=template("db", volumes=volumes))
    owner = replica_set(db, "6d4b75cb6d", replicas=1, ready=0)
    more: list[Object] = []
    if binding == "Immediate":
        waits = pending(owner, "abcde", "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.")
        why = "no persistent volumes available for this claim and no storage class is set"
        said = event(claim, "FailedBinding", why)
    else:
        why = "0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind."
        waits = pending(owner, "abcde", why)
        more = [event(waits, "FailedScheduling", why)]
        said = event(claim, "WaitForFirstConsumer", "waiting for first consumer to be created before binding")
    found = diagnose(evidence(None, claim, given, db, owner, waits, said, *more), incident(), NOW)
    top = found.hypotheses[0]
    assert (top.cause, top.facts["reason"], top.facts["dependent"]) == (
        Cause.VOLUME_CLAIM_PENDING,
        reason,
        "Deployment/db",
    )
    assert top.confidence >= 85
