"""The real Prometheus' adapter, against a scripted HTTP server."""

from __future__ import annotations

import asyncio
import math
import ssl
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from incident_commander.adapters import prometheus
from incident_commander.adapters.prometheus import PrometheusMetrics
from incident_commander.adapters.prometheus_json import parse_result
from incident_commander.errors import ConfigurationError, MetricsUnavailable, QueryRefused
from incident_commander.ports import Query
from tests.controlplane.pki import Authority

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
UP = Query("up", 'up{job="x"}')


class Scripted:
    def __init__(self) -> None:
        self.url = ""
        self.answers: list[tuple[int, object]] = []
        self.forms: list[dict[str, str]] = []
        self.headers: list[Mapping[str, str]] = []
        self.hang = False

    async def handle(self, request: web.Request) -> web.Response:
        self.forms.append({"path": request.path, **{k: str(v) for k, v in (await request.post()).items()}})
        self.headers.append(dict(request.headers))
        if self.hang:
            await asyncio.Event().wait()
        code, content = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return (
            web.json_response(content, status=code)
            if not isinstance(content, str)
            else web.Response(text=content, status=code)
        )


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scripted]:
    monkeypatch.setattr(prometheus, "_PAUSE_SECONDS", 0.0)
    scripted = Scripted()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", scripted.handle)
    async with TestServer(app, shutdown_timeout=0) as running:
        scripted.url = str(running.make_url(""))
        yield scripted


@pytest.fixture
async def metrics(server: Scripted) -> AsyncIterator[PrometheusMetrics]:
    found = PrometheusMetrics(server.url)
    yield found
    await found.close()


def success(kind: str, result: object) -> tuple[int, object]:
    return 200, {"status": "success", "data": {"resultType": kind, "result": result}}


class TestAnswers:
    async def test_a_vector_is_one_point_for_each_series(self, server: Scripted, metrics: PrometheusMetrics) -> None:
        server.answers = [success("vector", [{"metric": {"job": "x"}, "value": [1.5, "2"]}])]
        found = await metrics.query(UP, NOW)
        assert [(dict(s.labels), list(s.points)) for s in found] == [({"job": "x"}, [(1.5, 2.0)])]
        assert server.forms[0]["path"] == "/api/v1/query"
        assert server.forms[0]["query"] == UP.promql
        assert float(server.forms[0]["time"]) == NOW.timestamp()

    async def test_a_matrix_is_a_line_for_each_series(self, server: Scripted, metrics: PrometheusMetrics) -> None:
        server.answers = [success("matrix", [{"metric": {}, "values": [[1, "2"], [2, "3"]]}])]
        (found,) = await metrics.query_range(UP, NOW - timedelta(minutes=1), NOW, 15)
        assert list(found.points) == [(1.0, 2.0), (2.0, 3.0)]
        assert server.forms[0]["step"] == "15"

    async def test_nothing_is_no_data_and_no_error(self, server: Scripted, metrics: PrometheusMetrics) -> None:
        server.answers = [success("vector", [])]
        assert await metrics.query(UP, NOW) == []

    def test_nan_is_no_data_and_infinity_is_a_value(self) -> None:
        rows = [{"metric": {"a": "1"}, "value": [1, "NaN"]}, {"metric": {"a": "2"}, "value": [1, "+Inf"]}]
        (found,) = parse_result({"resultType": "vector", "result": rows})
        assert found.points == ((1.0, math.inf),)

    def test_a_native_histogram_has_no_single_value(self) -> None:
        assert parse_result({"resultType": "vector", "result": [{"metric": {}, "histogram": [1, {}]}]}) == []

    def test_a_scalar_is_a_series_without_labels(self) -> None:
        (found,) = parse_result({"resultType": "scalar", "result": [1, "4"]})
        assert (dict(found.labels), found.points) == ({}, ((1.0, 4.0),))


