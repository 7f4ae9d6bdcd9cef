"""The patch: conditional on what was seen; the undo: never over somebody else's change."""

import copy
import json
from typing import Any

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_commander.actions.json_patch import already_applied, already_undone, json_patch, undo_patch
from incident_commander.api.incident import StepOutcome, StepRecord
from incident_commander.api.plan import ActionName, Step
from incident_commander.errors import Refusal
from incident_commander.ports import Object
from tests.unit.actions.workloads import container, hpa, node, plan, pod, replica_set, template, workload


def record_of(step: Step, **changes: Any) -> StepRecord:
    return StepRecord(
        name=step.name,
        action=step.action,
        target=step.target,
        verb=step.verb,
        subresource=step.subresource,
        operations=step.operations,
        pre_image=step.pre_image,
        undo_operations=step.undo.operations,
        undo_possible=step.undo.possible,
        outcome=StepOutcome.APPLIED,
        **changes,
    )


def write(obj: Object, patch: list[dict[str, Any]]) -> Object:
    """As the API server: the patch, a new resourceVersion, a new generation."""
    done: Object = jsonpatch.apply_patch(obj, patch)
    meta = done["metadata"]
    meta["resourceVersion"] = str(int(meta["resourceVersion"]) + 1)
    if "generation" in meta:
        meta["generation"] += 1
    return done


def reason(call: Any, *args: Any) -> str:
    with pytest.raises(Refusal) as refused:
        call(*args)
    return refused.value.reason


names = st.sampled_from(["app", "side/car", "til~de", "Ünïcode"])
texts = st.dictionaries(names, st.text(max_size=6), max_size=3)
quantities = st.sampled_from(["64Mi", "100Mi", "0.5Gi", "128974848"])


@st.composite
def steps(draw: st.DrawFn) -> tuple[Object, Step]:
    """A random object, and a step of each action that patches."""
    limits = {"memory": draw(quantities), "cpu": draw(st.sampled_from(["100m", "0.5", "1"]))}
    requests = draw(st.sampled_from([{}, {"memory": "32Mi"}, dict(limits)]))
    resources: dict[str, Any] = {"limits": limits, **({"requests": requests} if requests else {})}
    both = [container(name, **copy.deepcopy(resources)) for name in ("first", "second")]
    containers = both[: draw(st.integers(1, 2))]
    pods = template(*containers, **draw(texts))
    kind = draw(st.sampled_from(["Deployment", "StatefulSet", "DaemonSet"]))
    target = workload(kind, spec={"template": pods}, labels=draw(texts))
    action = draw(
        st.sampled_from(["restart", "resources", "rollback", "scale", "hpa", "cordon", "uncordon", "cron", "resize"])
    )
    if action == "restart":
        return target, plan(ActionName.RESTART_ROLLOUT, target)
    if action == "resources":
        wanted: dict[str, Any] = {"memory": "1Gi", "cpuRequest": "50m", "memoryRequest": "64Mi"}
        chosen = draw(st.sets(st.sampled_from(sorted(wanted)), min_size=1))
        picked = {k: v for k, v in wanted.items() if k in chosen | {"memory"}}
        return target, plan(ActionName.SET_RESOURCES, target, container="first", **picked)
    if action == "rollback":
        target = workload(spec={"template": pods})
        older = template(container("first", "web:1"), **draw(texts))
        sets = [replica_set(target, 2, pods), replica_set(target, 1, older)]
        return target, plan(ActionName.ROLLBACK_ROLLOUT, target, {"replicasets.apps": sets})
    if action == "scale":
        target = workload(spec={"template": pods, **draw(st.sampled_from([{}, {"replicas": 2}]))})
        none: dict[str, list[Object]] = {"horizontalpodautoscalers.autoscaling": []}
        return target, plan(ActionName.SCALE_WORKLOAD, target, none, replicas="5")
    if action == "hpa":
        target = hpa()
        if draw(st.booleans()):
            del target["spec"]["minReplicas"]
        return target, plan(ActionName.PATCH_HPA, target, maxReplicas="9", minReplicas="3")
    if action == "cordon":
        target = node()
        if draw(st.booleans()):
            target["spec"]["unschedulable"] = False
        return target, plan(ActionName.CORDON_NODE, target, {"nodes": [target, node("n2"), node("n3")]})
    if action == "uncordon":
        target = node(cordoned=True)
        return target, plan(ActionName.UNCORDON_NODE, target, cordonedBy="anyone")
    if action == "cron":
        target = {**workload(), "apiVersion": "batch/v1", "kind": "CronJob", "spec": {"schedule": "* * * * *"}}
        if draw(st.booleans()):
            target["spec"]["suspend"] = False
        return target, plan(ActionName.SUSPEND_CRON_JOB, target)
    target = pod()
    target["spec"]["containers"] = containers
    return target, plan(ActionName.SET_RESOURCES, target, resize=True, container="first", memory="1Gi")


class TestApplyingAndUndoing:
    @given(steps())
    def test_undo_restores_every_field_byte_for_byte(self, made: tuple[Object, Step]) -> None:
        before, step = made
        seen = copy.deepcopy(before)
        after = write(before, json_patch(step, before))
        assert before == seen, "objects are never changed in place"
        assert already_applied(step, after)
        assert not already_applied(step, before)
        assert after["spec"] != before["spec"]
        restored = write(after, undo_patch(record_of(step), after))
        assert already_undone(record_of(step), restored)
        assert not already_undone(record_of(step), after)
        assert json.dumps(restored["spec"], sort_keys=True) == json.dumps(before["spec"], sort_keys=True)

    @given(steps())
    def test_a_step_touches_nothing_outside_of_its_pre_image(self, made: tuple[Object, Step]) -> None:
        before, step = made
        after = write(before, json_patch(step, before))
        paths = [operation.path for operation in step.operations]
        for change in jsonpatch.make_patch(before, after):
            if change["path"] in ("/metadata/resourceVersion", "/metadata/generation"):
                continue
            assert any(change["path"].startswith(path) for path in paths), change
        assert {f.path for f in step.pre_image} >= set(paths)

    @given(steps())
    def test_the_patch_is_refused_for_any_other_version_of_the_object(self, made: tuple[Object, Step]) -> None:
        before, step = made
        patch = json_patch(step, before)
        for key in ("uid", "resourceVersion"):
            other = copy.deepcopy(before)
            other["metadata"][key] = "another"
            with pytest.raises(jsonpatch.JsonPatchTestFailed):
                jsonpatch.apply_patch(other, patch)


