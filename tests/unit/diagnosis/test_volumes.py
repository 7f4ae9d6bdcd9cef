"""Full volumes and claims without a volume."""

from incident_agents.diagnosis.engine import diagnose
from incident_commander.api.causes import Cause
from incident_commander.evidence.evidence import Measured
from incident_commander.ports import Object
from tests.unit.diagnosis.builders import (
    NOW,
    crash_looping,
    deployment,
    event,
    evidence,
    incident,
    log,
    meta,
    pod,
    replica_set,
    series,
    told,
)

GIB = 1024**3


def claim(phase: str = "Bound", storage_class: str = "standard") -> Object:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": meta("data"),
        "spec": {"storageClassName": storage_class, "accessModes": ["ReadWriteOnce"]},
        "status": {"phase": phase} | ({"capacity": {"storage": "10Gi"}} if phase == "Bound" else {}),
    }


def storage_class(name: str = "standard", *, expandable: bool = True) -> Object:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name, "uid": f"uid-{name}", "resourceVersion": "5"},
        "provisioner": "example.com/disk",
        "allowVolumeExpansion": expandable,
    }


def usage(used: float) -> dict[str, Measured]:
    return {
        "volume_used": series("volume_used", [used * GIB] * 4, persistentvolumeclaim="data"),
        "volume_capacity": series("volume_capacity", [10.0 * GIB] * 4, persistentvolumeclaim="data"),
    }


def store(status: Object | None = None) -> tuple[Object, list[Object], Object]:
    db = deployment("db", replicas=1, ready=0 if status else 1)
    rs = replica_set(db, "6d4b75cb6d", replicas=1, ready=0 if status else 1)
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    member = pod(rs, "abcde", *([status] if status else []), volumes=volumes)
    return db, [rs, member, claim(), storage_class()], member


def test_a_full_volume_explains_the_crashes_of_who_writes_to_it() -> None:
    db, objects, member = store(crash_looping("db", code=1))
    words = log(member, "FATAL: could not write: No space left on device", container="db")
    found = diagnose(evidence(db, *objects, logs=[words], metrics=usage(9.9)), incident(), NOW)
    top = found.hypotheses[0]
    assert (top.cause, top.confidence >= 85) == (Cause.VOLUME_FULL, True), told(found)
    assert (top.facts["usedPercent"], top.facts["capacity"], top.facts["expandable"]) == ("99", "10Gi", "true")
    assert found.hypotheses[1].cause is Cause.CRASH_LOOP


def test_the_claim_can_be_the_target_itself() -> None:
    db, objects, _ = store()
    found = diagnose(
        evidence(objects[2], db, *objects, metrics=usage(9.7)), incident("KubePersistentVolumeFillingUp"), NOW
    )
    assert (found.hypotheses[0].cause, found.hypotheses[0].confidence >= 80) == (Cause.VOLUME_FULL, True), told(found)


def test_a_volume_with_room_is_no_cause() -> None:
    db, objects, _ = store()
    found = diagnose(evidence(db, *objects, metrics=usage(5.0)), incident(), NOW)
    assert all(h.confidence < 50 for h in found.hypotheses), told(found)


def test_a_claim_that_waits_for_its_first_consumer_is_well() -> None:
    waiting = claim("Pending")
    waits = event(
        waiting, "WaitForFirstConsumer", "waiting for first consumer to be created before binding", kind="Normal"
    )
    found = diagnose(evidence(waiting, waits, storage_class()), incident(), NOW)
    assert Cause.VOLUME_CLAIM_PENDING not in {h.cause for h in found.hypotheses}, told(found)


def test_a_claim_whose_provisioner_fails_is_pending_for_that_reason() -> None:
    waiting = claim("Pending", "gone")
    said = 'storageclass.storage.k8s.io "gone" not found'
    found = diagnose(evidence(waiting, event(waiting, "ProvisioningFailed", said), storage_class()), incident(), NOW)
    top = found.hypotheses[0]
    assert (top.cause, top.facts["reason"], top.confidence >= 85) == (
        Cause.VOLUME_CLAIM_PENDING,
        "StorageClassMissing",
        True,
    )
