"""The generation and the status subresource, which ``patch`` and ``create`` keep apart from the spec."""

from __future__ import annotations

from typing import Any

import pytest

from incident_commander import errors
from incident_commander.api.kinds import (
    CONFIG_MAP,
    HORIZONTAL_POD_AUTOSCALER,
    INCIDENT,
    POD,
    SECRET,
    SERVICE,
    STATEFUL_SET,
)
from incident_commander.ports import PatchType
from tests.functional.contract.sides import Side, config_map, deployment, incident, pod


class TestGeneration:
    async def test_of_an_incident_rises_with_the_spec_only(self, side: Side) -> None:
        await side.cluster.create(INCIDENT, side.namespace, incident())

        async def patch(body: Any) -> int:
            patched = await side.cluster.patch(INCIDENT, side.namespace, "inc", body, patch_type=PatchType.MERGE)
            return int(patched["metadata"]["generation"])

        assert await patch({"metadata": {"annotations": {"n": "v"}}}) == 1
        assert await patch({"spec": {"description": "something else"}}) == 2

    async def test_of_a_paused_deployment_rises_with_spec_and_annotations_not_with_labels(self, side: Side) -> None:
        before = (await side.deploy(paused=True))["metadata"]["generation"]

        labelled = await side.merge("web", {"metadata": {"labels": {"n": "v"}}})
        annotated = await side.merge("web", {"metadata": {"annotations": {"n": "v"}}})
        shortened = await side.merge("web", {"spec": {"revisionHistoryLimit": 5}})

        assert labelled["metadata"]["generation"] == before
        assert annotated["metadata"]["generation"] == before + 1
        assert shortened["metadata"]["generation"] == before + 2

    async def test_of_a_stateful_set_does_not_rise_with_annotations(self, side: Side) -> None:
        body = deployment() | {"kind": "StatefulSet"}
        await side.cluster.create(STATEFUL_SET, side.namespace, body)

        patched = await side.cluster.patch(
            STATEFUL_SET,
            side.namespace,
            "web",
            {"metadata": {"annotations": {"n": "v"}}},
            patch_type=PatchType.MERGE,
        )

        assert patched["metadata"]["generation"] == 1

    async def test_does_not_rise_with_the_status(self, side: Side) -> None:
        await side.cluster.create(INCIDENT, side.namespace, incident())

        patched = await side.cluster.patch(
            INCIDENT,
            side.namespace,
            "inc",
            {"status": {"phase": "Diagnosing"}},
            patch_type=PatchType.MERGE,
            subresource="status",
        )

        assert patched["metadata"]["generation"] == 1

    @pytest.mark.parametrize("kind", [POD, HORIZONTAL_POD_AUTOSCALER, SERVICE, SECRET], ids=lambda kind: kind.kind)
    async def test_is_counted_for_the_same_kinds(self, side: Side, kind: Any) -> None:
        bodies = {
            "Pod": pod(),
            "HorizontalPodAutoscaler": {
                "apiVersion": "autoscaling/v2",
                "kind": "HorizontalPodAutoscaler",
                "metadata": {"name": "alone"},
                "spec": {
                    "maxReplicas": 2,
                    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                },
            },
            "Service": {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "alone"},
                "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
            },
            "Secret": {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "alone"}},
        }

        made = await side.cluster.create(kind, side.namespace, bodies[kind.kind])

        assert made["metadata"].get("generation") == {"Pod": 1}.get(kind.kind)


class TestStatus:
    async def test_a_write_to_the_object_leaves_the_status_alone(self, side: Side) -> None:
        await side.cluster.create(INCIDENT, side.namespace, incident())

        patched = await side.cluster.patch(
            INCIDENT, side.namespace, "inc", {"status": {"phase": "Resolved"}}, patch_type=PatchType.MERGE
        )

        assert patched.get("status", {}).get("phase") != "Resolved"

    async def test_a_write_to_the_status_leaves_spec_and_metadata_alone(self, side: Side) -> None:
        await side.cluster.create(INCIDENT, side.namespace, incident())
        body = {
            "metadata": {"annotations": {"n": "v"}, "labels": {"l": "v"}},
            "spec": {"description": "changed"},
            "status": {"phase": "Diagnosing"},
        }

        patched = await side.cluster.patch(
            INCIDENT, side.namespace, "inc", body, patch_type=PatchType.MERGE, subresource="status"
        )

        assert patched["status"]["phase"] == "Diagnosing"
        assert patched["spec"]["description"] == "something is wrong"
        assert "n" not in patched["metadata"].get("annotations", {})
        assert "l" not in patched["metadata"].get("labels", {})

    async def test_a_status_that_breaks_the_schema_is_refused(self, side: Side) -> None:
        await side.cluster.create(INCIDENT, side.namespace, incident())

        with pytest.raises(errors.Invalid, match="phase"):
            await side.cluster.patch(
                INCIDENT,
                side.namespace,
                "inc",
                {"status": {"phase": "Dreaming"}},
                patch_type=PatchType.MERGE,
                subresource="status",
            )

    async def test_an_old_resource_version_conflicts_there_too(self, side: Side) -> None:
        old = (await side.cluster.create(INCIDENT, side.namespace, incident()))["metadata"]["resourceVersion"]
        await side.cluster.patch(
            INCIDENT,
            side.namespace,
            "inc",
            {"metadata": {"annotations": {"n": "v"}}},
            patch_type=PatchType.MERGE,
        )

        with pytest.raises(errors.Conflict):
            await side.cluster.patch(
                INCIDENT,
                side.namespace,
                "inc",
                {"metadata": {"resourceVersion": old}, "status": {"phase": "Diagnosing"}},
                patch_type=PatchType.MERGE,
                subresource="status",
            )

    async def test_a_kind_without_the_subresource_does_not_serve_it(self, side: Side) -> None:
        await side.cluster.create(CONFIG_MAP, side.namespace, config_map("c"))

        with pytest.raises(errors.NotFound):
            await side.cluster.patch(
                CONFIG_MAP, side.namespace, "c", {"data": {}}, patch_type=PatchType.MERGE, subresource="status"
            )

    async def test_an_incident_that_breaks_the_schema_is_refused(self, side: Side) -> None:
        with pytest.raises(errors.Invalid, match="severity"):
            await side.cluster.create(INCIDENT, side.namespace, incident() | {"spec": {"severity": "Terrible"}})

    async def test_fields_that_the_schema_does_not_know_are_pruned(self, side: Side) -> None:
        body = incident()
        body["spec"]["surprise"] = {"deep": [1]}

        made = await side.cluster.create(INCIDENT, side.namespace, body)

        assert "surprise" not in made["spec"]
