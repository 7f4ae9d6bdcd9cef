"""What ``ports.Cluster`` promises, asked of the in-memory cluster and of a real API server alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from incident_commander import errors
from incident_commander.adapters.kubernetes import KubernetesCluster
from incident_commander.api.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    INCIDENT,
    JOB,
    NAMESPACE,
    POD,
    POD_DISRUPTION_BUDGET,
    REPLICA_SET,
    SECRET,
    SERVICE,
    STATEFUL_SET,
)
from incident_commander.ports import Cluster, Object, PatchType, Propagation
from incident_commander.rehearsal.world import World
from tests.controlplane import ControlPlane

CRDS = Path(__file__).parents[3] / "crds"


@dataclass(frozen=True)
class Side:
    """One of the two, with a namespace for this test alone. ``create`` stores as the test's own user."""

    cluster: Cluster
    namespace: str

    async def deploy(self, name: str = "web", **spec: Any) -> Object:
        return await self.cluster.create(DEPLOYMENT, self.namespace, deployment(name, **spec))

    async def merge(self, name: str, body: Any, **options: Any) -> Object:
        return await self.cluster.patch(DEPLOYMENT, self.namespace, name, body, patch_type=PatchType.MERGE, **options)

    async def json(self, name: str, *operations: dict[str, Any], **options: Any) -> Object:
        return await self.cluster.patch(
            DEPLOYMENT, self.namespace, name, list(operations), patch_type=PatchType.JSON, **options
        )


@pytest.fixture
async def in_memory() -> Side:
    world = World(seed=1)
    world.add_namespace("test")
    return Side(world.cluster(), "test")


@pytest.fixture(scope="session")
def plane_with_crds(control_plane: ControlPlane) -> ControlPlane:
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    for file in sorted(CRDS.glob("*.yaml")):
        control_plane.request("POST", path, yaml.safe_load(file.read_text()))
    return control_plane


@pytest.fixture
async def real(plane_with_crds: ControlPlane, fresh_namespace: str) -> AsyncIterator[Side]:
    cluster = await KubernetesCluster.connect(str(plane_with_crds.kubeconfig))
    yield Side(cluster, fresh_namespace)
    await cluster.close()


@pytest.fixture(params=["in_memory", pytest.param("real", marks=pytest.mark.apiserver)])
def side(request: pytest.FixtureRequest) -> Side:
    found: Side = request.getfixturevalue(request.param)
    return found


def deployment(name: str = "web", **spec: Any) -> Object:
    labels = {"app": name}
    containers = [{"name": "web", "image": "registry.example/web:1", "resources": {"limits": {"memory": "128Mi"}}}]
    template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
    base = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": base | spec,
    }


def config_map(name: str, labels: dict[str, str] | None = None, **data: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "labels": labels or {}},
        "data": data,
    }


def pod(name: str = "alone", requests: dict[str, str] | None = None) -> Object:
    resources: dict[str, Any] = {"limits": {"memory": "128Mi", "cpu": "100m"}}
    if requests:
        resources["requests"] = requests
    container = {"name": "web", "image": "registry.example/web:1", "resources": resources}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container]}}


def incident(name: str = "inc") -> Object:
    return {
        "apiVersion": "incidentcommander.io/v1alpha1",
        "kind": "Incident",
        "metadata": {"name": name},
        "spec": {"severity": "Warning", "description": "something is wrong"},
    }


def test_op(path: str, value: Any) -> dict[str, Any]:
    return {"op": "test", "path": path, "value": value}


test_op.__test__ = False  # type: ignore[attr-defined]


def replace(path: str, value: Any) -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": value}


