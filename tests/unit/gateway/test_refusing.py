"""What is refused, with which status, and that nothing of it is stored."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from incident_commander.api.kinds import NODE
from incident_commander.errors import ConfigurationError, Unavailable
from incident_commander.gateway.app import create_app
from incident_commander.gateway.reviewer import User
from incident_commander.gateway.settings import GatewaySettings
from tests.unit.gateway.harness import OPEN, Bench, Reviews, alert, client, fates, post, raw, webhook

GUARDED = GatewaySettings()


@pytest.fixture
def bench() -> Bench:
    return Bench()


class TestTokens:
    async def test_no_token_is_401(self, bench: Bench) -> None:
        response = await post(bench.app(GUARDED, Reviews()), alert())
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"
        assert bench.incidents() == []

    async def test_a_token_that_the_api_server_does_not_know_is_401(self, bench: Bench) -> None:
        assert (await post(bench.app(GUARDED, Reviews()), alert(), token="stranger")).status_code == 401

    async def test_other_schemes_and_endless_tokens_are_401(self, bench: Bench) -> None:
        app = bench.app(GUARDED, Reviews(am=["shop"]))
        async with client(app) as http:
            for value in ("Basic am", "am", "Bearer ", "Bearer " + "x" * 20000):
                response = await http.post("/api/v1/alerts", json=webhook(alert()), headers={"Authorization": value})
                assert response.status_code == 401

    async def test_a_user_without_the_right_is_403_and_told_which_one(self, bench: Bench) -> None:
        response = await post(bench.app(GUARDED, Reviews(am=["other"])), alert(), token="am")
        assert response.status_code == 403
        assert "incidents.incidentcommander.io in namespace shop" in response.json()["error"]
        assert bench.incidents() == []

    async def test_one_forbidden_namespace_forbids_the_whole_post(self, bench: Bench) -> None:
        app = bench.app(GUARDED, Reviews(am=["shop"]))
        response = await post(app, alert(1), alert(2, node="worker-1"), token="am")
        assert response.status_code == 403
        assert bench.incidents() == []

    async def test_the_namespace_where_it_ends_up_counts_too(self, bench: Bench) -> None:
        bench.api.create(NODE, None, {"metadata": {"name": "worker-1"}})
        app = bench.app(GUARDED, Reviews(am=["shop"]))
        response = await post(app, alert(1, namespace="shop", pod="gone", node="worker-1"), token="am")
        assert response.status_code == 403
        assert bench.incidents() == []

    async def test_with_the_right_it_is_stored(self, bench: Bench) -> None:
        assert fates(await post(bench.app(GUARDED, Reviews(am=["shop"])), alert(), token="am")) == ["Created"]

    async def test_a_reviewer_that_cannot_be_reached_is_503(self, bench: Bench) -> None:
        class Away(Reviews):
            async def authenticate(self, token: str) -> User | None:
                raise Unavailable("no API server")

        response = await post(bench.app(GUARDED, Away()), alert(), token="am")
        assert response.status_code == 503
        assert response.headers["retry-after"] == "5"


class TestSwitchingTokensOff:
    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "gateway", "localhost.example.com"])
    def test_is_refused_where_others_can_connect(self, bench: Bench, host: str) -> None:
        with pytest.raises(ConfigurationError, match="loopback"):
            bench.app(replace(OPEN, host=host))

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
    def test_is_allowed_on_loopback(self, bench: Bench, host: str) -> None:
        bench.app(replace(OPEN, host=host))

    def test_does_not_happen_for_want_of_a_reviewer(self, bench: Bench) -> None:
        with pytest.raises(ConfigurationError, match="no reviewer"):
            create_app(bench.cluster(), None, bench.clock, GUARDED)

    def test_does_not_happen_silently_when_one_is_given(self, bench: Bench) -> None:
        with pytest.raises(ConfigurationError, match="was given"):
            create_app(bench.cluster(), Reviews(), bench.clock, OPEN)


class TestBodies:
    async def test_a_malformed_one_is_400_with_the_path(self, bench: Bench) -> None:
        response = await post(bench.app(), alert(), alert(at="yesterday"))
        assert response.status_code == 400
        assert response.json()["field"] == "alerts[1].startsAt"
        assert bench.incidents() == []

    async def test_another_media_type_or_encoding_is_415(self, bench: Bench) -> None:
        async with client(bench.app()) as http:
            for headers in (
                {"content-type": "text/plain"},
                {"content-type": "application/json", "content-encoding": "gzip"},
            ):
                response = await http.post("/api/v1/alerts", content=json.dumps(webhook(alert())), headers=headers)
                assert response.status_code == 415

    async def test_one_that_says_it_is_far_too_large_is_413_unread(self, bench: Bench) -> None:
        async def unread() -> AsyncIterator[bytes]:
            raise AssertionError("the body was read")
            yield b""

        status, headers, _ = await raw(bench.app(), unread(), {"content-length": str(5 * 1024 * 1024)})
        assert status == 413
        assert headers["connection"] == "close"

    async def test_one_that_does_not_say_so_is_413_as_soon_as_it_is(self, bench: Bench) -> None:
        sent = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal sent
            while True:
                sent += 65536
                yield b" " * 65536

        status, _, _ = await raw(bench.app(), endless(), {"transfer-encoding": "chunked"})
        assert status == 413
        assert sent <= 4 * 1024 * 1024 + 65536

    async def test_one_that_is_thrown_away_takes_no_room(self, bench: Bench) -> None:
        app = bench.app()
        held: list[int] = []

        async def large() -> AsyncIterator[bytes]:
            for _ in range(48):
                held.append(app.state.gateway.pending_bytes)
                yield b" " * 65536

        assert (await raw(app, large(), {}))[0] == 413
        assert max(held) <= 1024 * 1024

    async def test_exactly_the_limit_is_taken(self, bench: Bench) -> None:
        body = json.dumps(webhook(alert())).encode()

        async def padded() -> AsyncIterator[bytes]:
            yield body + b" " * (1024 * 1024 - len(body))

        assert (await raw(bench.app(), padded(), {}))[0] == 200

    async def test_a_slow_one_is_408(self, bench: Bench) -> None:
        async def slow() -> AsyncIterator[bytes]:
            yield b"{"
            await asyncio.Event().wait()

        status, headers, _ = await raw(bench.app(replace(OPEN, body_seconds=0.01)), slow(), {})
        assert status == 408
        assert headers["connection"] == "close"


class TestOverload:
    async def test_too_many_requests_are_503_and_never_429(self, bench: Bench) -> None:
        app = bench.app(replace(OPEN, requests_in_flight=2))
        answers = await asyncio.gather(*(post(app, alert(n)) for n in range(6)))
        codes = sorted(answer.status_code for answer in answers)
        assert codes == [200, 200, 503, 503, 503, 503]
        assert all(answer.headers["retry-after"] == "5" for answer in answers if answer.status_code == 503)
        assert bench.accounted() == 2
        assert fates(await post(app, alert(9))) == ["Joined"]

    async def test_too_many_bytes_are_503(self, bench: Bench) -> None:
        app = bench.app(replace(OPEN, body_limit=1000, bytes_in_flight=1000))
        answers = await asyncio.gather(*(post(app, alert(n)) for n in range(6)))
        codes = {answer.status_code for answer in answers}
        assert codes == {200, 503}
        assert bench.accounted() == sum(answer.status_code == 200 for answer in answers)

    async def test_what_does_not_end_in_time_is_503_and_still_stored(self, bench: Bench) -> None:
        app = bench.app(replace(OPEN, deadline_seconds=0.0))
        response = await post(app, alert())
        assert response.status_code == 503

    def test_less_room_than_one_body_needs_is_refused_at_the_start(self, bench: Bench) -> None:
        with pytest.raises(ConfigurationError, match="bytes_in_flight"):
            bench.app(replace(OPEN, bytes_in_flight=10))
