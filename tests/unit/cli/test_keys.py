"""keys init, rotate, list: nobody is left without a key that counts, and no key is lost that somebody signs with."""

from __future__ import annotations

import base64
import copy
from datetime import timedelta

import pytest

from incident_commander.api import kinds
from incident_commander.api.agent import Agent
from incident_commander.api.names import ANNOTATION_KEY_ID
from incident_commander.api.role import Role
from incident_commander.consensus.envelope import key_counts
from incident_commander.consensus.keys import SigningKey
from incident_commander.errors import ClusterError, Conflict, Forbidden, NotFound, Unavailable
from tests.unit.cli.stage import FakeCluster, Stage, words
from tests.unit.consensus.council import NOW

NAMESPACE = "incident-commander"


def agent(cluster: FakeCluster, name: str = "diagnosis") -> Agent:
    return Agent.model_validate(cluster.objects[(kinds.AGENT.resource, None, name)])


def key(cluster: FakeCluster, name: str = "diagnosis") -> SigningKey:
    data = cluster.objects[(kinds.SECRET.resource, NAMESPACE, f"agent-{name}-key")]["data"]
    return SigningKey.from_pem(base64.b64decode(data[f"{name}.pem"]))


def listed(cluster: FakeCluster, name: str = "diagnosis") -> list[str]:
    return [k.key_id for k in agent(cluster, name).spec.public_keys]


@pytest.fixture
def installed() -> Stage:
    stage = Stage()
    assert stage.run("keys", "init").code == 0
    stage.cluster.patches.clear()
    return stage


class TestInit:
    def test_gives_each_of_the_six_a_key_of_its_own_that_counts_at_once(self, installed: Stage) -> None:
        found = {role: key(installed.cluster, role).key_id for role in Role}
        assert len(set(found.values())) == 6
        for role, key_id in found.items():
            stored = agent(installed.cluster, role)
            assert (stored.spec.role, stored.spec.service_account) == (role, f"agent-{role}")
            assert [k.key_id for k in stored.spec.public_keys if key_counts(k, NOW)] == [key_id]

    def test_keeps_what_is_there(self, installed: Stage) -> None:
        before = {role: key(installed.cluster, role).key_id for role in Role}
        again = installed.run("keys", "init")
        assert again.code == 0
        assert again.out.count("kept its key") == 6
        assert {role: key(installed.cluster, role).key_id for role in Role} == before
        assert installed.cluster.patches == []

    def test_never_prints_a_private_key(self, installed: Stage) -> None:
        shown = [installed.run("keys", *command) for command in (["init"], ["list"], ["rotate", "diagnosis"])]
        assert all("PRIVATE" not in ran.out + ran.err for ran in shown)

    def test_registers_the_key_of_a_secret_that_was_there_before(self, installed: Stage) -> None:
        brought = key(installed.cluster)
        del installed.cluster.objects[(kinds.AGENT.resource, None, "diagnosis")]
        assert "registered the key of its Secret" in installed.run("keys", "init").out
        assert listed(installed.cluster) == [brought.key_id]

    def test_makes_a_key_for_an_agent_whose_secret_is_gone_and_lists_it_beside_the_old_one(
        self, installed: Stage
    ) -> None:
        lost = listed(installed.cluster)
        del installed.cluster.objects[(kinds.SECRET.resource, NAMESPACE, "agent-diagnosis-key")]
        assert "its Secret was gone" in installed.run("keys", "init").out
        assert listed(installed.cluster) == [*lost, key(installed.cluster).key_id]

    def test_lists_the_key_of_a_secret_that_was_replaced(self, installed: Stage) -> None:
        other = SigningKey.generate()
        secret = installed.cluster.objects[(kinds.SECRET.resource, NAMESPACE, "agent-diagnosis-key")]
        secret["data"] = {"diagnosis.pem": base64.b64encode(other.to_pem()).decode()}
        assert installed.run("keys", "init").code == 0
        assert other.key_id in listed(installed.cluster)

    @pytest.mark.parametrize("data", [{}, {"diagnosis.pem": "bm8="}, {"diagnosis.pem": "*"}])
    def test_says_what_is_wrong_with_a_secret_that_holds_no_key(self, installed: Stage, data: dict[str, str]) -> None:
        installed.cluster.objects[(kinds.SECRET.resource, NAMESPACE, "agent-diagnosis-key")]["data"] = data
        ran = installed.run("keys", "init")
        assert ran.code == 1
        assert "read Secret incident-commander/agent-diagnosis-key" in words(ran.err)
        assert "keys rotate diagnosis -n incident-commander" in words(ran.err)

    def test_what_was_interrupted_between_agent_and_secret_is_mended_by_the_next(self) -> None:
        stage = Stage()
        stage.cluster.refuse[("create", "secrets")] = Forbidden("no")
        assert stage.run("keys", "init").code == 4
        stage.cluster.refuse.clear()
        assert stage.run("keys", "init").code == 0
        assert all(key(stage.cluster, role).key_id in listed(stage.cluster, role) for role in Role)


