"""An Incident as people see it over its life: what may change, its columns, and kubectl wait."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from tests.controlplane import ApiError
from tests.functional.installed import INCIDENTS, MERGE_PATCH, Installed

pytestmark = pytest.mark.apiserver

DIGEST = "sha256:" + "1" * 64
OTHER_DIGEST = "sha256:" + "2" * 64
ADMIN = "incident-commander-tests"


class Sandbox:
    """One namespace with its Incidents."""

    def __init__(self, installed: Installed, namespace: str) -> None:
        self.installed = installed
        self.namespace = namespace

    def target(self, name: str = "web") -> dict[str, str]:
        return {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": self.namespace, "name": name}

    def create(self, **spec: Any) -> Any:
        version = "incidentcommander.io/v1alpha1"
        body = {"apiVersion": version, "kind": "Incident", "metadata": {"name": "example"}, "spec": spec}
        return self.installed.plane.request("POST", INCIDENTS.format(self.namespace), body)

    def change(self, **spec: Any) -> Any:
        path = f"{INCIDENTS.format(self.namespace)}/example"
        return self.installed.plane.request("PATCH", path, {"spec": spec}, MERGE_PATCH)

    def tell(self, **status: Any) -> Any:
        path = f"{INCIDENTS.format(self.namespace)}/example/status"
        coordinator = self.installed.service_account("coordinator")
        return coordinator.request("PATCH", path, {"status": status}, MERGE_PATCH)

    def kubectl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.installed.kubectl(f"--namespace={self.namespace}", *arguments)


@pytest.fixture
def sandbox(installed_cluster: Installed, installed_namespace: str) -> Sandbox:
    return Sandbox(installed_cluster, installed_namespace)


def approval(**changes: str) -> dict[str, str]:
    return {"planDigest": DIGEST, "decision": "Approve", "approver": ADMIN, **changes}


class TestTheTarget:
    def test_can_be_named_later(self, sandbox: Sandbox) -> None:
        sandbox.create()
        sandbox.change(targetRef=sandbox.target())

    def test_cannot_become_another_one(self, sandbox: Sandbox) -> None:
        sandbox.create(targetRef=sandbox.target())
        with pytest.raises(
            ApiError, match=r"spec.targetRef cannot be changed once it is set.* create another Incident"
        ):
            sandbox.change(targetRef=sandbox.target("other"))

    def test_cannot_be_taken_away(self, sandbox: Sandbox) -> None:
        sandbox.create(targetRef=sandbox.target())
        with pytest.raises(ApiError, match=r"spec.targetRef cannot be changed once it is set"):
            sandbox.change(targetRef=None)

    def test_can_be_pinned_to_its_uid_later(self, sandbox: Sandbox) -> None:
        sandbox.create(targetRef=sandbox.target())
        sandbox.change(targetRef=sandbox.target() | {"uid": "1234"})


class TestADecision:
    def test_about_one_plan_is_final(self, sandbox: Sandbox) -> None:
        sandbox.create(approval=approval())
        for change in (approval(decision="Reject"), approval(reason="changed my mind"), None):
            with pytest.raises(ApiError, match=r"spec.approval cannot be changed or removed.*use spec.undo"):
                sandbox.change(approval=change)

    def test_about_the_next_plan_replaces_it(self, sandbox: Sandbox) -> None:
        sandbox.create(approval=approval(decision="Reject"))
        sandbox.change(approval=approval(planDigest=OTHER_DIGEST))

    def test_does_not_stand_in_the_way_of_other_changes(self, sandbox: Sandbox) -> None:
        sandbox.create(approval=approval())
        assert sandbox.change(omittedAlerts=3)["spec"]["approval"] == approval()

    def test_to_undo_is_final_as_well(self, sandbox: Sandbox) -> None:
        wish = {"planDigest": DIGEST, "requester": ADMIN}
        sandbox.create(undo=wish)
        with pytest.raises(ApiError, match=r"spec.undo cannot be changed or removed"):
            sandbox.change(undo=None)
        sandbox.change(undo=wish | {"planDigest": OTHER_DIGEST})


def test_the_role_of_an_agent_cannot_be_changed(installed_cluster: Installed, installed_namespace: str) -> None:
    key = {"keyId": "1" * 64, "publicKey": "2" * 64, "notBefore": "2026-01-01T00:00:00Z"}
    spec = {"role": "diagnosis", "publicKeys": [key | {"notAfter": "2027-01-01T00:00:00Z"}]}
    path = "/apis/incidentcommander.io/v1alpha1/agents"
    body = {"apiVersion": "incidentcommander.io/v1alpha1", "kind": "Agent", "metadata": {"name": installed_namespace}}
    installed_cluster.plane.request("POST", path, body | {"spec": spec})
    try:
        change = {"spec": {"role": "detection"}}
        with pytest.raises(ApiError, match=r"spec.role cannot be changed: create another Agent for another role"):
            installed_cluster.plane.request("PATCH", f"{path}/{installed_namespace}", change, MERGE_PATCH)
    finally:
        installed_cluster.plane.request("DELETE", f"{path}/{installed_namespace}")


class TestColumns:
    def test_a_new_incident_is_pending_and_of_severity_warning(self, sandbox: Sandbox) -> None:
        sandbox.create()
        header, row = self.table(sandbox)
        assert header == ["NAME", "SEVERITY", "PHASE", "TARGET", "ACTION", "VOTES", "OUTCOME", "AGE"]
        assert row[:3] == ["example", "Warning", "Pending"]

    def test_tell_the_story_in_one_line(self, sandbox: Sandbox) -> None:
        sandbox.create(severity="Critical")
        sandbox.tell(
            phase="Resolved", outcome="Remediated", target="Deployment/web", action="RollbackRollout", votes="6/6"
        )
        _, row = self.table(sandbox)
        assert row[:-1] == [
            "example",
            "Critical",
            "Resolved",
            "Deployment/web",
            "RollbackRollout",
            "6/6",
            "Remediated",
        ]

    def test_tell_more_when_asked_for_more(self, sandbox: Sandbox) -> None:
        sandbox.create()
        sandbox.tell(cause="ImageNotFound", confidence=97, alert="KubePodNotReady", mode="Auto", message="image_gone")
        header, row = self.table(sandbox, "--output=wide")
        assert header[-5:] == ["CAUSE", "CONFIDENCE", "ALERT", "MODE", "MESSAGE"]
        assert row[-5:] == ["ImageNotFound", "97", "KubePodNotReady", "Auto", "image_gone"]

    def table(self, sandbox: Sandbox, *options: str) -> tuple[list[str], list[str]]:
        answer = sandbox.kubectl("get", "inc", *options)
        assert answer.returncode == 0, answer.stderr
        header, row = answer.stdout.splitlines()
        return header.split(), row.split()


class TestKubectl:
    def test_waits_for_a_condition(self, sandbox: Sandbox) -> None:
        sandbox.create()
        waiting = sandbox.kubectl("wait", "--for=condition=Resolved", "incident/example", "--timeout=1s")
        assert "timed out" in waiting.stderr
        condition = {"type": "Resolved", "status": "True", "reason": "Remediated", "message": "it holds"}
        condition |= {"lastTransitionTime": "2026-11-20T14:05:12.123Z"}
        sandbox.tell(conditions=[condition | {"observedGeneration": 1}])
        done = sandbox.kubectl("wait", "--for=condition=Resolved", "incident/example", "--timeout=30s")
        assert done.stdout.strip() == "incident.incidentcommander.io/example condition met"

    def test_knows_short_names_and_the_category(self, sandbox: Sandbox) -> None:
        for name in ("inc", "rpol", "rb", "agt", "incident-commander"):
            answer = sandbox.kubectl("get", name)
            assert answer.returncode == 0, answer.stderr

    def test_explains_every_kind(self, sandbox: Sandbox) -> None:
        answer = sandbox.kubectl("explain", "incident.status.consensus.certificate.quorum")
        assert "Votes that were needed." in answer.stdout
