"""Admission, people: an approval carries the name of who asked, and an Incident rules its own namespace only."""

from __future__ import annotations

from typing import Any

import pytest

from tests.controlplane import ApiError
from tests.functional.installed import APPLY_PATCH, INCIDENTS, Client, Installed
from tests.functional.resources.incidents import DIGEST, Scene, refusal

pytestmark = pytest.mark.apiserver

OTHER_DIGEST = "sha256:" + "2" * 64


def approval(approver: str, digest: str = DIGEST) -> dict[str, Any]:
    return {"approval": {"planDigest": digest, "decision": "Approve", "approver": approver}}


def undo(requester: str) -> dict[str, Any]:
    return {"undo": {"planDigest": DIGEST, "requester": requester}}


@pytest.fixture
def alice(scene: Scene) -> Client:
    scene.installed.allow("alice@example.com", "incident-approver", scene.namespace)
    return scene.installed.user("alice@example.com")


@pytest.fixture
def bob(scene: Scene) -> Client:
    scene.installed.allow("bob@example.com", "incident-approver", scene.namespace)
    return scene.installed.user("bob@example.com")


class TestApproving:
    def test_in_ones_own_name(self, scene: Scene, alice: Client) -> None:
        stored = scene.patch(alice, {"spec": approval("alice@example.com")})
        assert stored["spec"]["approval"]["approver"] == "alice@example.com"

    def test_in_the_name_of_another_is_refused(self, scene: Scene, bob: Client) -> None:
        message = refusal(scene.patch, bob, {"spec": approval("alice@example.com")})
        assert "spec.approval.approver must be bob@example.com, the user who asks" in message

    def test_is_not_passed_on_with_the_next_plan(self, scene: Scene, alice: Client, bob: Client) -> None:
        scene.patch(alice, {"spec": approval("alice@example.com")})
        message = refusal(scene.patch, bob, {"spec": approval("alice@example.com", OTHER_DIGEST)})
        assert "spec.approval.approver must be bob@example.com" in message
        scene.patch(bob, {"spec": approval("bob@example.com", OTHER_DIGEST)})

    def test_binds_the_administrator_too(self, scene: Scene) -> None:
        message = refusal(scene.patch, scene.installed.administrator(), {"spec": approval("alice@example.com")})
        assert "spec.approval.approver must be " in message

    def test_at_the_creation_is_bound_to_the_user_as_well(self, scene: Scene) -> None:
        message = refusal(scene.create, scene.installed.administrator(), **approval("alice@example.com"))
        assert "spec.approval.approver must be " in message

    def test_does_not_stand_in_the_way_of_other_writers(self, scene: Scene, alice: Client, bob: Client) -> None:
        scene.patch(alice, {"spec": approval("alice@example.com")})
        scene.patch(bob, {"spec": undo("bob@example.com")})
        scene.patch(scene.installed.administrator(), {"spec": {"description": "looked at it"}})
        scene.patch(scene.ours("gateway"), {"spec": {"omittedAlerts": 2}})
        scene.annotate(scene.ours("agent-detection"), detection_vote="still firing")
        scene.tell(scene.ours("coordinator"), phase="Executing")
        scene.tell(scene.ours("executor"), execution={"guards": []})
        assert scene.read()["spec"]["approval"]["approver"] == "alice@example.com"

    @pytest.mark.parametrize("who", ["coordinator", "executor", "agent-resolution"])
    def test_is_never_done_by_the_operator_even_with_every_right(self, scene: Scene, who: str) -> None:
        name = f"system:serviceaccount:incident-commander:{who}"
        with scene.installed.mistaken_rights(who):
            for decision in (approval(name), undo(name)):
                message = refusal(scene.patch, scene.ours(who), {"spec": decision})
                # Of an agent two policies refuse this; the API server tells of one.
                assert "decisions of people" in message or "may not change the spec" in message

    def test_takes_the_role_for_it(self, scene: Scene) -> None:
        stranger = scene.installed.user("mallory@example.com")
        with pytest.raises(ApiError, match="cannot patch resource"):
            scene.patch(stranger, {"spec": approval("mallory@example.com")})


class TestUndoing:
    def test_in_ones_own_name(self, scene: Scene, alice: Client) -> None:
        scene.patch(alice, {"spec": undo("alice@example.com")})

    def test_in_the_name_of_another_is_refused(self, scene: Scene, bob: Client) -> None:
        message = refusal(scene.patch, bob, {"spec": undo("alice@example.com")})
        assert "spec.undo.requester must be bob@example.com, the user who asks" in message


