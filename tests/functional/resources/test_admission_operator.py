"""Admission, the operator's own identities: who writes which part of status, and what none of them may ever write."""

from __future__ import annotations

import pytest

from tests.functional.installed import GROUP_PATH, MERGE_PATCH
from tests.functional.resources.incidents import API_VERSION, DIGEST, Scene, refusal

pytestmark = pytest.mark.apiserver

EXECUTION = {"guards": [{"guard": "opt_in", "allowed": True, "reason": "OptedIn"}]}
NAMESPACE = "incident-commander"


class TestStatus:
    def test_is_the_coordinators(self, scene: Scene) -> None:
        told = scene.tell(scene.ours("coordinator"), phase="Voting", votes="3/6")
        assert told["status"] == {"phase": "Voting", "votes": "3/6"}

    def test_execution_is_the_executors(self, scene: Scene) -> None:
        told = scene.tell(scene.ours("executor"), execution=EXECUTION)
        assert told["status"]["execution"] == EXECUTION

    def test_both_write_their_parts_in_turn(self, scene: Scene) -> None:
        coordinator, executor = scene.ours("coordinator"), scene.ours("executor")
        scene.tell(coordinator, phase="Executing")
        scene.tell(executor, execution=EXECUTION)
        scene.tell(coordinator, phase="Verifying", message="measuring")
        scene.tell(coordinator, message=None)
        scene.tell(executor, execution=None)
        assert scene.read()["status"] == {"phase": "Verifying"}

    @pytest.mark.parametrize("change", [{"guards": []}, None], ids=["changed", "removed"])
    def test_execution_cannot_be_claimed_by_the_coordinator(self, scene: Scene, change: object) -> None:
        scene.tell(scene.ours("executor"), execution=EXECUTION)
        message = refusal(scene.tell, scene.ours("coordinator"), phase="Verifying", execution=change)
        assert "the coordinator may not write status.execution; only the executor does" in message

    @pytest.mark.parametrize(
        "status",
        [
            {"phase": "Resolved"},
            {"consensus": {"round": 1, "quorum": 1}},
            {"votes": "6/6"},
            {"message": None},
        ],
        ids=["changed", "a quorum", "added", "removed"],
    )
    def test_a_quorum_cannot_be_claimed_by_the_executor(self, scene: Scene, status: dict[str, object]) -> None:
        scene.tell(scene.ours("coordinator"), phase="Executing", message="here we go")
        message = refusal(scene.tell, scene.ours("executor"), execution=EXECUTION, **status)
        assert "the executor may write status.execution only; the rest of status is the coordinator's" in message

    @pytest.mark.parametrize("who", ["gateway", "agent-verification"])
    def test_is_nobody_elses_even_with_every_right(self, scene: Scene, who: str) -> None:
        with scene.installed.mistaken_rights(who):
            message = refusal(scene.tell, scene.ours(who), phase="Resolved")
        assert "status of an Incident is written by the coordinator, and status.execution by the executor" in message

    def test_is_not_the_administrators_either(self, scene: Scene) -> None:
        message = refusal(scene.tell, scene.installed.administrator(), phase="Resolved")
        assert "people decide in spec (kubectl incident approve, reject, undo)" in message


class TestTheGateway:
    def test_stores_alerts_labels_and_annotations_of_its_own(self, scene: Scene) -> None:
        gateway = scene.ours("gateway")
        body = scene.body(severity="Critical", alerts=[])
        body["metadata"] |= {"labels": {"a": "b"}, "annotations": {"incidentcommander.io/omitted": "1"}}
        gateway.request("POST", scene.collection, body)
        scene.patch(gateway, {"metadata": {"labels": {"a": "b"}}, "spec": {"omittedAlerts": 1}})

    @pytest.mark.parametrize("key", ["diagnosis_statement", "detection_vote"])
    def test_cannot_speak_for_an_agent(self, scene: Scene, key: str) -> None:
        scene.annotate(scene.ours("agent-detection"), detection_vote="Reject")
        for value in ("Approve", None) if key == "detection_vote" else ("forged",):
            message = refusal(scene.annotate, scene.ours("gateway"), **{key: value})
            assert "statements and votes are written by the agents only" in message
        body = scene.body()
        body["metadata"]["annotations"] = {f"incidentcommander.io/{key.replace('_', '-')}": "forged"}
        assert "written by the agents only" in refusal(scene.ours("gateway").request, "POST", scene.collection, body)

    def test_cannot_tie_an_incident_down(self, scene: Scene) -> None:
        stuck = {"finalizers": ["example.com/stuck"]}
        message = refusal(scene.patch, scene.ours("gateway"), {"metadata": stuck})
        assert "the gateway may not write finalizers or ownerReferences" in message
        body = scene.body()
        body["metadata"] |= stuck
        assert "may not write finalizers" in refusal(scene.ours("gateway").request, "POST", scene.collection, body)

    def test_still_updates_an_incident_that_somebody_else_gave_a_finalizer(self, scene: Scene) -> None:
        held = {"metadata": {"finalizers": ["example.com/audit"]}}
        scene.installed.plane.request("PATCH", scene.path, held, MERGE_PATCH)
        scene.patch(scene.ours("gateway"), {"spec": {"omittedAlerts": 1}})
        scene.installed.plane.request("PATCH", scene.path, {"metadata": {"finalizers": None}}, MERGE_PATCH)

    def test_cannot_approve(self, scene: Scene) -> None:
        name = "system:serviceaccount:incident-commander:gateway"
        for decision in (
            {"approval": {"planDigest": DIGEST, "decision": "Approve", "approver": name}},
            {"undo": {"planDigest": DIGEST, "requester": name}},
        ):
            message = refusal(scene.patch, scene.ours("gateway"), {"spec": decision})
            assert "the operator's own ServiceAccounts may not write them" in message
            assert "may not write them" in refusal(scene.create, scene.ours("gateway"), **decision)


