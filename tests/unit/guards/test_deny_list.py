"""What is never touched, whatever RBAC or a policy says."""

from dataclasses import replace

import pytest

from incident_commander.api import kinds
from incident_commander.api.plan import ActionName
from incident_commander.guards.deny_list import not_denied
from tests.unit.actions.workloads import node, workload
from tests.unit.guards.scene import policy, scene

FORBIDDEN = [
    ("v1", "Secret"),
    ("v1", "ServiceAccount"),
    ("v1", "Namespace"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("rbac.authorization.k8s.io/v1", "SomethingNew"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"),
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
    ("incidentcommander.io/v1alpha1", "RemediationPolicy"),
    ("incidentcommander.io/v1alpha1", "Agent"),
    ("coordination.k8s.io/v1", "Lease"),
]


@pytest.mark.parametrize(("api_version", "kind"), FORBIDDEN)
def test_a_forbidden_kind_is_refused_whether_it_is_claimed_or_read(api_version: str, kind: str) -> None:
    given = scene()
    target = {**given.target, "apiVersion": api_version, "kind": kind}
    assert not_denied(replace(given, target=target)).reason == "DeniedKind"
    ref = given.step.target.model_copy(update={"api_version": api_version, "kind": kind})
    assert not_denied(replace(given, step=given.step.model_copy(update={"target": ref}))).reason == "DeniedKind"


def test_the_kinds_of_the_catalogue_pass() -> None:
    for kind in (kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.DAEMON_SET, kinds.POD, kinds.CRON_JOB):
        given = scene()
        target = {**given.target, "apiVersion": kind.api_version, "kind": kind.kind}
        assert not_denied(replace(given, target=target)).allowed


def test_the_operators_own_objects_are_left_alone() -> None:
    assert not_denied(replace(scene(), operator_namespace="shop")).reason == "OwnNamespace"
    own = workload(labels={"app.kubernetes.io/part-of": "incident-commander"})
    assert not_denied(scene(target=own)).reason == "OwnObject"


def test_system_namespaces_need_to_be_named_literally() -> None:
    given = scene(target=workload(namespace="kube-system"))
    assert not_denied(given).reason == "SystemNamespace"
    assert "the chart's value executor.systemNamespaces" in not_denied(given).message
    for globs, reason in ((["*"], "SystemNamespace"), (["kube-*"], "SystemNamespace"), (["kube-system"], "NotDenied")):
        ruled = replace(given, policy=policy(match={"namespaces": globs}))
        assert not_denied(ruled).reason == reason
    assert not_denied(replace(given, policy=None)).reason == "SystemNamespace"


def test_a_node_may_be_cordoned_or_drained_and_nothing_else() -> None:
    given = scene(ActionName.CORDON_NODE, node(), {"nodes": [node("n2"), node("n3"), node("n4")]})
    assert not_denied(given).allowed
    drain = given.step.model_copy(update={"action": ActionName.DRAIN_NODE})
    assert not_denied(replace(given, step=drain)).allowed
    other = given.step.model_copy(update={"action": ActionName.DELETE_POD})
    assert not_denied(replace(given, step=other)).reason == "DeniedKind"