class TestTrouble:
    async def test_an_error_names_the_query_and_what_prometheus_said(
        self, server: Scripted, metrics: PrometheusMetrics
    ) -> None:
        server.answers = [(400, {"status": "error", "errorType": "bad_data", "error": "parse error at 5"})]
        with pytest.raises(QueryRefused, match=r"up: 400 bad_data: parse error at 5"):
            await metrics.query(UP, NOW)

    async def test_a_login_page_is_no_answer(self, server: Scripted, metrics: PrometheusMetrics) -> None:
        server.answers = [(200, "<html>please log in")]
        with pytest.raises(MetricsUnavailable, match="please log in"):
            await metrics.query(UP, NOW)

    @pytest.mark.parametrize(
        "data", [{}, {"resultType": "string", "result": [1, "x"]}, {"resultType": "vector", "result": 3}]
    )
    async def test_another_form_is_no_answer(
        self, server: Scripted, metrics: PrometheusMetrics, data: dict[str, object]
    ) -> None:
        server.answers = [(200, {"status": "success", "data": data})]
        with pytest.raises(MetricsUnavailable, match="unknown form"):
            await metrics.query(UP, NOW)

    async def test_a_passing_trouble_is_tried_once_more(self, server: Scripted, metrics: PrometheusMetrics) -> None:
        server.answers = [(503, "starting"), success("vector", [])]
        assert await metrics.query(UP, NOW) == []

    async def test_nobody_listening_is_said_with_the_address(self) -> None:
        metrics = PrometheusMetrics("http://127.0.0.1:9")
        with pytest.raises(MetricsUnavailable, match=r"127\.0\.0\.1:9"):
            await metrics.query(UP, NOW)
        await metrics.close()

    async def test_silence_ends_after_the_time_out(self, server: Scripted) -> None:
        server.hang = True
        metrics = PrometheusMetrics(server.url, timeout_seconds=0.05)
        with pytest.raises(MetricsUnavailable, match="no answer to up"):
            await metrics.query(UP, NOW)
        await metrics.close()

    async def test_an_answer_beyond_the_bound_is_refused(self, server: Scripted) -> None:
        server.answers = [success("vector", [{"metric": {"a": "x" * 5000}, "value": [1, "1"]}])]
        metrics = PrometheusMetrics(server.url, largest=1000)
        with pytest.raises(MetricsUnavailable, match="more than 1000 bytes"):
            await metrics.query(UP, NOW)
        await metrics.close()


class TestLogin:
    async def test_a_token_file_is_read_each_time(self, server: Scripted, tmp_path: Path) -> None:
        file = tmp_path / "token"
        server.answers = [success("vector", [])]
        metrics = PrometheusMetrics(server.url, token_file=file)
        for token in ("one", "two"):
            file.write_text(token + "\n")
            await metrics.query(UP, NOW)
        await metrics.close()
        assert [h["Authorization"] for h in server.headers] == ["Bearer one", "Bearer two"]

    async def test_a_token_file_that_is_gone_is_named_by_its_setting(self, server: Scripted, tmp_path: Path) -> None:
        metrics = PrometheusMetrics(server.url, token_file=tmp_path / "none")
        with pytest.raises(MetricsUnavailable, match="PROMETHEUS_TOKEN_FILE"):
            await metrics.query(UP, NOW)
        await metrics.close()

    async def test_a_password_in_the_url_is_used_and_never_shown(self, server: Scripted) -> None:
        server.answers = [(400, {"status": "error", "errorType": "x", "error": "y"})]
        metrics = PrometheusMetrics(server.url.replace("http://", "http://me:s3cret@"))
        with pytest.raises(MetricsUnavailable) as caught:
            await metrics.query(UP, NOW)
        await metrics.close()
        assert server.headers[0]["Authorization"].startswith("Basic ")
        assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("url", ["prometheus:9090", "ftp://x", "http://", ""])
def test_an_address_that_is_none_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(ConfigurationError, match="INCIDENT_COMMANDER_PROMETHEUS_URL"):
        PrometheusMetrics(url)


class TestCertificates:
    """A Prometheus whose certificate is signed by an authority of one's own."""

    async def ask(self, folder: Path, trusted: Path | None) -> list[float]:
        pair = Authority(folder / "pki").issue("prometheus", "prometheus", alternative_names=["IP:127.0.0.1"])
        server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server_side.load_cert_chain(pair.certificate, pair.key)
        scripted = Scripted()
        scripted.answers = [(200, {"status": "success", "data": {"resultType": "scalar", "result": [1, "7"]}})]
        app = web.Application()
        app.router.add_post("/{path:.*}", scripted.handle)
        server = TestServer(app, scheme="https")
        await server.start_server(ssl=server_side)
        try:
            metrics = PrometheusMetrics(f"https://127.0.0.1:{server.port}", ca_file=trusted)
            try:
                return [value for found in await metrics.query(UP, NOW) for _, value in found.points]
            finally:
                await metrics.close()
        finally:
            await server.close()

    async def test_is_trusted_by_its_ca(self, tmp_path: Path) -> None:
        authority = Authority(tmp_path / "pki").certificate
        assert await self.ask(tmp_path, authority) == [7.0]

    async def test_is_not_trusted_without_it(self, tmp_path: Path) -> None:
        with pytest.raises(MetricsUnavailable, match="certificate"):
            await self.ask(tmp_path, None)

    def test_a_file_that_is_no_certificate_is_named(self, tmp_path: Path) -> None:
        wrong = tmp_path / "ca.pem"
        wrong.write_text("no")
        with pytest.raises(ConfigurationError, match=r"PROMETHEUS_CA_FILE: .*ca.pem"):
            PrometheusMetrics("https://p:9090", ca_file=wrong)
        with pytest.raises(ConfigurationError, match=r"missing\.pem"):
            PrometheusMetrics("https://p:9090", ca_file=tmp_path / "missing.pem")
