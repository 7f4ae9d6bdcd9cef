"""Admission, agents: each may write its own two annotations and its Lease, and dry-run what it asks about."""

from __future__ import annotations

import pytest

from incident_commander.api.names import ROLES
from tests.functional.installed import MERGE_PATCH
from tests.functional.resources.incidents import Scene, deployment, refusal

pytestmark = pytest.mark.apiserver

LEASES = "/apis/coordination.k8s.io/v1/namespaces/{}/leases"


class TestAnAgentSpeaks:
    @pytest.mark.parametrize("role", ROLES)
    def test_in_both_of_its_annotations_at_once_and_again(self, scene: Scene, role: str) -> None:
        agent = scene.ours(f"agent-{role}")
        scene.annotate(agent, **{f"{role}_statement": "first", f"{role}_vote": "first"})
        scene.annotate(agent, **{f"{role}_statement": "second"})
        written = scene.read()["metadata"]["annotations"]
        assert written == {
            f"incidentcommander.io/{role}-statement": "second",
            f"incidentcommander.io/{role}-vote": "first",
        }

    def test_beside_the_others(self, scene: Scene) -> None:
        for role in ROLES:
            scene.annotate(scene.ours(f"agent-{role}"), **{f"{role}_vote": role})
        assert len(scene.read()["metadata"]["annotations"]) == len(ROLES)

    def test_and_leaves_the_others_room_to_speak(self, scene: Scene) -> None:
        agent = scene.ours("agent-resolution")
        scene.annotate(agent, resolution_statement="x" * 65000, resolution_vote="x" * 536)
        message = refusal(scene.annotate, agent, resolution_vote="x" * 537)
        assert "statement and vote of one agent may not be longer than 65536 characters together" in message


class TestAnAgentMayNot:
    @pytest.mark.parametrize("key", ["diagnosis_vote", "diagnosis_statement", "detection_vote2", "storm"])
    def test_write_an_annotation_that_is_not_its_own(self, scene: Scene, key: str) -> None:
        message = refusal(scene.annotate, scene.ours("agent-detection"), **{key: "forged"})
        assert (
            "agent detection may write its own two annotations only, incidentcommander.io/detection-statement and "
            "incidentcommander.io/detection-vote" in message
        )

    def test_change_or_remove_the_vote_of_another(self, scene: Scene) -> None:
        scene.annotate(scene.ours("agent-diagnosis"), diagnosis_vote="Reject")
        for value in ("Approve", None):
            message = refusal(scene.annotate, scene.ours("agent-detection"), diagnosis_vote=value)
            assert "may write its own two annotations only" in message

    @pytest.mark.parametrize(
        ("metadata", "message"),
        [
            ({"labels": {"a": "b"}}, "may not change labels, finalizers or ownerReferences"),
            ({"finalizers": ["example.com/stuck"]}, "may not change labels, finalizers or ownerReferences"),
            (
                {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "1"}]},
                "may not change labels, finalizers or ownerReferences",
            ),
        ],
        ids=["labels", "finalizers", "ownerReferences"],
    )
    def test_change_other_metadata(self, scene: Scene, metadata: dict[str, object], message: str) -> None:
        assert message in refusal(scene.patch, scene.ours("agent-detection"), {"metadata": metadata})

    @pytest.mark.parametrize(
        "spec",
        [{"severity": "Info"}, {"omittedAlerts": 7}, {"description": "all is well"}],
        ids=lambda s: next(iter(s)),
    )
    def test_change_the_spec(self, scene: Scene, spec: dict[str, object]) -> None:
        message = refusal(scene.patch, scene.ours("agent-verification"), {"spec": spec})
        assert "an agent may not change the spec of an Incident" in message

    def test_do_more_than_speak_even_with_every_right(self, scene: Scene) -> None:
        agent = scene.ours("agent-diagnosis")
        with scene.installed.mistaken_rights("agent-diagnosis"):
            assert "may not create or delete an Incident" in refusal(scene.create, agent)
            assert "may not create or delete an Incident" in refusal(agent.request, "DELETE", scene.path)
            assert "status of an Incident is written by the coordinator" in refusal(scene.tell, agent, phase="Resolved")
            secrets = f"/api/v1/namespaces/{scene.namespace}/secrets"
            stolen = {"metadata": {"name": "made-by-an-agent"}}
            assert "server-side dry-run (dryRun=All) only" in refusal(agent.request, "POST", secrets, stolen)