ELSEWHERE = [
    ({"spec": {"severity": "Info"}}, "spec.severity"),
    ({"spec": {"description": "nothing to see", "omittedAlerts": 3}}, "spec."),
    ({"spec": {"alerts": []}}, "spec.alerts"),
    ({"spec": {"predicted": True}}, "spec.predicted"),
    ({"metadata": {"annotations": {"incidentcommander.io/detection-vote": None}}}, "metadata.annotations"),
    ({"metadata": {"annotations": {"incidentcommander.io/detection-vote": "forged"}}}, "metadata.annotations"),
    ({"metadata": {"annotations": {"note": "mine"}}}, "metadata.annotations"),
    ({"metadata": {"annotations": None}}, "metadata.annotations"),
    ({"metadata": {"labels": {"incidentcommander.io/target": "other"}}}, "metadata.labels"),
    ({"metadata": {"finalizers": ["example.com/never"]}}, "metadata.finalizers"),
    (
        {"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}]}},
        "metadata.ownerReferences",
    ),
]


class TestDecidingOnly:
    """A person with `incident-approver` decides, and changes nothing else."""

    @pytest.mark.parametrize(("change", "what"), ELSEWHERE, ids=lambda value: value if isinstance(value, str) else "")
    def test_any_other_change_is_refused_and_told(
        self, scene: Scene, alice: Client, change: dict[str, Any], what: str
    ) -> None:
        alert = {"fingerprint": "a", "startsAt": "2026-01-31T12:00:00Z", "status": "firing"}
        scene.patch(scene.ours("gateway"), {"spec": {"alerts": [alert], "severity": "Critical"}})
        scene.annotate(scene.ours("agent-detection"), detection_vote="still firing")
        before = scene.read()
        message = refusal(scene.patch, alice, change)
        assert "alice@example.com may change spec.approval and spec.undo of an Incident only" in message
        assert "kubectl incident approve, reject, undo" in message
        assert f"not {what}" in message
        assert scene.read() == before

    def test_nothing_else_rides_along_with_an_approval(self, scene: Scene, alice: Client) -> None:
        change = {"spec": approval("alice@example.com") | {"severity": "Info"}}
        assert "not spec.severity" in refusal(scene.patch, alice, change)
        change = {"spec": approval("alice@example.com"), "metadata": {"annotations": {"note": "mine"}}}
        assert "not metadata.annotations" in refusal(scene.patch, alice, change)
        assert "approval" not in scene.read()["spec"]

    def test_every_way_to_patch_is_bound(self, scene: Scene, alice: Client) -> None:
        refusal(
            alice.request,
            "PATCH",
            scene.path,
            [{"op": "add", "path": "/spec/severity", "value": "Info"}],
            "application/json-patch+json",
        )
        body = scene.body("example", severity="Info")
        refusal(alice.request, "PATCH", f"{scene.path}?fieldManager=kubectl&force=true", body, APPLY_PATCH)

    def test_as_the_command_line_writes_it_is_allowed(self, scene: Scene, alice: Client) -> None:
        uid = scene.read()["metadata"]["uid"]
        scene.patch(alice, {"metadata": {"uid": uid}, "spec": approval("alice@example.com")})
        scene.patch(alice, {"metadata": {"uid": uid}, "spec": undo("alice@example.com")})

    def test_whoever_may_update_incidents_may_change_the_rest(self, scene: Scene) -> None:
        path = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
        rules = [{"apiGroups": ["incidentcommander.io"], "resources": ["incidents"], "verbs": ["patch", "update"]}]
        name = f"editor-of-{scene.namespace}"
        scene.installed.plane.request("POST", path, {"metadata": {"name": name}, "rules": rules})
        scene.installed.allow("carol@example.com", name, scene.namespace)
        carol = scene.installed.user("carol@example.com")
        scene.patch(carol, {"spec": {"severity": "Info"}, "metadata": {"annotations": {"note": "hers"}}})
        assert "the user who asks" in refusal(scene.patch, carol, {"spec": approval("alice@example.com")})

    def test_the_right_in_one_namespace_is_none_in_another(
        self, scene: Scene, alice: Client, installed_cluster: Installed
    ) -> None:
        path = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
        rules = [{"apiGroups": ["incidentcommander.io"], "resources": ["incidents"], "verbs": ["update"]}]
        name = f"updater-of-{scene.namespace}"
        installed_cluster.plane.request("POST", path, {"metadata": {"name": name}, "rules": rules})
        installed_cluster.allow("alice@example.com", name, "default")
        assert "not spec.severity" in refusal(scene.patch, alice, {"spec": {"severity": "Info"}})


def target(namespace: str | None, kind: str = "Deployment") -> dict[str, Any]:
    reference = {"apiVersion": "apps/v1", "kind": kind, "name": "web"}
    return {"targetRef": reference if namespace is None else reference | {"namespace": namespace}}


class TestTargets:
    def test_an_incident_is_about_its_own_namespace(self, scene: Scene) -> None:
        scene.create(scene.installed.administrator(), **target(scene.namespace))

    def test_about_another_namespace_is_refused(self, scene: Scene) -> None:
        message = refusal(scene.create, scene.ours("gateway"), **target("kube-system"))
        assert f"spec.targetRef.namespace must be {scene.namespace}, the Incident's own namespace" in message
        assert "belongs into namespace incident-commander" in message

    def test_about_another_namespace_later_is_refused(self, scene: Scene) -> None:
        message = refusal(scene.patch, scene.installed.administrator(), {"spec": target("kube-system")})
        assert "the Incident's own namespace" in message

    def test_about_a_cluster_level_object_is_refused(self, scene: Scene) -> None:
        assert "a cluster-level object" in refusal(
            scene.create, scene.installed.administrator(), **target(None, "Node")
        )

    def test_about_a_cluster_level_object_is_refused_whatever_namespace_it_names(self, scene: Scene) -> None:
        message = refusal(scene.create, scene.installed.administrator(), **target(scene.namespace, "Node"))
        assert "a cluster-level object, which is in no namespace" in message

    def test_in_the_namespace_of_the_operator_it_may_be_about_any(self, installed_cluster: Installed) -> None:
        path = INCIDENTS.format("incident-commander")
        for number, spec in enumerate([target("kube-system"), target(None, "Node"), {}]):
            body = {"apiVersion": "incidentcommander.io/v1alpha1", "kind": "Incident", "spec": spec}
            body["metadata"] = {"name": f"any-{number}"}
            installed_cluster.service_account("gateway").request("POST", f"{path}?dryRun=All", body)


class TestReporting:
    """Whoever may create Incidents and not update them, as Alertmanager: says what happened to what, and no more."""

    @pytest.fixture
    def reporter(self, scene: Scene) -> Client:
        scene.installed.allow("reporter@example.com", "incident-reporter", scene.namespace)
        return scene.installed.user("reporter@example.com")

    def post(self, client: Client, scene: Scene, metadata: dict[str, Any], **spec: Any) -> Any:
        body = scene.body(**target(scene.namespace), **spec)
        body["metadata"] |= metadata
        return client.request("POST", f"{scene.collection}?dryRun=All", body)

    def test_an_incident_with_labels_and_notes_is_taken(self, scene: Scene, reporter: Client) -> None:
        noted = {"labels": {"team": "sre"}, "annotations": {"example.com/vote": "no vote of an agent"}}
        self.post(reporter, scene, noted)
        self.post(reporter, scene, {})

    @pytest.mark.parametrize(
        ("metadata", "spec", "said"),
        [
            ({"finalizers": ["example.com/kept"]}, {}, "no finalizers"),
            (
                {"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "1"}]},
                {},
                "no ownerReferences",
            ),
            ({"annotations": {"incidentcommander.io/detection-statement": "{}"}}, {}, "written by the agents only"),
            ({"annotations": {"incidentcommander.io/detection-vote": "{}"}}, {}, "written by the agents only"),
            ({}, approval("reporter@example.com"), "no spec.approval"),
            ({}, undo("reporter@example.com"), "no spec.undo"),
        ],
        ids=["finalizer", "owner", "statement", "vote", "approval", "undo"],
    )
    def test_what_others_say_or_decide_is_refused(
        self, scene: Scene, reporter: Client, metadata: dict[str, Any], spec: dict[str, Any], said: str
    ) -> None:
        assert said in refusal(self.post, reporter, scene, metadata, **spec)
        self.post(scene.installed.administrator(), scene, metadata)