class TestRotate:
    def test_the_new_key_signs_and_the_old_one_counts_for_the_overlap(self, installed: Stage) -> None:
        (old,) = listed(installed.cluster)
        assert installed.run("keys", "rotate", "diagnosis", "--overlap-hours", "2").code == 0
        new = key(installed.cluster).key_id
        keys = {k.key_id: k for k in agent(installed.cluster).spec.public_keys}
        assert keys.keys() == {old, new}
        assert key_counts(keys[new], NOW)
        assert key_counts(keys[old], NOW + timedelta(hours=1, minutes=59))
        assert not key_counts(keys[old], NOW + timedelta(hours=2))

    def test_the_public_half_is_listed_before_anybody_signs_with_it(self, installed: Stage) -> None:
        installed.run("keys", "rotate", "diagnosis")
        written = [resource for resource, _, _ in installed.cluster.patches]
        assert written == [kinds.AGENT.resource, "secrets", kinds.AGENT.resource]

    def test_restarts_the_agents_deployment(self, installed: Stage) -> None:
        meta = {"name": "agent-diagnosis", "namespace": NAMESPACE}
        installed.cluster.put(kinds.DEPLOYMENT, {"kind": "Deployment", "metadata": meta, "spec": {"template": {}}})
        assert "restarting Deployment agent-diagnosis" in installed.run("keys", "rotate", "diagnosis").out
        assert installed.cluster.patches[-1][0] == kinds.DEPLOYMENT.resource

    def test_says_so_when_there_is_nothing_to_restart(self, installed: Stage) -> None:
        ran = installed.run("keys", "rotate", "diagnosis")
        assert ran.code == 0
        assert "restart its process" in words(ran.out)

    def test_forgets_keys_that_ran_out(self, installed: Stage) -> None:
        for _ in range(6):
            assert installed.run("keys", "rotate", "diagnosis", "--overlap-hours", "1").code == 0
            installed.now += timedelta(hours=1)
        assert len(listed(installed.cluster)) == 2

    def test_a_fifth_key_that_would_have_to_be_listed_is_refused_and_nothing_is_written(self, installed: Stage) -> None:
        for _ in range(3):
            assert installed.run("keys", "rotate", "diagnosis").code == 0
        before = key(installed.cluster).key_id
        ran = installed.run("keys", "rotate", "diagnosis")
        assert ran.code == 1
        assert "4 keys of it still count" in words(ran.err)
        assert key(installed.cluster).key_id == before

    def test_an_agent_that_is_not_there_is_named(self, installed: Stage) -> None:
        ran = installed.run("keys", "rotate", "oracle")
        assert ran.code == 1
        assert "there is no Agent oracle" in words(ran.err)

    def test_replaces_a_damaged_secret(self, installed: Stage) -> None:
        secret = installed.cluster.objects[(kinds.SECRET.resource, NAMESPACE, "agent-diagnosis-key")]
        secret["data"] = {"diagnosis.pem": "bm8="}
        assert installed.run("keys", "rotate", "diagnosis").code == 0
        assert key(installed.cluster).key_id in listed(installed.cluster)


