"""A plan reads as a diff of fields, however its operations are written."""

import io
import json
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from incident_commander.api.plan import ActionName, FieldValue, Op, Operation, Undo, Verb
from incident_commander.cli.render.plan import MAX_CHANGES, Change, changes, plan_diff
from incident_commander.cli.render.proposal import kustomize_patches
from tests.unit.cli.stage import HOSTILE, PLAN

scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3)
values: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda s: st.lists(s, max_size=3) | st.dictionaries(st.sampled_from("abc"), s, max_size=3)
)


def rendered(view: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=80, markup=False, emoji=False, highlight=False, no_color=True)
    with console.capture() as capture:
        console.print(view)
    return capture.get()


def change(path: str, before: Any, after: Any, op: Op = Op.REPLACE) -> list[Change]:
    operation = Operation(op=op, path=path, value=None if op is Op.REMOVE else json.dumps(after))
    image = [FieldValue(path=path, value=json.dumps(before))] if before is not None else []
    return changes([operation], image)


def test_a_changed_field_shows_both_values() -> None:
    assert change("/spec/replicas", 2, 3) == [Change("spec.replicas", "2", "3")]


def test_of_a_whole_list_of_containers_only_what_differs_is_shown_by_the_containers_name() -> None:
    before = [{"name": "web", "image": "web:2", "args": ["a"]}, {"name": "proxy", "image": "p:1"}]
    after = [{"name": "web", "image": "web:1", "args": ["a"]}, {"name": "proxy", "image": "p:1"}]
    path = "/spec/template/spec/containers"
    assert change(path, before, after) == [Change("spec.template.spec.containers[web].image", '"web:2"', '"web:1"')]


def test_added_and_removed_fields_have_one_side() -> None:
    assert change("/spec/paused", None, True, Op.ADD) == [Change("spec.paused", None, "true")]
    assert change("/spec/paused", True, None, Op.REMOVE) == [Change("spec.paused", "true", None)]


def test_keys_with_dots_and_slashes_are_quoted() -> None:
    (found,) = change("/metadata/annotations/a.b~1c~0d", None, "x", Op.ADD)
    assert found.path == 'metadata.annotations["a.b/c~d"]'


def test_true_is_not_one() -> None:
    assert change("/x", True, 1) == [Change("x", "true", "1")]


def test_a_container_that_is_added_is_shown_whole() -> None:
    (found,) = change("/c", [{"name": "a"}], [{"name": "a"}, {"name": "b"}])
    assert (found.before, found.after) == (None, '{"name": "b"}')


@given(values, values)
def test_nothing_differs_exactly_when_the_values_are_equal(before: Any, after: Any) -> None:
    image = [FieldValue(path="/x", value=json.dumps(before))]
    found = changes([Operation(op=Op.REPLACE, path="/x", value=json.dumps(after))], image)
    assert (not found) == (json.dumps(before, sort_keys=True) == json.dumps(after, sort_keys=True))


def test_the_page_shows_target_risk_digest_and_both_lines_of_the_diff() -> None:
    text = rendered(plan_diff(PLAN))
    for part in (PLAN.digest, "RollbackRollout", "Deployment/shop/web", "risk Low", "can be undone"):
        assert part in text
    assert '- "web:2"' in text
    assert '+ "web:1"' in text


def test_a_step_that_cannot_be_undone_or_writes_nothing_says_so() -> None:
    step = PLAN.steps[0]
    for verb, said in ((Verb.NONE, "people are asked"), (Verb.DELETE, "is deleted")):
        changed = step.model_copy(update={"verb": verb, "undo": Undo(possible=False, reason="a pod is gone")})
        text = rendered(plan_diff(PLAN.model_copy(update={"steps": [changed]})))
        assert said in text
        assert "cannot be undone: a pod is gone" in text


def test_hostile_values_are_shown_and_do_nothing() -> None:
    operation = Operation(op=Op.REPLACE, path=f"/{HOSTILE}", value=json.dumps(HOSTILE, ensure_ascii=False))
    step = PLAN.steps[0].model_copy(update={"operations": [operation], "summary": HOSTILE, "pre_image": []})
    text = rendered(plan_diff(PLAN.model_copy(update={"steps": [step], "runbook": HOSTILE})))
    assert not {"\x1b", "\x9b", "\x07", "\r", "\u202e"} & set(text)
    assert "[bold red]APPROVED[/]" in text


