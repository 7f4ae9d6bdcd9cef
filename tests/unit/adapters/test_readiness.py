"""Whether the API server answers now, whatever it answered before."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from incident_commander import errors
from incident_commander.adapters import readiness
from incident_commander.adapters.readiness import MISSING, Readiness
from incident_commander.api.kinds import Kind
from incident_commander.ports import Cluster
from incident_commander.rehearsal.clock import VirtualClock


class ApiServer:
    """Answers, answers that there are no Incidents, is away, or says nothing at all."""

    def __init__(self) -> None:
        self.state = "fine"
        self.asked = 0

    async def offers(self, kind: Kind, subresource: str | None = None, *, fresh: bool = False) -> bool:
        assert fresh, "an answer of some minutes ago says nothing about now"
        self.asked += 1
        await asyncio.sleep(60 if self.state == "silent" else 0)
        if self.state == "away":
            raise errors.Unavailable("connection refused")
        return self.state == "fine"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "ANSWER_SECONDS", 0.05)


async def test_it_follows_the_api_server_there_and_back() -> None:
    server, clock = ApiServer(), VirtualClock()
    ready = Readiness(cast(Cluster, server), clock)
    for state, trouble in [
        ("fine", ""),
        ("silent", "the API server does not answer within 0.05 s"),
        ("away", "the API server does not answer: connection refused"),
        ("without Incidents", MISSING),
        ("fine", ""),
    ]:
        server.state = state
        await clock.sleep(3)
        assert await ready.trouble() == trouble


async def test_many_who_ask_at_once_are_one_request() -> None:
    server = ApiServer()
    ready = Readiness(cast(Cluster, server), VirtualClock())
    assert set(await asyncio.gather(*(ready.trouble() for _ in range(20)))) == {""}
    assert server.asked == 1