class TestCreating:
    async def test_gives_identity_version_and_first_generation(self, side: Side) -> None:
        made = await side.deploy()

        meta = made["metadata"]
        assert meta["uid"]
        assert meta["resourceVersion"]
        assert meta["creationTimestamp"].endswith("Z")
        assert meta["generation"] == 1
        assert (made["apiVersion"], made["kind"]) == ("apps/v1", "Deployment")

    async def test_fills_in_the_defaults_that_plans_may_meet(self, side: Side) -> None:
        spec = (await side.deploy(replicas=0))["spec"]

        assert spec["strategy"] == {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
        }
        assert spec["revisionHistoryLimit"] == 10
        assert spec["progressDeadlineSeconds"] == 600
        container = spec["template"]["spec"]["containers"][0]
        assert container["imagePullPolicy"] == "IfNotPresent"
        assert container["resources"] == {"limits": {"memory": "128Mi"}}
        assert spec["template"]["spec"]["terminationGracePeriodSeconds"] == 30

    async def test_a_name_that_is_taken_is_refused(self, side: Side) -> None:
        await side.deploy()

        with pytest.raises(errors.AlreadyExists, match=r'deployments.apps "web" already exists'):
            await side.deploy()

    async def test_in_a_namespace_that_does_not_exist_is_refused(self, side: Side) -> None:
        with pytest.raises(errors.NotFound, match=r'namespaces "nowhere" not found'):
            await side.cluster.create(DEPLOYMENT, "nowhere", deployment())

    async def test_a_generated_name_begins_as_asked(self, side: Side) -> None:
        body = config_map("unused")
        body["metadata"] = {"generateName": "made-"}

        made = await side.cluster.create(CONFIG_MAP, side.namespace, body)

        assert made["metadata"]["name"].startswith("made-")
        assert len(made["metadata"]["name"]) == len("made-") + 5

    async def test_ignores_a_status_that_comes_along(self, side: Side) -> None:
        made = await side.cluster.create(DEPLOYMENT, side.namespace, deployment() | {"status": {"replicas": 7}})

        assert made.get("status", {}).get("replicas", 0) == 0

    async def test_dry_run_stores_nothing(self, side: Side) -> None:
        answer = await side.cluster.create(DEPLOYMENT, side.namespace, deployment(), dry_run=True)

        assert answer["metadata"]["uid"]
        with pytest.raises(errors.NotFound):
            await side.cluster.get(DEPLOYMENT, side.namespace, "web")

    @pytest.mark.parametrize(
        ("spec", "message"),
        [
            ({"selector": {"matchLabels": {"app": "other"}}}, "`selector` does not match template `labels`"),
            ({"replicas": -1}, "spec.replicas"),
        ],
    )
    async def test_an_impossible_deployment_is_refused(self, side: Side, spec: dict[str, Any], message: str) -> None:
        with pytest.raises(errors.Invalid, match=message):
            await side.deploy(**spec)

    async def test_a_name_that_is_no_dns_name_is_refused(self, side: Side) -> None:
        with pytest.raises(errors.Invalid, match=r"metadata\.name"):
            await side.cluster.create(CONFIG_MAP, side.namespace, config_map("Not_A_Name"))


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