def test_a_step_with_hundreds_of_changes_is_cut_and_says_so() -> None:
    before = {f"k{n}": 1 for n in range(MAX_CHANGES + 7)}
    operation = Operation(op=Op.REPLACE, path="/data", value="{}")
    image = [FieldValue(path="/data", value=json.dumps(before))]
    step = PLAN.steps[0].model_copy(update={"operations": [operation], "pre_image": image})
    assert "7 more fields" in rendered(plan_diff(PLAN.model_copy(update={"steps": [step]})))


class TestWholeObjects:
    def step(self, verb: Verb, **changes: Any) -> str:
        step = PLAN.steps[0].model_copy(update={"verb": verb, **changes})
        return rendered(plan_diff(PLAN.model_copy(update={"steps": [step]})))

    def test_what_is_made_is_shown_as_yaml(self) -> None:
        made = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "report-1", "namespace": "shop"}}
        shown = self.step(Verb.CREATE, operations=[Operation(op=Op.ADD, path="", value=json.dumps(made))])
        assert "+ kind: Job" in shown
        assert "+   name: report-1" in shown

    def test_what_is_evicted_is_named(self) -> None:
        assert "is evicted" in self.step(Verb.EVICT, operations=[])

    def test_a_proposal_is_shown_and_said_not_to_be_written(self) -> None:
        operation = Operation(op=Op.REPLACE, path="/spec/replicas", value="5")
        shown = self.step(Verb.NONE, action=ActionName.GITOPS_PROPOSAL, operations=[operation])
        assert "+ 5" in shown
        assert "nothing is written; make the change in git" in shown


def test_a_proposal_is_a_kustomization_that_can_be_applied() -> None:
    operation = Operation(op=Op.REPLACE, path="/spec/replicas", value="5")
    changed = {"action": ActionName.GITOPS_PROPOSAL, "verb": Verb.NONE, "operations": [operation]}
    step = PLAN.steps[0].model_copy(update={**changed, "summary": f"propose {HOSTILE}"})
    plan = PLAN.model_copy(update={"steps": [step], "proposal_only": True, "proposal_reason": "kept by Flux"})
    text = kustomize_patches(plan)
    assert text.startswith("# kept by Flux\n# propose")
    assert text.isascii()
    assert "\x1b" not in text
    (patch,) = yaml.safe_load(text)["patches"]
    assert patch["target"] == {
        "group": "apps",
        "version": "v1",
        "kind": "Deployment",
        "namespace": step.target.namespace,
        "name": step.target.name,
    }
    assert yaml.safe_load(patch["patch"]) == [{"op": "replace", "path": "/spec/replicas", "value": 5}]
    assert kustomize_patches(PLAN) == ""


def test_a_proposed_rollback_holds_only_the_fields_that_change() -> None:
    def template(image: str, limits: dict[str, str] | None = None, mark: str = "") -> str:
        resources = {"limits": limits} if limits else {}
        container = {"name": "web", "image": image, "imagePullPolicy": "IfNotPresent", "resources": resources}
        spec = {"containers": [{"name": "log", "image": "log:1"}, container], "dnsPolicy": "ClusterFirst"}
        annotations = {mark: "x"} if mark else {}
        return json.dumps({"metadata": {"annotations": annotations, "creationTimestamp": None}, "spec": spec})

    path = "/spec/template"
    changed = {
        "action": ActionName.GITOPS_PROPOSAL,
        "verb": Verb.NONE,
        "operations": [Operation(op=Op.REPLACE, path=path, value=template("web:1", {"cpu": "1"}))],
        "pre_image": [FieldValue(path=path, value=template("web:2", mark="kubectl.kubernetes.io/restartedAt"))],
        "summary": "web=web:2 → web=web:1",
    }
    text = kustomize_patches(PLAN.model_copy(update={"steps": [PLAN.steps[0].model_copy(update=changed)]}))
    assert "# web=web:2 -> web=web:1" in text
    (patch,) = yaml.safe_load(text)["patches"]
    assert yaml.safe_load(patch["patch"]) == [
        {"op": "test", "path": "/spec/template/spec/containers/1/name", "value": "web"},
        {"op": "add", "path": "/spec/template/spec/containers/1/image", "value": "web:1"},
        {"op": "add", "path": "/spec/template/spec/containers/1/resources", "value": {"limits": {"cpu": "1"}}},
    ]


def test_only_what_writes_is_said_to_be_verified() -> None:
    step = PLAN.steps[0].model_copy(update={"action": ActionName.ESCALATE, "verb": Verb.NONE, "operations": []})
    assert "Verified over" not in rendered(plan_diff(PLAN.model_copy(update={"steps": [step]})))
    assert "Verified over 300 s, of which the first 30 s are to settle." in rendered(plan_diff(PLAN))