class TestARotationThatFails:
    """The writes: 0 the dry-run, 1 list the new key, 2 the Secret, 3 end the old key (or take the new one back)."""

    @pytest.mark.parametrize("then", [None, Unavailable("away")])
    @pytest.mark.parametrize(
        ("error", "written"), [(Forbidden("no"), False), (Unavailable("no"), False), (Unavailable("no"), True)]
    )
    @pytest.mark.parametrize("number", range(4))
    def test_leaves_every_key_counting_that_somebody_may_sign_with(
        self, installed: Stage, number: int, error: ClusterError, written: bool, then: ClusterError | None
    ) -> None:
        before, old = agent(installed.cluster).spec.public_keys, key(installed.cluster).key_id
        installed.cluster.writes = 0
        installed.cluster.lost = ({3: (then, False)} if then else {}) | {number: (error, written)}
        ran = installed.run("keys", "rotate", "diagnosis", "--overlap-hours", "0")
        now, stored = agent(installed.cluster).spec.public_keys, key(installed.cluster).key_id
        assert any(k.key_id == stored and key_counts(k, NOW) for k in now), "the agent signs with it when it starts"
        if stored == old:
            assert before[0] in now, "no key ends before the next is stored"
            assert ran.code != 0
            homeless = [k.key_id[:12] for k in now if k.key_id != old]
            assert all(k in ran.err for k in homeless), "what is left over is named"
        if ran.code == 0:
            assert stored != old
            assert not any(key_counts(k, NOW) for k in now if k.key_id == old)

    @pytest.mark.parametrize(
        ("number", "error", "code"), [(0, NotFound("no"), 3), (1, Conflict("no"), 5), (2, Forbidden("no"), 4)]
    )
    def test_that_was_refused_changes_nothing_however_often_it_is_tried(
        self, installed: Stage, number: int, error: ClusterError, code: int
    ) -> None:
        before, old = agent(installed.cluster).spec.public_keys, key(installed.cluster).key_id
        for _ in range(4):
            installed.cluster.writes, installed.cluster.lost = 0, {number: (error, False)}
            ran = installed.run("keys", "rotate", "diagnosis", "--overlap-hours", "0")
            assert ran.code == code
            assert "no" in words(ran.err)
        assert (agent(installed.cluster).spec.public_keys, key(installed.cluster).key_id) == (before, old)

    def test_an_answer_that_was_lost_is_no_failure_when_the_write_is_there(self, installed: Stage) -> None:
        for number in (1, 2):
            installed.cluster.writes, installed.cluster.lost = 0, {number: (Unavailable("away"), True)}
            assert installed.run("keys", "rotate", "diagnosis").code == 0

    def test_a_namespace_that_holds_no_key_of_it_is_named_before_anything_is_changed(self, installed: Stage) -> None:
        before = agent(installed.cluster).spec.public_keys
        ran = installed.run("keys", "rotate", "diagnosis", "-n", "incident-comander", "--overlap-hours", "0")
        assert ran.code == 3
        assert "there is no Secret incident-comander/agent-diagnosis-key" in words(ran.err)
        assert "nothing was changed" in words(ran.err)
        assert agent(installed.cluster).spec.public_keys == before

    def test_somebody_elses_change_at_the_end_is_waited_out(self, installed: Stage) -> None:
        (old,) = listed(installed.cluster)
        installed.cluster.writes = 0
        installed.cluster.lost = {n: (Conflict("changed"), False) for n in (3, 4)}
        assert installed.run("keys", "rotate", "diagnosis", "--overlap-hours", "0").code == 0
        ended = {k.key_id for k in agent(installed.cluster).spec.public_keys if not key_counts(k, NOW)}
        assert ended == {old}

    def test_an_old_key_that_could_not_be_ended_is_said_with_what_to_do(self, installed: Stage) -> None:
        installed.cluster.writes, installed.cluster.lost = 0, {3: (Unavailable("away"), False)}
        ran = installed.run("keys", "rotate", "diagnosis", "--overlap-hours", "0")
        assert ran.code == 5
        assert "is stored and counts" in words(ran.err)
        assert "kubectl edit agent diagnosis" in words(ran.err)