class TestMergePatch:
    async def test_merges_objects_replaces_lists_and_removes_nulls(self, side: Side) -> None:
        await side.cluster.create(CONFIG_MAP, side.namespace, config_map("c", {"x": "1"}, a="1", b="2"))
        body = {"data": {"a": None, "c": "3"}, "metadata": {"annotations": {"n": "v"}}}

        patched = await side.cluster.patch(CONFIG_MAP, side.namespace, "c", body, patch_type=PatchType.MERGE)

        assert patched["data"] == {"b": "2", "c": "3"}
        assert patched["metadata"]["labels"] == {"x": "1"}
        assert patched["metadata"]["annotations"]["n"] == "v"

    async def test_of_what_does_not_exist_is_not_found(self, side: Side) -> None:
        with pytest.raises(errors.NotFound):
            await side.merge("web", {"spec": {"replicas": 1}})

    async def test_with_an_old_resource_version_conflicts(self, side: Side) -> None:
        old = (await side.deploy())["metadata"]["resourceVersion"]
        await side.merge("web", {"metadata": {"annotations": {"n": "v"}}})

        with pytest.raises(errors.Conflict):
            await side.merge("web", {"metadata": {"resourceVersion": old}, "spec": {"paused": True}})
        assert "paused" not in (await side.cluster.get(DEPLOYMENT, side.namespace, "web"))["spec"]

    async def test_with_another_uid_is_refused(self, side: Side) -> None:
        await side.deploy()

        with pytest.raises(errors.Invalid, match="field is immutable"):
            await side.merge("web", {"metadata": {"uid": "00000000-0000-0000-0000-000000000000"}})

    async def test_of_an_incident_with_another_uid_is_refused(self, side: Side) -> None:
        await side.cluster.create(INCIDENT, side.namespace, incident())
        body = {"metadata": {"uid": "00000000-0000-0000-0000-000000000000", "annotations": {"n": "v"}}}

        with pytest.raises((errors.Invalid, errors.Conflict)):
            await side.cluster.patch(INCIDENT, side.namespace, "inc", body, patch_type=PatchType.MERGE)
        assert "annotations" not in (await side.cluster.get(INCIDENT, side.namespace, "inc"))["metadata"]

    async def test_with_its_own_uid_is_accepted(self, side: Side) -> None:
        uid = (await side.deploy())["metadata"]["uid"]

        patched = await side.merge("web", {"metadata": {"uid": uid, "annotations": {"n": "v"}}})

        assert patched["metadata"]["annotations"]["n"] == "v"

    async def test_that_changes_nothing_keeps_the_resource_version(self, side: Side) -> None:
        made = await side.cluster.create(CONFIG_MAP, side.namespace, config_map("c", a="1"))

        patched = await side.cluster.patch(
            CONFIG_MAP, side.namespace, "c", {"data": {"a": "1"}}, patch_type=PatchType.MERGE
        )

        assert patched["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


class TestJsonPatch:
    async def test_applies_when_all_tests_hold(self, side: Side) -> None:
        made = await side.cluster.get(DEPLOYMENT, side.namespace, (await side.deploy())["metadata"]["name"])
        path = "/spec/template/spec/containers/0/resources/limits/memory"

        patched = await side.json(
            "web", test_op("/metadata/uid", made["metadata"]["uid"]), test_op(path, "128Mi"), replace(path, "256Mi")
        )

        assert patched["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"] == {"memory": "256Mi"}

    async def test_a_test_that_fails_is_a_conflict_and_nothing_is_changed(self, side: Side) -> None:
        await side.deploy()

        with pytest.raises(errors.Conflict):
            await side.json("web", test_op("/spec/replicas", 3), replace("/spec/paused", True))
        assert "paused" not in (await side.cluster.get(DEPLOYMENT, side.namespace, "web"))["spec"]

    async def test_any_text_is_equal_to_itself(self, side: Side) -> None:
        text = 'a && b < c > d \u2028 Zürich 🚑 \n\t\x1f "quoted" \\ /'
        template = {"metadata": {"annotations": {"text": text}}}
        stored = await side.merge((await side.deploy())["metadata"]["name"], {"spec": {"template": template}})

        patched = await side.json(
            "web",
            test_op("/spec/template", stored["spec"]["template"]),
            {"op": "add", "path": "/spec/paused", "value": True},
        )

        assert patched["spec"]["template"]["metadata"]["annotations"]["text"] == text

    async def test_a_test_of_an_old_resource_version_is_a_conflict(self, side: Side) -> None:
        old = (await side.deploy())["metadata"]["resourceVersion"]
        await side.merge("web", {"spec": {"replicas": 0, "paused": True}})

        with pytest.raises(errors.Conflict):
            await side.json("web", test_op("/metadata/resourceVersion", old), replace("/spec/replicas", 0))

    async def test_a_test_for_null_holds_where_the_field_is_absent(self, side: Side) -> None:
        await side.deploy()
        path = "/metadata/annotations"
        annotated = {"op": "add", "path": path, "value": {"n": "v"}}

        patched = await side.json("web", test_op("/spec/paused", None), annotated)

        assert patched["metadata"]["annotations"]["n"] == "v"

    async def test_a_missing_path_in_a_guarded_patch_is_a_conflict(self, side: Side) -> None:
        await side.deploy()

        with pytest.raises(errors.Conflict):
            await side.json("web", test_op("/spec/replicas", 0), {"op": "remove", "path": "/spec/nothing"})

    async def test_a_missing_path_in_a_bare_patch_is_invalid(self, side: Side) -> None:
        await side.deploy()

        with pytest.raises(errors.Invalid):
            await side.json("web", {"op": "remove", "path": "/spec/nothing"})

    async def test_adding_below_what_is_absent_is_invalid(self, side: Side) -> None:
        await side.deploy()

        with pytest.raises(errors.Invalid):
            await side.json("web", {"op": "add", "path": "/spec/nothing/here", "value": 1})

    async def test_keys_with_slashes_are_escaped(self, side: Side) -> None:
        await side.deploy()
        operations: list[dict[str, Any]] = [
            {"op": "add", "path": "/spec/template/metadata/annotations", "value": {}},
            {"op": "add", "path": "/spec/template/metadata/annotations/example.io~1at", "value": "now"},
        ]

        patched = await side.json("web", *operations)

        assert patched["spec"]["template"]["metadata"]["annotations"] == {"example.io/at": "now"}

    async def test_a_result_that_is_not_valid_is_refused(self, side: Side) -> None:
        await side.deploy()

        with pytest.raises(errors.Invalid, match="must be less than or equal to memory limit"):
            await side.json(
                "web",
                {
                    "op": "add",
                    "path": "/spec/template/spec/containers/0/resources/requests",
                    "value": {"memory": "1Gi"},
                },
            )

    async def test_a_selector_cannot_be_changed(self, side: Side) -> None:
        await side.deploy()

        with pytest.raises(errors.Invalid, match="field is immutable"):
            await side.merge(
                "web",
                {
                    "spec": {
                        "selector": {"matchLabels": {"app": "x"}},
                        "template": {"metadata": {"labels": {"app": "x"}}},
                    }
                },
            )

    async def test_a_quantity_that_is_none_is_refused(self, side: Side) -> None:
        await side.deploy()

        with pytest.raises(errors.Invalid):
            await side.json("web", replace("/spec/template/spec/containers/0/resources/limits/memory", "lots"))


class TestDryRun:
    async def test_a_patch_answers_what_it_would_be_and_stores_nothing(self, side: Side) -> None:
        await side.deploy()

        answer = await side.merge("web", {"spec": {"paused": True}}, dry_run=True)

        assert answer["spec"]["paused"] is True
        assert "paused" not in (await side.cluster.get(DEPLOYMENT, side.namespace, "web"))["spec"]

    async def test_is_validated_like_the_real_thing(self, side: Side) -> None:
        await side.deploy()

        with pytest.raises(errors.Invalid):
            await side.merge("web", {"spec": {"replicas": -1}}, dry_run=True)

    async def test_a_deletion_deletes_nothing(self, side: Side) -> None:
        await side.deploy()

        await side.cluster.delete(DEPLOYMENT, side.namespace, "web", dry_run=True)

        assert await side.cluster.get(DEPLOYMENT, side.namespace, "web")


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


class TestDeleting:
    async def test_what_does_not_exist_is_not_found(self, side: Side) -> None:
        with pytest.raises(errors.NotFound):
            await side.cluster.delete(DEPLOYMENT, side.namespace, "web")

    async def test_removes_the_object(self, side: Side) -> None:
        await side.deploy()

        await side.cluster.delete(DEPLOYMENT, side.namespace, "web")

        with pytest.raises(errors.NotFound):
            await side.cluster.get(DEPLOYMENT, side.namespace, "web")

    async def test_with_another_uid_conflicts(self, side: Side) -> None:
        await side.deploy()

        with pytest.raises(errors.Conflict):
            await side.cluster.delete(DEPLOYMENT, side.namespace, "web", uid="00000000-0000-0000-0000-000000000000")
        assert await side.cluster.get(DEPLOYMENT, side.namespace, "web")

    async def test_with_an_old_resource_version_conflicts(self, side: Side) -> None:
        made = await side.cluster.create(CONFIG_MAP, side.namespace, config_map("c", a="1"))
        await side.cluster.patch(CONFIG_MAP, side.namespace, "c", {"data": {"a": "2"}}, patch_type=PatchType.MERGE)

        with pytest.raises(errors.Conflict):
            await side.cluster.delete(
                CONFIG_MAP, side.namespace, "c", resource_version=made["metadata"]["resourceVersion"]
            )

    async def test_with_the_right_preconditions_removes_it(self, side: Side) -> None:
        made = await side.cluster.create(CONFIG_MAP, side.namespace, config_map("c", a="1"))

        await side.cluster.delete(
            CONFIG_MAP,
            side.namespace,
            "c",
            uid=made["metadata"]["uid"],
            resource_version=made["metadata"]["resourceVersion"],
        )

        assert await side.cluster.list(CONFIG_MAP, side.namespace, fields="metadata.name=c") == []

    async def test_a_finalizer_holds_it_until_it_is_taken_off(self, side: Side) -> None:
        body = config_map("c")
        body["metadata"]["finalizers"] = ["example.io/hold"]
        await side.cluster.create(CONFIG_MAP, side.namespace, body)

        await side.cluster.delete(CONFIG_MAP, side.namespace, "c")
        assert (await side.cluster.get(CONFIG_MAP, side.namespace, "c"))["metadata"]["deletionTimestamp"]

        await side.cluster.patch(
            CONFIG_MAP, side.namespace, "c", {"metadata": {"finalizers": None}}, patch_type=PatchType.MERGE
        )
        assert await side.cluster.list(CONFIG_MAP, side.namespace, fields="metadata.name=c") == []

    async def test_a_running_pod_is_given_its_grace(self, side: Side) -> None:
        await side.cluster.create(POD, side.namespace, pod() | {"spec": pod()["spec"] | {"nodeName": "node-x"}})

        await side.cluster.delete(POD, side.namespace, "alone")

        meta = (await side.cluster.get(POD, side.namespace, "alone"))["metadata"]
        assert meta["deletionTimestamp"]
        assert meta["deletionGracePeriodSeconds"] == 30

    async def test_a_pod_without_a_node_goes_at_once(self, side: Side) -> None:
        await side.cluster.create(POD, side.namespace, pod())

        await side.cluster.delete(POD, side.namespace, "alone")

        assert await side.cluster.list(POD, side.namespace) == []


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


class TestEvicting:
    """Pods that are Running and ready, as a kubelet would have reported them, and a controller that counts them."""

    @pytest.fixture(params=["in_memory", pytest.param("real", marks=pytest.mark.apiserver)])
    def side(self, request: pytest.FixtureRequest) -> Side:
        if request.param == "real":
            request.getfixturevalue("control_plane_with_controllers")
        found: Side = request.getfixturevalue(request.param)
        return found

    async def running(self, side: Side, name: str = "web-1", *, ready: bool = True) -> Object:
        body = pod(name)
        body["metadata"]["labels"] = {"app": "web"}
        await side.cluster.create(POD, side.namespace, body)
        status = {"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}]}
        return await side.cluster.patch(
            POD, side.namespace, name, {"status": status}, patch_type=PatchType.MERGE, subresource="status"
        )

    async def budget(self, side: Side, name: str = "web", *, least: int = 1) -> None:
        """A budget, once a controller has counted the pods."""
        body = {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": name},
            "spec": {"minAvailable": least, "selector": {"matchLabels": {"app": "web"}}},
        }
        await side.cluster.create(POD_DISRUPTION_BUDGET, side.namespace, body)
        for _ in range(200):
            found = await side.cluster.get(POD_DISRUPTION_BUDGET, side.namespace, name)
            if found.get("status", {}).get("observedGeneration") == found["metadata"]["generation"]:
                return
            await asyncio.sleep(0.05)
        raise AssertionError("no controller counts")

    async def test_without_a_budget_the_pod_goes(self, side: Side) -> None:
        made = await self.running(side)
        await side.cluster.evict(side.namespace, "web-1", uid=made["metadata"]["uid"])
        with pytest.raises(errors.NotFound):
            await side.cluster.get(POD, side.namespace, "web-1")

    async def test_a_dry_run_answers_the_same_and_evicts_nothing(self, side: Side) -> None:
        await self.running(side)
        await side.cluster.evict(side.namespace, "web-1", dry_run=True)
        assert await side.cluster.get(POD, side.namespace, "web-1")
        await self.budget(side)
        with pytest.raises(errors.DisruptionRefused):
            await side.cluster.evict(side.namespace, "web-1", dry_run=True)

    async def test_a_budget_that_allows_none_refuses(self, side: Side) -> None:
        await self.running(side)
        await self.budget(side)
        with pytest.raises(errors.DisruptionRefused, match="violate the pod's disruption budget"):
            await side.cluster.evict(side.namespace, "web-1")
        assert await side.cluster.get(POD, side.namespace, "web-1")

    async def test_a_budget_that_allows_one_lets_one_go(self, side: Side) -> None:
        await self.running(side)
        await self.running(side, "web-2")
        await self.budget(side)
        await side.cluster.evict(side.namespace, "web-1")
        with pytest.raises(errors.DisruptionRefused):
            await side.cluster.evict(side.namespace, "web-2")

    async def test_a_pod_that_is_not_ready_goes_while_the_others_suffice(self, side: Side) -> None:
        await self.running(side)
        await self.running(side, "web-2", ready=False)
        await self.budget(side)
        await side.cluster.evict(side.namespace, "web-2")

    async def test_a_pod_that_is_not_ready_is_held_while_the_others_do_not(self, side: Side) -> None:
        await self.running(side)
        await self.running(side, "web-2", ready=False)
        await self.budget(side, least=2)
        with pytest.raises(errors.DisruptionRefused):
            await side.cluster.evict(side.namespace, "web-2")

    async def test_several_budgets_are_no_answer(self, side: Side) -> None:
        await self.running(side)
        await self.budget(side, least=0)
        await self.budget(side, "other", least=0)
        with pytest.raises(errors.Unavailable, match="more than one PodDisruptionBudget"):
            await side.cluster.evict(side.namespace, "web-1")

    @pytest.mark.parametrize("wrong", [{"uid": "another"}, {"resource_version": "1"}], ids=["uid", "version"])
    @pytest.mark.parametrize("dry_run", [True, False])
    async def test_preconditions_hold(self, side: Side, wrong: dict[str, str], dry_run: bool) -> None:
        await self.running(side)
        with pytest.raises(errors.Conflict):
            await side.cluster.evict(side.namespace, "web-1", **wrong, dry_run=dry_run)
        assert await side.cluster.get(POD, side.namespace, "web-1")

    async def test_a_pod_that_is_gone_is_not_found(self, side: Side) -> None:
        with pytest.raises(errors.NotFound):
            await side.cluster.evict(side.namespace, "web-1")


class TestDeletingAJob:
    async def made(self, side: Side) -> Object:
        spec = {"template": {"spec": {"restartPolicy": "Never", "containers": pod()["spec"]["containers"]}}}
        meta = {"name": "report"}
        body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": {**spec, "suspend": True}}
        return await side.cluster.create(JOB, side.namespace, body)

    async def test_in_the_background_it_is_gone_at_once(self, side: Side) -> None:
        uid = (await self.made(side))["metadata"]["uid"]
        await side.cluster.delete(JOB, side.namespace, "report", uid=uid, propagation=Propagation.BACKGROUND)
        with pytest.raises(errors.NotFound):
            await side.cluster.get(JOB, side.namespace, "report")

    async def test_a_dry_run_deletes_nothing(self, side: Side) -> None:
        await self.made(side)
        await side.cluster.delete(JOB, side.namespace, "report", propagation=Propagation.BACKGROUND, dry_run=True)
        assert await side.cluster.get(JOB, side.namespace, "report")
