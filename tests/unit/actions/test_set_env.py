"""SetEnv: to a given value, or back to what the revision before had; never a secret."""

from typing import Any

import pytest

from incident_commander.api.plan import ActionName, Step
from incident_commander.ports import Object
from tests.unit.actions.workloads import container, controller_revision, plan, refusal, replica_set, template, workload

SET = ActionName.SET_ENV
ENV = "/spec/template/spec/containers/0/env"


def web(*env: dict[str, Any]) -> dict[str, Any]:
    return {**container(), "env": list(env)} if env else container()


def var(name: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value}


def deployment(*env: dict[str, Any]) -> Object:
    return workload(spec={"template": template(web(*env))})


def writes(step: Step) -> dict[str, str | None]:
    return {op.path: op.value for op in step.operations}


def test_a_value_is_set_in_its_place() -> None:
    step = plan(SET, deployment(var("A", "1"), var("B", "$(A)2")), name="A", value="9")
    assert writes(step) == {ENV: '[{"name":"A","value":"9"},{"name":"B","value":"$(A)2"}]'}
    assert [op.value for op in step.undo.operations] == ['[{"name":"A","value":"1"},{"name":"B","value":"$(A)2"}]']
    assert "A '1' → '9'" in step.summary


def test_a_variable_that_was_not_there_is_added_and_taken_away_again() -> None:
    step = plan(SET, deployment(), name="A", value="1")
    assert writes(step) == {ENV: '[{"name":"A","value":"1"}]'}
    assert [(op.op.value, op.path) for op in step.undo.operations] == [("remove", ENV)]


def test_the_container_is_pinned_by_its_name() -> None:
    step = plan(SET, deployment(), name="A", value="1")
    pinned = {f.path: f.value for f in step.pre_image}
    assert pinned["/spec/template/spec/containers/0/name"] == '"web"'


def history(before: dict[str, Any], now: Object) -> dict[str, list[Object]]:
    sets = [replica_set(now, 1, template(before)), replica_set(now, 2, now["spec"]["template"])]
    return {"replicasets.apps": sets}


def test_without_a_value_the_one_of_the_revision_before_comes_back() -> None:
    now = deployment(var("A", "bad"), var("B", "new"))
    related = history(web(var("A", "good")), now)
    one = writes(plan(SET, now, related, name="A"))
    assert one == {ENV: '[{"name":"A","value":"good"},{"name":"B","value":"new"}]'}
    assert writes(plan(SET, now, related, name="B")) == {ENV: '[{"name":"A","value":"bad"}]'}
    whole = plan(SET, now, related)
    assert writes(whole) == {ENV: '[{"name":"A","value":"good"}]'}
    assert "as in revision 1 before revision 2" in whole.summary


def test_a_stateful_set_keeps_its_revisions_elsewhere() -> None:
    now = workload("StatefulSet", spec={"template": template(web(var("A", "bad")))})
    revisions = [
        controller_revision(now, 1, template(web(var("A", "good")))),
        controller_revision(now, 2, now["spec"]["template"]),
    ]
    assert writes(plan(SET, now, {"controllerrevisions.apps": revisions})) == {ENV: '[{"name":"A","value":"good"}]'}


@pytest.mark.parametrize("name", ["DB_PASSWORD", "token", "AWS_SECRET_ACCESS_KEY", "apiKey", "BASIC_AUTH", "SIGN_KEY"])
def test_what_is_named_like_a_secret_is_refused(name: str) -> None:
    assert refusal(SET, deployment(), name=name, value="1") == "LooksLikeSecret"
    now = deployment(var(name, "bad"))
    assert refusal(SET, now, history(web(var(name, "good")), now)) == "LooksLikeSecret"


def test_what_comes_from_elsewhere_is_refused_and_what_stays_may() -> None:
    taken = {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}
    assert refusal(SET, deployment(taken), name="A", value="1") == "FromReference"
    assert plan(SET, deployment(taken, var("DB_PASSWORD", "x")), name="B", value="1").operations


def test_mistakes_are_told_apart() -> None:
    assert refusal(SET, deployment(), value="1") == "MissingParameter"
    assert refusal(SET, deployment(), name="not a name", value="1") == "BadParameter"
    assert refusal(SET, deployment(var("A", "1")), name="A", value="1") == "NothingToChange"
    assert refusal(SET, deployment(), container="db", name="A", value="1") == "NoSuchContainer"
    now = deployment(var("A", "bad"))
    other = history({**web(var("A", "good")), "name": "old"}, now)
    assert refusal(SET, now, other) == "NoSuchContainer"
    assert refusal(SET, workload(spec={"paused": True}), name="A", value="1") == "RolloutPaused"
