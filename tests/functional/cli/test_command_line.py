"""The command line as a person's process, on a real API server with RBAC and admission as shipped."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from incident_commander.api.agent import Agent
from incident_commander.api.incident import ApprovalState, Consensus, Phase, RoundDecision
from incident_commander.api.meta import format_time
from incident_commander.api.policy import Mode
from incident_commander.api.role import Role
from incident_commander.api.statement import Decision, Statement, Vote
from incident_commander.consensus.ballot import accept_vote
from incident_commander.consensus.certificate import issue
from incident_commander.consensus.digest import with_digest
from incident_commander.consensus.envelope import sign
from incident_commander.consensus.keys import SigningKey
from incident_commander.consensus.membership import members_of, quorum, tolerated_faults
from tests.functional.installed import GROUP_PATH, INCIDENTS, MERGE_PATCH, Installed, wait
from tests.unit.consensus.council import plan

pytestmark = pytest.mark.apiserver

COMMAND = Path(sys.executable).parent / "kubectl-incident"
DEPLOYMENTS = "/apis/apps/v1/namespaces/{}/deployments"


class Person:
    """Somebody with a kubeconfig and the rights of an approver in one namespace."""

    def __init__(self, installed: Installed, namespace: str, *roles: str) -> None:
        self.namespace = namespace
        self.name = f"system:serviceaccount:{namespace}:person"
        installed.plane.request(
            "POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "person"}}
        )
        for role in roles:
            installed.allow(self.name, role, namespace)
        self.kubeconfig = installed.plane.kubeconfig_for(f"{namespace}/person")

    def may_verify(self, installed: Installed) -> None:
        """Bind the ClusterRole for it cluster-wide, as docs/policies.md says, and wait until it holds."""
        name = f"{self.namespace}-verifies"
        made = installed.kubectl(
            *("create", "clusterrolebinding", name, "--clusterrole=incident-verifier"),
            f"--serviceaccount={self.namespace}:person",
        )
        assert made.returncode == 0, made.stderr
        client = installed.service_account("person", self.namespace)
        wait(f"{name} does not hold", lambda: client.may("list", "agents.incidentcommander.io", None))

    def run(self, *arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig), "COLUMNS": "80", "NO_COLOR": "1"}
        done = subprocess.run(
            [str(COMMAND), *arguments], env=environment, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == expect, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return done


@pytest.fixture
def agents(installed_cluster: Installed, installed_namespace: str) -> Iterator[dict[str, SigningKey]]:
    """Six Agents of their own, by name, with their keys; others of earlier tests are none of theirs."""
    now = datetime.now(UTC)
    keys = {f"{role}-{installed_namespace}": SigningKey.generate() for role in Role}
    for (name, key), role in zip(keys.items(), Role, strict=True):
        public = key.public_key(now - timedelta(minutes=5), now + timedelta(hours=1)).to_json()
        body = {
            "apiVersion": "incidentcommander.io/v1alpha1",
            "kind": "Agent",
            "metadata": {"name": name},
            "spec": {"role": role, "serviceAccount": f"agent-{name}", "publicKeys": [public]},
        }
        installed_cluster.plane.request("POST", f"{GROUP_PATH}/agents", body)
    yield keys
    for name in keys:
        installed_cluster.plane.request("DELETE", f"{GROUP_PATH}/agents/{name}")


@pytest.fixture
def waiting(installed_cluster: Installed, installed_namespace: str, agents: dict[str, SigningKey]) -> str:
    """An Incident whose certified plan waits for a person."""
    collection = INCIDENTS.format(installed_namespace)
    made = installed_cluster.plane.request(
        "POST",
        collection,
        {
            "apiVersion": "incidentcommander.io/v1alpha1",
            "kind": "Incident",
            "metadata": {"name": "web-crash"},
            "spec": {"severity": "Critical", "description": "web is down"},
        },
    )
    status = certified(installed_cluster, made["metadata"]["uid"], f"{installed_namespace}/web-crash", agents)
    coordinator = installed_cluster.service_account("coordinator")
    coordinator.request("PATCH", f"{collection}/web-crash/status", {"status": status}, MERGE_PATCH)
    return "web-crash"


def certified(installed: Installed, uid: str, key: str, keys: dict[str, SigningKey]) -> dict[str, Any]:
    now = datetime.now(UTC)
    agents = [Agent.model_validate(a) for a in installed.plane.request("GET", f"{GROUP_PATH}/agents")["items"]]
    certain = with_digest(plan(incident_uid=uid, issued_at=now))
    votes = [
        accept_vote(
            sign(
                Statement(
                    incident_uid=uid,
                    incident=key,
                    agent=agent.metadata.name,
                    role=agent.spec.role,
                    issued_at=now,
                    expires_at=now + timedelta(minutes=20),
                    body=Vote(round=1, plan_digest=certain.digest, decision=Decision.APPROVE, reason="CauseAddressed"),
                ),
                keys[agent.metadata.name],
            ),
            agents,
            incident_uid=uid,
            round_=1,
            plan_digest=certain.digest,
            now=now,
        )
        for agent in agents
    ]
    members = members_of(agents, now)
    needed = quorum(len(members))
    consensus = Consensus(
        round=1,
        plan_digest=certain.digest,
        members=members,
        faults=tolerated_faults(len(members)),
        quorum=needed,
        decision=RoundDecision.CERTIFIED,
        votes=votes,
        certificate=issue(uid, certain, 1, members, needed, votes, now, required_roles=()),
    )
    waits = ApprovalState(required=True, plan_digest=certain.digest, expires_at=now + timedelta(minutes=15))
    return {
        "phase": Phase.AWAITING_APPROVAL,
        "mode": Mode.APPROVE,
        "startedAt": format_time(now),
        "plan": certain.to_json(),
        "consensus": consensus.to_json(),
        "approval": waits.to_json(),
    }


def test_a_plan_is_seen_verified_and_approved_in_the_persons_own_name(
    installed_cluster: Installed, installed_namespace: str, waiting: str
) -> None:
    person = Person(installed_cluster, installed_namespace, "incident-approver")
    where = ("-n", installed_namespace)
    assert "incident-verifier" in person.run("verify", waiting, *where, expect=4).stderr
    person.may_verify(installed_cluster)
    assert "VERIFIED" in person.run("verify", waiting, *where).stdout
    assert waiting in person.run("list", *where).stdout
    assert "AwaitingApproval" in person.run("show", waiting, *where).stdout
    digest = installed_cluster.plane.request("GET", f"{INCIDENTS.format(installed_namespace)}/{waiting}")["status"][
        "plan"
    ]["digest"]
    person.run("approve", waiting, *where, "--yes", "--digest", "sha256:" + "0" * 64, expect=1)
    said = person.run("approve", waiting, *where, "--yes", "--digest", digest, "--reason", "looks right").stdout
    assert "Not verified" not in said
    stored = installed_cluster.plane.request("GET", f"{INCIDENTS.format(installed_namespace)}/{waiting}")
    assert stored["spec"]["approval"] == {
        "planDigest": digest,
        "decision": "Approve",
        "approver": person.name,
        "reason": "looks right",
    }


def test_an_export_by_kubectl_is_verified_without_a_cluster_until_a_byte_is_changed(
    installed_cluster: Installed, installed_namespace: str, waiting: str, tmp_path: Path
) -> None:
    incident, keys = tmp_path / "incident.yaml", tmp_path / "agents.yaml"
    exported = installed_cluster.kubectl("get", "incident", waiting, "-n", installed_namespace, "-o", "yaml").stdout
    incident.write_text(exported)
    keys.write_text(installed_cluster.kubectl("get", "agents", "-o", "yaml").stdout)

    def verify() -> subprocess.CompletedProcess[str]:
        command = [str(COMMAND), "verify", "-f", str(incident), "--keys", str(keys)]
        environment = {**os.environ, "KUBECONFIG": str(tmp_path / "none"), "COLUMNS": "80"}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)

    good = verify()
    assert good.returncode == 0, good.stdout + good.stderr
    incident.write_text(exported.replace('"web:1"', '"web:9"'))
    bad = verify()
    assert bad.returncode == 1
    assert "ForeignPlan" in bad.stdout


def test_an_incident_opened_by_hand_is_accepted_and_a_second_one_is_not_opened(
    installed_cluster: Installed, installed_namespace: str
) -> None:
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "none"}]}}
    installed_cluster.plane.request(
        "POST",
        DEPLOYMENTS.format(installed_namespace),
        {
            "metadata": {"name": "web"},
            "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": template},
        },
    )
    person = Person(installed_cluster, installed_namespace, "incident-approver", "incident-reporter", "view")
    person.run("trigger", "deploy/web", "-n", installed_namespace, "--reason", "checkout is slow")
    (made,) = installed_cluster.plane.request("GET", INCIDENTS.format(installed_namespace))["items"]
    assert made["spec"]["targetRef"]["name"] == "web"
    assert made["spec"]["description"] == f"Opened by {person.name}: checkout is slow"
    again = person.run("trigger", "deploy/web", "-n", installed_namespace, expect=1)
    assert made["metadata"]["name"] in again.stderr.replace("\n", "").replace(" ", "")


def test_without_the_right_the_exit_code_and_the_message_say_so(
    installed_cluster: Installed, installed_namespace: str
) -> None:
    person = Person(installed_cluster, installed_namespace)
    refused = person.run("list", "-n", installed_namespace, expect=4)
    assert "cannot list the Incidents" in refused.stderr
    missing = subprocess.run(
        [str(COMMAND), "list"],
        env={**os.environ, "KUBECONFIG": "/none"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert missing.returncode == 2
