"""ExpandVolume: larger, within the policy, and never back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_commander.actions.action import Bounds
from incident_commander.api.plan import ActionName, Risk
from incident_commander.api.quantity import parse_quantity
from incident_commander.ports import Object
from tests.unit.actions.workloads import plan, refusal

EXPAND = ActionName.EXPAND_VOLUME
WIDE = Bounds(max_volume="1Ti")


def claim(size: str = "10Gi", *, capacity: str = "", phase: str = "Bound", storage_class: str = "fast") -> Object:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"namespace": "shop", "name": "data", "uid": "uid-data", "resourceVersion": "3"},
        "spec": {"storageClassName": storage_class, "resources": {"requests": {"storage": size}}},
        "status": {"phase": phase, "capacity": {"storage": capacity or size}},
    }


def classes(*, expandable: bool | None = True) -> dict[str, list[Object]]:
    found: dict[str, Any] = {"kind": "StorageClass", "metadata": {"name": "fast"}}
    if expandable is not None:
        found["allowVolumeExpansion"] = expandable
    return {"storageclasses.storage.k8s.io": [found]}


def test_the_claim_grows_and_says_that_it_cannot_shrink() -> None:
    step = plan(EXPAND, claim(), classes(), bounds=WIDE, percent="50")
    assert [(op.path, op.value) for op in step.operations] == [("/spec/resources/requests/storage", '"15Gi"')]
    assert (step.undo.possible, step.undo.operations, step.risk) == (False, [], Risk.MEDIUM)
    assert "never shrink" in step.undo.reason + step.summary


@given(st.integers(1, 10_000), st.integers(1, 100))
def test_it_always_grows_by_at_least_what_is_asked_and_by_less_than_a_gib_more(mebibytes: int, percent: int) -> None:
    step = plan(EXPAND, claim(f"{mebibytes}Mi"), classes(), bounds=WIDE, percent=str(percent))
    wanted = parse_quantity((step.operations[0].value or "").strip('"'))
    asked = parse_quantity(f"{mebibytes}Mi") * (100 + percent) / 100
    assert asked <= wanted < asked + 2**30
    assert wanted % 2**30 == 0


def test_without_a_bound_in_the_policy_none_grows() -> None:
    assert refusal(EXPAND, claim(), classes(), percent="50") == "NoBound"
    assert refusal(EXPAND, claim(), classes(), bounds=Bounds(max_volume="14Gi"), percent="50") == "AboveBound"
    assert plan(EXPAND, claim(), classes(), bounds=Bounds(max_volume="15Gi"), percent="50").operations
    assert refusal(EXPAND, claim(), classes(), bounds=Bounds(max_volume="lots"), percent="50") == "BadBound"


@pytest.mark.parametrize(
    ("target", "related", "reason"),
    [
        (claim(phase="Pending"), classes(), "ClaimNotBound"),
        (claim(phase="Lost"), classes(), "ClaimNotBound"),
        (claim(capacity="5Gi"), classes(), "StillGrowing"),
        (claim(), classes(expandable=False), "NotExpandable"),
        (claim(), classes(expandable=None), "NotExpandable"),
        (claim(storage_class=""), classes(), "NoStorageClass"),
        (claim(), {"storageclasses.storage.k8s.io": []}, "NoStorageClass"),
        (claim(), {}, "NotObserved"),
    ],
)
def test_a_claim_that_cannot_grow_is_refused(target: Object, related: dict[str, list[Object]], reason: str) -> None:
    assert refusal(EXPAND, target, related, bounds=WIDE, percent="50") == reason


@pytest.mark.parametrize("percent", ["0", "101", "-5", "much", ""])
def test_a_percentage_that_is_none_is_refused(percent: str) -> None:
    assert refusal(EXPAND, claim(), classes(), bounds=WIDE, percent=percent) in ("BadParameter", "MissingParameter")