class TestList:
    def test_points_out_what_runs_out_soon_or_has(self, installed: Stage) -> None:
        assert "364 days" not in installed.run("keys", "list").out
        assert "365 days" in installed.run("keys", "list").out
        installed.now = NOW + timedelta(days=340)
        assert installed.run("keys", "list").out.count("soon: rotate it") == 6
        installed.now = NOW + timedelta(days=366)
        assert installed.run("keys", "list").out.count("RAN OUT") == 6

    def test_the_previous_key_is_told_from_one_that_must_be_rotated(self, installed: Stage) -> None:
        told(installed, key(installed.cluster).key_id)
        installed.run("keys", "rotate", "diagnosis")
        out = installed.run("keys", "list").out
        assert "soon: rotate it" not in out
        assert "previous key, runs out by itself" in words(out)
        assert f"STILL SIGNED WITH, before then: restart it, its Secret holds {key(installed.cluster).key_id[:12]}" in (
            words(out)
        )
        told(installed, key(installed.cluster).key_id)
        assert "STILL SIGNED WITH" not in installed.run("keys", "list").out

    def test_an_agent_that_signs_with_a_key_that_ran_out_is_shown(self, installed: Stage) -> None:
        told(installed, key(installed.cluster).key_id)
        installed.run("keys", "rotate", "diagnosis", "--overlap-hours", "0", "--no-restart")
        line = next(line for line in words_by_line(installed.run("keys", "list").out) if "RAN OUT" in line)
        assert line.startswith("diagnosis *")
        assert "its votes count for nothing: restart it" in line

    @pytest.mark.parametrize("readable", [True, False])
    def test_a_restart_is_not_advised_where_the_secret_holds_no_key_that_counts(
        self, installed: Stage, readable: bool
    ) -> None:
        told(installed, key(installed.cluster).key_id)
        secret = copy.deepcopy(installed.cluster.objects[(kinds.SECRET.resource, NAMESPACE, "agent-diagnosis-key")])
        installed.run("keys", "rotate", "diagnosis", "--overlap-hours", "0")
        if not readable:
            installed.cluster.refuse[("get", "secrets")] = Forbidden("no")
        installed.cluster.put(kinds.SECRET, secret)
        line = next(line for line in words_by_line(installed.run("keys", "list").out) if "RAN OUT" in line)
        assert "incident-commander keys rotate diagnosis -n incident-commander" in line
        assert "restart" not in line

    def test_where_the_secret_is_gone_it_is_made_first(self, installed: Stage) -> None:
        told(installed, "cd" * 32)
        del installed.cluster.objects[(kinds.SECRET.resource, NAMESPACE, "agent-diagnosis-key")]
        assert "its Secret is gone: incident-commander keys init -n" in words(installed.run("keys", "list").out)

    def test_an_agent_that_signs_with_a_key_nobody_listed_is_shown(self, installed: Stage) -> None:
        told(installed, "cd" * 32)
        line = next(line for line in words_by_line(installed.run("keys", "list").out) if "NOT LISTED" in line)
        assert line.startswith("diagnosis *cdcdcdcdcdcd")

    def test_where_leases_cannot_be_read_the_keys_are_listed_and_that_is_said(self, installed: Stage) -> None:
        installed.cluster.refuse[("list", "leases.coordination.k8s.io")] = Forbidden("no")
        ran = installed.run("keys", "list")
        assert ran.code == 0
        assert "cannot be read: no" in words(ran.out)


def told(stage: Stage, key_id: str) -> None:
    """The Lease of diagnosis, held by a process that signs with that key."""
    meta = {"name": "agent-diagnosis", "namespace": NAMESPACE, "annotations": {ANNOTATION_KEY_ID: key_id}}
    body = {"kind": "Lease", "metadata": meta, "spec": {"holderIdentity": "pod-1"}}
    stage.cluster.put(kinds.LEASE, body)


def words_by_line(text: str) -> list[str]:
    """Lines are wrapped at the console's width: each starts with the name of an agent."""
    names = tuple(Role)
    joined: list[str] = []
    for line in text.splitlines():
        if line.startswith(names) or not joined:
            joined.append(line)
        else:
            joined[-1] += " " + line
    return [words(line) for line in joined]
