"""RollbackRollout: the template of an earlier revision, exactly."""

import copy
import json
from typing import Any

import pytest

from incident_commander.actions.json_patch import already_applied, json_patch
from incident_commander.api.plan import ActionName, Op
from incident_commander.ports import Object
from tests.unit.actions.workloads import container, controller_revision, plan, refusal, replica_set, template, workload

ROLLBACK = ActionName.ROLLBACK_ROLLOUT
GOOD = template(container(image="web:1"))
BAD = template(container(image="web:2"))
OLD = template(container(image="web:0"))


def sets(*objects: Object) -> dict[str, list[Object]]:
    return {"replicasets.apps": list(objects)}


class TestDeployments:
    def target(self) -> Object:
        return workload(spec={"template": copy.deepcopy(BAD)})

    def history(self) -> dict[str, list[Object]]:
        target = self.target()
        return sets(replica_set(target, 1, OLD), replica_set(target, 3, BAD), replica_set(target, 2, GOOD))

    def test_the_revision_before_the_current_one_comes_back_without_its_hash(self) -> None:
        step = plan(ROLLBACK, self.target(), self.history())
        (operation,) = step.operations
        assert (operation.op, operation.path) == (Op.REPLACE, "/spec/template")
        assert json.loads(operation.value or "") == GOOD
        assert json.loads(step.pre_image[0].value or "") == BAD
        assert "web:2 → web=web:1" in step.summary

    def test_a_revision_can_be_named(self) -> None:
        step = plan(ROLLBACK, self.target(), self.history(), toRevision="1")
        assert json.loads(step.operations[0].value or "") == OLD

    def test_after_a_rollback_the_numbers_still_tell_what_was_before(self) -> None:
        # kubectl rollout undo gives the old ReplicaSet a new, highest number.
        target = self.target()
        related = sets(replica_set(target, 4, BAD), replica_set(target, 3, GOOD))
        assert json.loads(plan(ROLLBACK, target, related).operations[0].value or "") == GOOD

    def test_revisions_of_other_deployments_are_not_considered(self) -> None:
        other = workload(uid="uid-other", name="other")
        related = sets(replica_set(self.target(), 3, BAD), replica_set(other, 2, GOOD))
        assert refusal(ROLLBACK, self.target(), related) == "NoPreviousRevision"

    @pytest.mark.parametrize(
        ("related", "parameters", "reason"),
        [
            ({}, {}, "NotObserved"),
            (sets(), {}, "NoPreviousRevision"),
            (None, {"toRevision": "9"}, "NoSuchRevision"),
            (None, {"toRevision": "3"}, "NothingToChange"),
            (None, {"toRevision": "-1"}, "BadParameter"),
        ],
    )
    def test_it_is_refused(
        self, related: dict[str, list[Object]] | None, parameters: dict[str, Any], reason: str
    ) -> None:
        history = self.history() if related is None else related
        assert refusal(ROLLBACK, self.target(), history, **parameters) == reason

    def test_a_revision_without_a_template_is_refused(self) -> None:
        history = self.history()
        history["replicasets.apps"][2]["spec"]["template"]["spec"] = {}
        assert refusal(ROLLBACK, self.target(), history) == "RevisionUnreadable"

    def test_a_template_that_the_controller_has_not_seen_is_refused(self) -> None:
        target = workload(spec={"template": template(container(image="web:3"))}, generation=4)
        assert refusal(ROLLBACK, target, self.history()) == "RolloutNotObserved"
        target["status"]["observedGeneration"] = 4
        assert json.loads(plan(ROLLBACK, target, self.history()).operations[0].value or "") == GOOD

    def test_a_template_too_large_to_record_is_refused(self) -> None:
        target = workload(spec={"template": template(container(image="web:2"), note="x" * 40_000)})
        related = sets(replica_set(target, 2, target["spec"]["template"]), replica_set(target, 1, GOOD))
        assert refusal(ROLLBACK, target, related) == "FieldTooLarge"


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_controller_revisions_come_back_without_their_patch_directive(kind: str) -> None:
    target = workload(kind, spec={"template": copy.deepcopy(BAD)})
    history = {"controllerrevisions.apps": [controller_revision(target, 1, GOOD), controller_revision(target, 2, BAD)]}
    step = plan(ROLLBACK, target, history)
    written = json.loads(step.operations[0].value or "")
    assert written == GOOD
    stored = copy.deepcopy(target)
    stored["spec"]["template"] = {**written, "metadata": {"labels": {"app": "web"}, "creationTimestamp": None}}
    assert already_applied(step, stored)
    assert json_patch(step, target)[-1]["path"] == "/spec/template"
