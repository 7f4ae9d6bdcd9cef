"""TokenReview and SubjectAccessReview: asked rarely, and never remembered for long."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from incident_commander.api.kinds import SUBJECT_ACCESS_REVIEW, TOKEN_REVIEW, Kind
from incident_commander.gateway.reviewer import ClusterReviewer
from incident_commander.gateway.settings import GatewaySettings
from incident_commander.ports import Object
from tests.unit.gateway.harness import Bench, NoLogs, Yielding


class Authority(Yielding):
    """An API server that answers reviews."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench.api, NoLogs(), bench.audit, bench.faults, bench.api._rng, "gateway")
        self.tokens: dict[str, dict[str, Any]] = {"good": {"username": "am", "groups": ["g"], "uid": "1"}}
        self.allowed = {("am", "shop")}
        self.asked: list[Object] = []

    async def create(self, kind: Kind, namespace: str | None, body: Object, **_: Any) -> Object:
        await asyncio.sleep(0)
        self.asked.append(body)
        if kind == TOKEN_REVIEW:
            user = self.tokens.get(body["spec"]["token"])
            audiences = body["spec"].get("audiences", ["api"])
            return body | {"status": {"authenticated": user is not None, "user": user or {}, "audiences": audiences}}
        assert kind == SUBJECT_ACCESS_REVIEW
        attributes = body["spec"]["resourceAttributes"]
        return body | {"status": {"allowed": (body["spec"]["user"], attributes["namespace"]) in self.allowed}}


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def authority(bench: Bench) -> Authority:
    return Authority(bench)


@pytest.fixture
def reviewer(bench: Bench, authority: Authority) -> ClusterReviewer:
    return ClusterReviewer(authority, bench.clock, GatewaySettings())


async def test_a_good_token_is_its_user_with_groups(reviewer: ClusterReviewer, authority: Authority) -> None:
    user = await reviewer.authenticate("good")
    assert user is not None
    assert user.name == "am"
    assert await reviewer.may_create(user, "shop")
    assert authority.asked[-1]["spec"] == {
        "resourceAttributes": {
            "group": "incidentcommander.io",
            "version": "v1alpha1",
            "resource": "incidents",
            "verb": "create",
            "namespace": "shop",
        },
        "user": "am",
        "uid": "1",
        "groups": ["g"],
    }
    assert not await reviewer.may_create(user, "bank")


async def test_the_token_is_not_kept(reviewer: ClusterReviewer) -> None:
    assert "good" not in repr(await reviewer.authenticate("good"))


async def test_many_at_once_are_asked_about_once(reviewer: ClusterReviewer, authority: Authority) -> None:
    await asyncio.gather(*(reviewer.authenticate("good") for _ in range(50)))
    assert len(authority.asked) == 1


async def test_a_yes_is_remembered_for_ten_seconds(
    bench: Bench, reviewer: ClusterReviewer, authority: Authority
) -> None:
    assert await reviewer.authenticate("good")
    del authority.tokens["good"]
    bench.clock.advance(9)
    assert await reviewer.authenticate("good")
    bench.clock.advance(2)
    assert await reviewer.authenticate("good") is None


async def test_a_no_is_not_remembered(reviewer: ClusterReviewer, authority: Authority) -> None:
    assert await reviewer.authenticate("new") is None
    authority.tokens["new"] = {"username": "am"}
    user = await reviewer.authenticate("new")
    assert user is not None
    assert not await reviewer.may_create(user, "bank")
    authority.allowed.add(("am", "bank"))
    assert await reviewer.may_create(user, "bank")


async def test_a_longer_memory_than_ten_seconds_is_not_to_be_had(bench: Bench, authority: Authority) -> None:
    reviewer = ClusterReviewer(authority, bench.clock, GatewaySettings(token_seconds=3600))
    await reviewer.authenticate("good")
    bench.clock.advance(11)
    await reviewer.authenticate("good")
    assert len(authority.asked) == 2


async def test_a_token_for_another_audience_is_refused(bench: Bench, authority: Authority) -> None:
    class Elsewhere(Authority):
        async def create(self, kind: Kind, namespace: str | None, body: Object, **more: Any) -> Object:
            answer = await super().create(kind, namespace, body, **more)
            return answer | {"status": answer["status"] | {"audiences": ["elsewhere"]}}

    settings = GatewaySettings(audiences=("incident-commander",))
    assert await ClusterReviewer(authority, bench.clock, settings).authenticate("good")
    assert await ClusterReviewer(Elsewhere(bench), bench.clock, settings).authenticate("good") is None