class TestTryingAPlan:
    def workload(self, scene: Scene) -> str:
        path = f"/apis/apps/v1/namespaces/{scene.namespace}/deployments"
        scene.installed.plane.request("POST", path, deployment())
        return f"{path}/web"

    def test_verification_may_dry_run_a_change_of_a_workload(self, scene: Scene) -> None:
        path, change = self.workload(scene), {"spec": {"replicas": 3}}
        answer = scene.ours("agent-verification").request("PATCH", f"{path}?dryRun=All", change, MERGE_PATCH)
        assert answer["spec"]["replicas"] == 3
        assert scene.installed.plane.request("GET", path)["spec"]["replicas"] == 0

    def test_verification_may_not_make_the_change(self, scene: Scene) -> None:
        path, change = self.workload(scene), {"spec": {"replicas": 3}}
        message = refusal(scene.ours("agent-verification").request, "PATCH", path, change, MERGE_PATCH)
        assert "an agent may ask for a server-side dry-run (dryRun=All) only" in message
        assert scene.installed.plane.request("GET", path)["spec"]["replicas"] == 0

    def test_verification_may_dry_run_the_deletion_of_a_pod_and_not_delete_it(self, scene: Scene) -> None:
        pods = f"/api/v1/namespaces/{scene.namespace}/pods"
        container = {"name": "web", "image": "none"}
        scene.installed.plane.request("POST", pods, {"metadata": {"name": "web"}, "spec": {"containers": [container]}})
        agent = scene.ours("agent-verification")
        agent.request("DELETE", f"{pods}/web?dryRun=All")
        assert "dry-run" in refusal(agent.request, "DELETE", f"{pods}/web")
        assert "deletionTimestamp" not in scene.installed.plane.request("GET", f"{pods}/web")["metadata"]

    @pytest.mark.parametrize("role", [role for role in ROLES if role != "verification"])
    def test_a_mistake_in_rbac_gives_no_other_agent_a_hand(self, scene: Scene, role: str) -> None:
        path, change = self.workload(scene), {"spec": {"replicas": 3}}
        with scene.installed.mistaken_rights(f"agent-{role}"):
            message = refusal(scene.ours(f"agent-{role}").request, "PATCH", path, change, MERGE_PATCH)
        assert "changes are made by the executor, with a certificate" in message


class TestHeartbeats:
    def test_an_agent_makes_and_renews_its_own_lease(self, scene: Scene) -> None:
        agent, leases = scene.ours("agent-prediction"), LEASES.format("incident-commander")
        agent.request("POST", leases, {"metadata": {"name": "agent-prediction"}, "spec": {"holderIdentity": "a"}})
        renewed = {"spec": {"holderIdentity": "b"}}
        agent.request("PATCH", f"{leases}/agent-prediction", renewed, MERGE_PATCH)
        told = {
            "metadata": {"annotations": {"incidentcommander.io/key-id": "ab" * 32}},
            "spec": {"holderIdentity": "b"},
        }
        agent.request("PATCH", f"{leases}/agent-prediction", told, MERGE_PATCH)

    def test_an_agent_cannot_stop_another_one_by_its_lease(self, scene: Scene) -> None:
        leases = LEASES.format("incident-commander")
        body = {"metadata": {"name": "agent-communication"}, "spec": {"holderIdentity": "rightful"}}
        scene.ours("agent-communication").request("POST", leases, body)
        thief = scene.ours("agent-detection")
        stolen = {"spec": {"holderIdentity": "thief"}}
        with scene.installed.mistaken_rights("agent-detection"):
            message = refusal(thief.request, "PATCH", f"{leases}/agent-communication", stolen, MERGE_PATCH)
        assert "agent-detection may write one Lease only: incident-commander/agent-detection" in message
        body = {"metadata": {"name": "coordinator"}, "spec": {"holderIdentity": "thief"}}
        assert "may write one Lease only" in refusal(thief.request, "POST", leases, body)