class TestVotersAndRules:
    KEY = {
        "keyId": "1" * 64,
        "publicKey": "2" * 64,
        "notBefore": "2026-01-01T00:00:00Z",
        "notAfter": "2027-01-01T00:00:00Z",
    }

    def agent(self, name: str) -> dict[str, object]:
        spec = {"role": "diagnosis", "publicKeys": [self.KEY]}
        return {"apiVersion": API_VERSION, "kind": "Agent", "metadata": {"name": name}, "spec": spec}

    @pytest.mark.parametrize("who", ["coordinator", "executor", "gateway", "agent-resolution"])
    def test_who_acts_or_counts_cannot_mint_voters_or_make_rules(self, scene: Scene, who: str) -> None:
        client, name = scene.ours(who), scene.namespace
        agents = f"{GROUP_PATH}/agents"
        policy = {"apiVersion": API_VERSION, "kind": "RemediationPolicy", "metadata": {"name": name}}
        scene.installed.plane.request("POST", agents, self.agent(name))
        try:
            with scene.installed.mistaken_rights(who):
                for attempt in (
                    ("POST", agents, self.agent(f"{name}-b")),
                    (
                        "PATCH",
                        f"{agents}/{name}",
                        {"spec": {"publicKeys": [self.KEY | {"keyId": "3" * 64}]}},
                        MERGE_PATCH,
                    ),
                    ("DELETE", f"{agents}/{name}"),
                    ("POST", f"{GROUP_PATH}/remediationpolicies", policy),
                ):
                    message = refusal(client.request, *attempt)
                    # Of an agent two policies refuse this; the API server tells of one.
                    assert "Agents, RemediationPolicies and Runbooks are written by people" in message or (
                        who.startswith("agent-") and "dry-run" in message
                    )
        finally:
            scene.installed.plane.request("DELETE", f"{agents}/{name}")

    def test_the_coordinator_records_suspicion_and_nobody_else_of_ours_does(self, scene: Scene) -> None:
        agents, name = f"{GROUP_PATH}/agents", scene.namespace
        scene.installed.plane.request("POST", agents, self.agent(name))
        path, change = f"{agents}/{name}/status", {"status": {"suspicion": 2}}
        try:
            scene.ours("coordinator").request("PATCH", path, change, MERGE_PATCH)
            with scene.installed.mistaken_rights("executor"):
                message = refusal(scene.ours("executor").request, "PATCH", path, change, MERGE_PATCH)
            assert "the coordinator alone may write their status" in message
            # People lift a quarantine.
            scene.installed.plane.request("PATCH", path, {"status": {"quarantine": None}}, MERGE_PATCH)
        finally:
            scene.installed.plane.request("DELETE", f"{agents}/{name}")


class TestOwnObjects:
    LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases"
    CONFIG_MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"

    @pytest.mark.parametrize("who", ["coordinator", "executor"])
    def test_each_holds_its_own_lease(self, scene: Scene, who: str) -> None:
        lease = {"metadata": {"name": who}, "spec": {"holderIdentity": "a"}}
        scene.ours(who).request("POST", self.LEASES, lease)
        scene.ours(who).request("PATCH", f"{self.LEASES}/{who}", {"spec": {"holderIdentity": "b"}}, MERGE_PATCH)
        other = {"metadata": {"name": "somebody"}, "spec": {"holderIdentity": "a"}}
        message = refusal(scene.ours(who).request, "POST", self.LEASES, other)
        assert f"{who} may write one Lease only: incident-commander/{who}" in message

    def test_the_executor_trips_the_breaker_and_makes_no_other_config_map(self, scene: Scene) -> None:
        executor, name = scene.ours("executor"), "incident-commander-circuit-breaker"
        executor.request("POST", self.CONFIG_MAPS, {"metadata": {"name": name}, "data": {"state": "Tripped"}})
        executor.request("PATCH", f"{self.CONFIG_MAPS}/{name}", {"data": {"reason": "why"}}, MERGE_PATCH)
        assert executor.request("GET", f"{self.CONFIG_MAPS}/{name}")["data"] == {"state": "Tripped", "reason": "why"}
        message = refusal(executor.request, "POST", self.CONFIG_MAPS, {"metadata": {"name": "another"}})
        assert "the executor may write incident-commander/incident-commander-circuit-breaker only" in message
        scene.installed.plane.request("DELETE", f"{self.CONFIG_MAPS}/{name}")
