"""``patch``: merges, guarded operations, and trial runs."""

from __future__ import annotations

from typing import Any

import pytest

from incident_commander import errors
from incident_commander.api.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    INCIDENT,
)
from incident_commander.ports import PatchType
from tests.functional.contract.sides import Side, config_map, incident, replace, test_op


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
