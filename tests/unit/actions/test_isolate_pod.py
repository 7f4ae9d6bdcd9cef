"""IsolatePod: out of every Service and of its ReplicaSet, and back again."""

from typing import Any

import pytest

from incident_commander.actions.json_patch import already_applied
from incident_commander.api.plan import ActionName, Op, Risk
from incident_commander.ports import Object
from tests.unit.actions.workloads import plan, pod, refusal, replica_set, template, workload

ISOLATE = ActionName.ISOLATE_POD
OURS = "/metadata/labels/"


def owner(**labels: str) -> Object:
    found = replica_set(workload(), 1, template())
    found["spec"]["selector"] = {"matchLabels": {"app": "web", "pod-template-hash": "h1", **labels}}
    return found


def service(name: str = "web", **selector: str) -> Object:
    return {"kind": "Service", "metadata": {"name": name, "namespace": "shop"}, "spec": {"selector": selector}}


def target(above: Object, **labels: str) -> Object:
    found = pod("web-1", above)
    found["metadata"]["labels"] = {"app": "web", "pod-template-hash": "h1", **labels}
    return found


def related(above: Object, *services: Object) -> dict[str, list[Object]]:
    return {"replicasets.apps": [above], "services": list(services)}


def written(above: Object, it: Object, *services: Object) -> set[str]:
    step = plan(ISOLATE, it, related(above, *services))
    return {op.path.removeprefix(OURS) for op in step.operations} - {"incidentcommander.io~1isolated"}


def test_the_label_gets_another_value_and_the_undo_gives_the_old_one_back() -> None:
    above = owner()
    step = plan(ISOLATE, target(above), related(above, service(app="web")))
    assert [(op.op, op.path, op.value) for op in step.operations] == [
        (Op.REPLACE, "/metadata/labels/app", '"isolated-by-incident-commander"'),
        (Op.ADD, "/metadata/labels/incidentcommander.io~1isolated", '"true"'),
    ]
    assert [(op.op, op.value) for op in step.undo.operations] == [(Op.REMOVE, None), (Op.REPLACE, '"web"')]
    assert (step.risk, step.undo.possible) == (Risk.MEDIUM, True)
    assert "Service web" in step.summary


def test_one_label_that_services_and_replica_set_share_is_enough() -> None:
    above = owner(tier="front")
    both = service("a", app="web"), service("b", app="web", tier="front")
    assert written(above, target(above, tier="front"), *both) == {"app"}


def test_every_service_and_the_replica_set_lose_the_pod() -> None:
    above = owner()
    it = target(above, route="x", zone="y")
    assert written(above, it, service("a", route="x"), service("b", zone="y")) == {"app", "route", "zone"}
    assert written(above, it, service("a", route="x")) == {"app", "route"}


def test_the_hash_of_the_template_is_never_touched() -> None:
    above = owner()
    assert written(above, target(above, route="x"), service("a", route="x")) == {"app", "route"}


def test_somebody_who_changed_the_label_since_is_noticed() -> None:
    above = owner()
    it = target(above)
    step = plan(ISOLATE, it, related(above, service(app="web")))
    moved = target(above, app="web-debug")
    assert not already_applied(step, moved)


@pytest.mark.parametrize(
    ("kind", "reason"), [("StatefulSet", "NotReplicaSetPod"), ("DaemonSet", "NotReplicaSetPod"), (None, "NotOwned")]
)
def test_only_a_replica_set_makes_another_beside_it(kind: str | None, reason: str) -> None:
    it = pod("web-0", workload(kind) if kind else None)
    assert refusal(ISOLATE, it, {"services": [service(app="web")]}) == reason


def test_without_a_service_there_is_no_traffic_to_take_away() -> None:
    above = owner()
    assert refusal(ISOLATE, target(above), related(above, service(app="other"))) == "NoService"
    assert refusal(ISOLATE, target(above), related(above, service())) == "NoService"


def test_what_was_not_read_is_not_guessed() -> None:
    above = owner()
    unread: dict[str, Any] = {"services": [service(app="web")], "replicasets.apps": []}
    assert refusal(ISOLATE, target(above), unread) == "NotObserved"
    assert refusal(ISOLATE, target(above), {"replicasets.apps": [above]}) == "NotObserved"


def test_an_isolated_pod_is_nothing_to_change() -> None:
    above = owner()
    it = target(above, **{"incidentcommander.io/isolated": "true"})
    assert refusal(ISOLATE, it, related(above, service(app="web"))) == "NothingToChange"