class TestApplying:
    def test_a_field_that_changed_since_the_plan_is_refused(self) -> None:
        target = workload()
        step = plan(ActionName.SET_RESOURCES, target, memory="256Mi")
        target["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"] = "192Mi"
        assert reason(json_patch, step, target) == "PreImageChanged"

    def test_a_field_that_appeared_since_the_plan_is_refused(self) -> None:
        # RFC 6902 has no test for "absent": it is made here, and held by the resourceVersion.
        step = plan(ActionName.RESTART_ROLLOUT, workload())
        changed = workload(spec={"template": template(note="from somebody")})
        assert reason(json_patch, step, changed) == "PreImageChanged"

    def test_another_container_at_the_index_is_refused(self) -> None:
        target = workload(spec={"template": template(container("web"), container("log"))})
        step = plan(ActionName.SET_RESOURCES, target, container="log", memory="256Mi")
        target["spec"]["template"]["spec"]["containers"].reverse()
        assert reason(json_patch, step, target) == "PreImageChanged"

    def test_an_object_of_the_same_name_but_another_uid_is_refused(self) -> None:
        step = plan(ActionName.RESTART_ROLLOUT, workload())
        assert reason(json_patch, step, workload(uid="new")) == "TargetReplaced"
        assert not already_applied(step, workload(uid="new"))

    def test_an_object_without_a_resource_version_is_refused(self) -> None:
        step = plan(ActionName.RESTART_ROLLOUT, workload())
        assert reason(json_patch, step, workload(resourceVersion="")) == "TargetUnreadable"

    def test_only_patches_can_be_patched(self) -> None:
        owner = workload("StatefulSet")
        target = pod("web-0", owner)
        step = plan(ActionName.DELETE_POD, target, {"pods": [target]})
        with pytest.raises(ValueError, match="Delete"):
            json_patch(step, target)
        assert not already_applied(step, target)

    def test_a_quantity_that_the_api_server_rewrote_is_still_ours(self) -> None:
        target = workload()
        step = plan(ActionName.SET_RESOURCES, target, cpu="2")
        after = write(target, json_patch(step, target))
        after["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"] = "2000m"
        assert already_applied(step, after)


class TestUndoing:
    def applied(self) -> tuple[Step, Object]:
        target = workload()
        step = plan(ActionName.SET_RESOURCES, target, memory="256Mi")
        return step, write(target, json_patch(step, target))

    def test_somebody_elses_later_value_is_never_overwritten(self) -> None:
        step, after = self.applied()
        after["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"] = "2Gi"
        after["metadata"]["generation"] += 1
        assert reason(undo_patch, record_of(step, result_generation=4), after) == "ChangedSince"
        with pytest.raises(Refusal, match="/limits/memory is 2Gi, 256Mi was written"):
            undo_patch(record_of(step, result_generation=4), after)

    def test_changes_of_other_fields_are_kept(self) -> None:
        step, after = self.applied()
        after["spec"]["replicas"] = 7
        after["metadata"]["generation"] += 1
        restored = write(after, undo_patch(record_of(step), after))
        assert restored["spec"]["replicas"] == 7
        limits = restored["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
        assert limits["memory"] == "128Mi"

    def test_what_admission_changed_in_our_own_write_does_not_stop_the_undo(self) -> None:
        target = workload()
        older = template(container("web", "web:1"))
        sets = [replica_set(target, 2, template()), replica_set(target, 1, older)]
        step = plan(ActionName.ROLLBACK_ROLLOUT, target, {"replicasets.apps": sets})
        after = write(target, json_patch(step, target))
        after["spec"]["template"]["metadata"]["annotations"] = {"injected": "yes"}
        record = record_of(step, result_generation=after["metadata"]["generation"])
        restored = write(after, undo_patch(record, after))
        assert restored["spec"] == target["spec"]
        after["metadata"]["generation"] += 1
        assert reason(undo_patch, record, after) == "ChangedSince"

    def test_a_container_that_moved_is_left_alone(self) -> None:
        target = workload(spec={"template": template(container("web"), container("log"))})
        step = plan(ActionName.SET_RESOURCES, target, container="log", memory="256Mi")
        after = write(target, json_patch(step, target))
        containers = after["spec"]["template"]["spec"]["containers"]
        containers[0]["resources"], containers[0]["name"], containers[1]["name"] = (
            copy.deepcopy(containers[1]["resources"]),
            "log",
            "web",
        )
        assert reason(undo_patch, record_of(step), after) == "ChangedSince"

    def test_a_replaced_object_is_left_alone(self) -> None:
        step, after = self.applied()
        after["metadata"]["uid"] = "new"
        assert reason(undo_patch, record_of(step), after) == "TargetReplaced"

    def test_a_deletion_has_no_undo(self) -> None:
        target = pod("web-0", workload("StatefulSet"))
        step = plan(ActionName.DELETE_POD, target, {"pods": [target]})
        assert reason(undo_patch, record_of(step), target) == "NotUndoable"
