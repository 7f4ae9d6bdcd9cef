"""Only what was opted in is touched, and an opt-out anywhere above it wins."""

from typing import Any

import pytest

from incident_commander.api.plan import ActionName
from incident_commander.guards.opt_in import opted_in
from incident_commander.ports import Object
from tests.unit.actions.workloads import hpa, node, owned_by, pod, replica_set, template, workload
from tests.unit.guards.scene import NAMESPACE, scene

MANAGED = "incidentcommander.io/managed"


def namespace(**labels: str) -> Object:
    return {**NAMESPACE, "metadata": {"name": "shop", "labels": labels}}


@pytest.mark.parametrize(
    ("on_namespace", "on_workload", "reason"),
    [
        ("true", None, "OptedIn"),
        (None, "true", "OptedIn"),
        ("false", "true", "OptedIn"),
        ("true", "false", "OptedOut"),
        (None, None, "NotOptedIn"),
        ("yes", "True", "NotOptedIn"),
    ],
)
def test_labels_decide(on_namespace: str | None, on_workload: str | None, reason: str) -> None:
    target = workload(labels={MANAGED: on_workload} if on_workload else {})
    given = scene(target=target, namespace=namespace(**({MANAGED: on_namespace} if on_namespace else {})))
    verdict = opted_in(given)
    assert (verdict.reason, verdict.allowed) == (reason, reason == "OptedIn")


def test_a_namespace_that_could_not_be_read_is_no_opt_in() -> None:
    assert opted_in(scene(namespace=None)).reason == "NamespaceUnknown"
    assert opted_in(scene(namespace={"metadata": {"name": "other", "labels": {MANAGED: "true"}}})).reason == (
        "NamespaceUnknown"
    )


def of_deployment(**labels: str) -> tuple[Object, dict[str, list[Object]]]:
    deployment = workload(labels=labels)
    middle = replica_set(deployment, 1, template())
    target = pod("web-h1-x", middle)
    related: dict[str, list[Object]] = {
        "pods": [target],
        "replicasets.apps": [middle],
        "deployments.apps": [deployment],
    }
    return target, related


def test_a_workloads_opt_out_covers_its_pods() -> None:
    target, related = of_deployment(**{MANAGED: "false"})
    assert opted_in(scene(ActionName.DELETE_POD, target, related)).reason == "OptedOut"


def test_a_workloads_opt_in_covers_its_pods() -> None:
    target, related = of_deployment(**{MANAGED: "true"})
    assert opted_in(scene(ActionName.DELETE_POD, target, related, namespace=namespace())).allowed


def test_a_pod_whose_owner_could_not_be_read_is_not_touched() -> None:
    target, related = of_deployment()
    del related["deployments.apps"]
    assert opted_in(scene(ActionName.DELETE_POD, target, related)).reason == "OwnerUnknown"


def test_an_owner_of_a_kind_nobody_here_knows_does_not_matter() -> None:
    maker: dict[str, Any] = {"apiVersion": "example.io/v1", "kind": "Shop", "metadata": {"name": "s", "uid": "u"}}
    assert opted_in(scene(target=workload(ownerReferences=owned_by(maker)))).allowed


def test_an_hpa_is_judged_with_what_it_scales() -> None:
    out = {"deployments.apps": [workload(labels={MANAGED: "false"})]}
    parameters = {"maxReplicas": "9"}
    assert opted_in(scene(ActionName.PATCH_HPA, hpa(), out, parameters=parameters)).reason == "OptedOut"
    assert opted_in(scene(ActionName.PATCH_HPA, hpa(), parameters=parameters)).reason == "OwnerUnknown"
    fine = {"deployments.apps": [workload()]}
    assert opted_in(scene(ActionName.PATCH_HPA, hpa(), fine, parameters=parameters)).allowed


def test_a_node_is_opted_in_by_its_own_label() -> None:
    nodes = {"nodes": [node("n2"), node("n3"), node("n4")]}
    assert opted_in(scene(ActionName.CORDON_NODE, node(), nodes)).reason == "NotOptedIn"
    assert opted_in(scene(ActionName.CORDON_NODE, node(labels={MANAGED: "true"}), nodes)).allowed
