"""Pods: ``resize``, defaults of requests, and ``logs``."""

from __future__ import annotations

import pytest

from incident_commander import errors
from incident_commander.api.kinds import (
    POD,
)
from incident_commander.ports import PatchType
from tests.functional.contract.sides import Side, pod, replace


class TestPods:
    async def test_resources_cannot_be_changed_in_the_spec(self, side: Side) -> None:
        await side.cluster.create(POD, side.namespace, pod())
        path = "/spec/containers/0/resources/limits/cpu"

        with pytest.raises(errors.Invalid, match="pod updates may not change fields"):
            await side.cluster.patch(POD, side.namespace, "alone", [replace(path, "200m")], patch_type=PatchType.JSON)

    async def test_resources_can_be_changed_through_resize(self, side: Side) -> None:
        await side.cluster.create(POD, side.namespace, pod(requests={"memory": "64Mi"}))
        operations = [
            replace("/spec/containers/0/resources/limits/cpu", "200m"),
            replace("/spec/containers/0/resources/limits/memory", "256Mi"),
        ]

        patched = await side.cluster.patch(
            POD, side.namespace, "alone", operations, patch_type=PatchType.JSON, subresource="resize"
        )

        assert patched["spec"]["containers"][0]["resources"]["limits"] == {"cpu": "200m", "memory": "256Mi"}
        assert patched["metadata"]["generation"] == 2

    async def test_a_resize_that_changes_the_qos_class_is_refused(self, side: Side) -> None:
        await side.cluster.create(POD, side.namespace, pod())
        path = "/spec/containers/0/resources/limits/cpu"

        with pytest.raises(errors.Invalid, match="Pod QOS Class may not change"):
            await side.cluster.patch(
                POD, side.namespace, "alone", [replace(path, "200m")], patch_type=PatchType.JSON, subresource="resize"
            )

    async def test_whatever_else_is_sent_to_resize_is_ignored(self, side: Side) -> None:
        await side.cluster.create(POD, side.namespace, pod(requests={"memory": "64Mi"}))
        operations = [
            replace("/spec/containers/0/image", "registry.example/web:2"),
            replace("/spec/containers/0/resources/limits/cpu", "200m"),
        ]

        patched = await side.cluster.patch(
            POD, side.namespace, "alone", operations, patch_type=PatchType.JSON, subresource="resize"
        )

        assert patched["spec"]["containers"][0]["image"] == "registry.example/web:1"
        assert patched["spec"]["containers"][0]["resources"]["limits"]["cpu"] == "200m"

    async def test_requests_default_to_limits(self, side: Side) -> None:
        made = await side.cluster.create(POD, side.namespace, pod())

        assert made["spec"]["containers"][0]["resources"]["requests"] == {"cpu": "100m", "memory": "128Mi"}
        assert made["status"]["qosClass"] == "Guaranteed"
        assert made["status"]["phase"] == "Pending"

    async def test_the_log_of_a_pod_without_a_node_is_empty(self, side: Side) -> None:
        await side.cluster.create(POD, side.namespace, pod())

        assert await side.cluster.logs(side.namespace, "alone", "web") == ""

    async def test_a_log_of_no_pod_is_unavailable_or_not_found(self, side: Side) -> None:
        with pytest.raises((errors.LogsUnavailable, errors.NotFound)):
            await side.cluster.logs(side.namespace, "nobody", "web")
