"""``get``, ``list`` and ``offers``."""

from __future__ import annotations

from typing import Any

import pytest

from incident_commander import errors
from incident_commander.api.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    INCIDENT,
    NAMESPACE,
    POD,
    REPLICA_SET,
)
from tests.functional.contract.sides import Side, config_map, pod


class TestReading:
    async def test_what_does_not_exist_is_not_found(self, side: Side) -> None:
        with pytest.raises(errors.NotFound, match=r'deployments.apps "web" not found'):
            await side.cluster.get(DEPLOYMENT, side.namespace, "web")

    async def test_a_list_is_ordered_by_name_and_says_of_which_kind_its_items_are(self, side: Side) -> None:
        for name in ("b", "c", "a"):
            await side.cluster.create(CONFIG_MAP, side.namespace, config_map(name))

        found = [c for c in await side.cluster.list(CONFIG_MAP, side.namespace) if c["metadata"]["name"] in "abc"]

        assert [c["metadata"]["name"] for c in found] == ["a", "b", "c"]
        assert {(c["apiVersion"], c["kind"]) for c in found} == {("v1", "ConfigMap")}

    @pytest.mark.parametrize(
        ("selector", "expected"),
        [
            ("tier=front", {"one", "two"}),
            ("tier!=front", {"three", "four"}),
            ("tier in (front,back)", {"one", "two", "three"}),
            ("tier notin (back)", {"one", "two", "four"}),
            ("track", {"one"}),
            ("!tier", {"four"}),
            ("tier=front,!track", {"two"}),
            ("tier==back", {"three"}),
        ],
    )
    async def test_label_selectors(self, side: Side, selector: str, expected: set[str]) -> None:
        for name, labels in {
            "one": {"tier": "front", "track": "canary"},
            "two": {"tier": "front"},
            "three": {"tier": "back"},
            "four": {"other": "x"},
        }.items():
            await side.cluster.create(CONFIG_MAP, side.namespace, config_map(name, labels))

        found = await side.cluster.list(CONFIG_MAP, side.namespace, labels=selector)

        assert {c["metadata"]["name"] for c in found} - {"kube-root-ca.crt"} == expected

    async def test_field_selectors_by_name(self, side: Side) -> None:
        for name in ("a", "b"):
            await side.cluster.create(CONFIG_MAP, side.namespace, config_map(name))

        found = await side.cluster.list(CONFIG_MAP, side.namespace, fields="metadata.name=b")

        assert [c["metadata"]["name"] for c in found] == ["b"]

    async def test_field_selectors_of_pods(self, side: Side) -> None:
        await side.cluster.create(POD, side.namespace, pod() | {"spec": pod()["spec"] | {"nodeName": "node-x"}})

        assert len(await side.cluster.list(POD, side.namespace, fields="spec.nodeName=node-x")) == 1
        assert await side.cluster.list(POD, side.namespace, fields="spec.nodeName!=node-x") == []
        assert len(await side.cluster.list(POD, side.namespace, fields="status.phase=Pending")) == 1

    async def test_a_field_that_cannot_be_selected_by_is_refused(self, side: Side) -> None:
        with pytest.raises(errors.Invalid, match="not a known field selector"):
            await side.cluster.list(DEPLOYMENT, side.namespace, fields="spec.replicas=1")

    async def test_so_is_one_that_another_kind_has(self, side: Side) -> None:
        with pytest.raises(errors.Invalid, match=r"field label not supported: spec\.replicas"):
            await side.cluster.list(POD, side.namespace, fields="spec.replicas=1")

    async def test_what_is_answered_can_be_changed_without_harm(self, side: Side) -> None:
        made = await side.deploy()
        made["spec"]["replicas"] = 99

        assert (await side.cluster.get(DEPLOYMENT, side.namespace, "web"))["spec"]["replicas"] == 0


class TestOffers:
    @pytest.mark.parametrize(
        ("kind", "subresource", "offered"),
        [
            (DEPLOYMENT, None, True),
            (INCIDENT, "status", True),
            (POD, "resize", True),
            (DEPLOYMENT, "resize", False),
            (CONFIG_MAP, "status", False),
            (NAMESPACE, None, True),
            (REPLICA_SET, "status", True),
        ],
        ids=str,
    )
    async def test_says_what_is_served(self, side: Side, kind: Any, subresource: str | None, offered: bool) -> None:
        assert await side.cluster.offers(kind, subresource) is offered
