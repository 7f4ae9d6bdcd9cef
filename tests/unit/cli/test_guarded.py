"""keys guarded: the hook goes on only when the API server has refused what the hook must never be able to make."""

from __future__ import annotations

import pytest

from incident_commander.api import kinds
from incident_commander.cli.work import guarded
from incident_commander.errors import ClusterError, Forbidden, Unavailable
from incident_commander.ports import Object
from tests.unit.cli.stage import FakeCluster, Stage, words

CREATE_SECRETS = ("create", kinds.SECRET.resource)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded, "PAUSE_SECONDS", 0.0)


class LateCluster(FakeCluster):
    """Takes the policy over after some requests, and remembers what was asked."""

    def __init__(self, *, accepts: int) -> None:
        super().__init__()
        self.accepts, self.asked = accepts, list[tuple[Object, bool]]()

    async def create(self, kind: kinds.Kind, namespace: str | None, body: Object, **how: object) -> Object:
        self.asked.append((body, bool(how.get("dry_run"))))
        if len(self.asked) > self.accepts:
            raise Forbidden(f"ValidatingAdmissionPolicy '{guarded.POLICY}' with binding denied request: no")
        return body


def test_a_refusal_by_the_policy_is_the_proof() -> None:
    cluster = LateCluster(accepts=0)
    ran = Stage(cluster).run("keys", "guarded")
    assert ran.code == 0
    assert "no Secret can be made here but the agents' keys" in words(ran.out)


def test_what_is_asked_for_is_a_token_of_another_identity_and_only_as_a_dry_run() -> None:
    cluster = LateCluster(accepts=0)
    Stage(cluster).run("keys", "guarded")
    ((secret, dry_run),) = cluster.asked
    assert dry_run
    assert secret["type"] == "kubernetes.io/service-account-token"
    assert secret["metadata"]["annotations"] == {"kubernetes.io/service-account.name": "executor"}


def test_a_policy_that_is_taken_over_late_is_waited_for() -> None:
    cluster = LateCluster(accepts=5)
    assert Stage(cluster).run("keys", "guarded").code == 0
    assert len(cluster.asked) == 6


def test_where_the_secret_would_have_been_made_it_says_so_and_what_to_do() -> None:
    cluster = LateCluster(accepts=guarded.ATTEMPTS)
    ran = Stage(cluster).run("keys", "guarded")
    assert ran.code == 1
    assert "could have been made" in words(ran.err)
    assert "kubectl get validatingadmissionpolicies" in words(ran.err)
    assert len(cluster.asked) == guarded.ATTEMPTS


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (Forbidden('secrets is forbidden: User "x" cannot create resource "secrets"'), 1, "not by that policy"),
        (Unavailable("the API server is away"), 5, "the API server is away"),
    ],
)
def test_any_other_refusal_is_no_proof(error: ClusterError, code: int, said: str) -> None:
    stage = Stage()
    stage.cluster.refuse[CREATE_SECRETS] = error
    ran = stage.run("keys", "guarded")
    assert ran.code == code
    assert said in words(ran.err)
