"""The real cluster's adapter, against a scripted HTTP server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio.client.configuration import Configuration

from incident_commander import errors
from incident_commander.adapters import kube_transport
from incident_commander.adapters.kube_transport import Identity, Transport
from incident_commander.adapters.kubernetes import KubernetesCluster
from incident_commander.api.kinds import CONFIG_MAP, DEPLOYMENT, INCIDENT, NODE, POD
from incident_commander.ports import PatchType

Answer = tuple[int, object] | tuple[int, object, dict[str, str]]


class ScriptedServer:
    """Answers in order and remembers what it was asked. The last answer is repeated."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: list[Answer] = [(200, {})]
        self.asked: list[tuple[str, str, dict[str, str], dict[str, str], Any]] = []

    async def handle(self, request: web.Request) -> web.Response:
        text = await request.text()
        body = json.loads(text) if text else None
        self.asked.append((request.method, request.path, dict(request.query), dict(request.headers), body))
        code, content, *headers = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        return web.Response(status=code, body=raw, headers=headers[0] if headers else None)


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ScriptedServer]:
    monkeypatch.setattr(kube_transport, "_FIRST_BACKOFF_SECONDS", 0.0)
    scripted = ScriptedServer()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", scripted.handle)
    async with TestServer(app) as running:
        scripted.url = str(running.make_url("")).rstrip("/")
        yield scripted


@pytest.fixture
async def connect(server: ScriptedServer) -> AsyncIterator[Callable[..., KubernetesCluster]]:
    made: list[Transport] = []

    def build(reload: Callable[[], Any] | None = None, identity: Identity | None = None) -> KubernetesCluster:
        configuration = Configuration(host=server.url)
        made.append(Transport(configuration, reload))
        return KubernetesCluster(made[-1], identity or Identity())

    yield build
    for transport in made:
        await transport.close()


def failure(code: int, reason: str, message: str = "no") -> tuple[int, object]:
    return code, {"kind": "Status", "reason": reason, "message": message}


class TestReading:
    async def test_addresses_objects_in_namespaces_and_in_the_cluster(
        self, server: ScriptedServer, connect: Callable[..., KubernetesCluster]
    ) -> None:
        cluster = connect()
        await cluster.get(DEPLOYMENT, "shop", "web")
        await cluster.get(NODE, None, "n1")
        assert [path for _, path, *_ in server.asked] == [
            "/apis/apps/v1/namespaces/shop/deployments/web",
            "/api/v1/nodes/n1",
        ]

    async def test_a_list_is_read_page_by_page_and_items_say_what_they_are(
        self, server: ScriptedServer, connect: Callable[..., KubernetesCluster]
    ) -> None:
        server.answers = [
            (200, {"metadata": {"continue": "abc"}, "items": [{"metadata": {"name": "a"}}]}),
            (200, {"metadata": {}, "items": [{"metadata": {"name": "b"}}]}),
        ]
        found = await connect().list(POD, "shop", labels="app=web", fields="spec.nodeName=n1")
        assert [(o["kind"], o["apiVersion"], o["metadata"]["name"]) for o in found] == [
            ("Pod", "v1", "a"),
            ("Pod", "v1", "b"),
        ]
        first, second = (query for _, _, query, _, _ in server.asked)
        assert first == {"limit": "500", "labelSelector": "app=web", "fieldSelector": "spec.nodeName=n1"}
        assert second == {**first, "continue": "abc"}

    async def test_a_list_whose_pages_expired_is_started_over(
        self, server: ScriptedServer, connect: Callable[..., KubernetesCluster]
    ) -> None:
        server.answers = [
            (200, {"metadata": {"continue": "abc"}, "items": [{"metadata": {"name": "old"}}]}),
            failure(410, "Expired"),
            (200, {"metadata": {}, "items": [{"metadata": {"name": "new"}}]}),
        ]
        found = await connect().list(POD, "shop")
        assert [o["metadata"]["name"] for o in found] == ["new"]

    async def test_a_list_that_always_expires_is_given_up(
        self, server: ScriptedServer, connect: Callable[..., KubernetesCluster]
    ) -> None:
        server.answers = [failure(410, "Expired")]
        with pytest.raises(errors.Unavailable, match="changed faster"):
            await connect().list(POD, "shop")
        assert len(server.asked) == 3

    async def test_is_tried_again_when_the_server_is_away_for_a_moment(
        self, server: ScriptedServer, connect: Callable[..., KubernetesCluster]
    ) -> None:
        server.answers = [failure(500, "InternalError"), (429, {}, {"Retry-After": "0"}), (200, {"kind": "Pod"})]
        assert await connect().get(POD, "shop", "p") == {"kind": "Pod"}

    async def test_is_given_up_after_three_tries(
        self, server: ScriptedServer, connect: Callable[..., KubernetesCluster]
    ) -> None:
        server.answers = [failure(503, "ServiceUnavailable")]
        with pytest.raises(errors.Unavailable):
            await connect().get(POD, "shop", "p")
        assert len(server.asked) == 3

    async def test_a_long_retry_after_is_left_to_the_caller(
        self, server: ScriptedServer, connect: Callable[..., KubernetesCluster]
    ) -> None:
        server.answers = [(429, {}, {"Retry-After": "60"})]
        with pytest.raises(errors.Throttled) as caught:
            await connect().get(POD, "shop", "p")
        assert caught.value.retry_after == 60
        assert len(server.asked) == 1

    async def test_what_is_not_json_is_no_answer(
        self, server: ScriptedServer, connect: Callable[..., KubernetesCluster]
    ) -> None:
        server.answers = [(200, b"<html>login</html>")]
        with pytest.raises(errors.Unavailable, match="not JSON"):
            await connect().get(POD, "shop", "p")

    async def test_a_server_that_is_not_there_is_unavailable(self) -> None:
        transport = Transport(Configuration(host="http://127.0.0.1:9"))
        try:
            with pytest.raises(errors.Unavailable) as caught:
                await transport.send(Identity(), "GET", "/version")
        finally:
            await transport.close()
        assert caught.value.status == 0


class TestWriting:
    async def test_names_the_field_manager_and_dry_runs(
        self, server: ScriptedServer, connect: Callable[..., KubernetesCluster]
    ) -> None:
        body = {"metadata": {"annotations": {"a": "b"}}}
        await connect().patch(
            INCIDENT,
            "shop",
            "x",
            body,
            patch_type=PatchType.MERGE,
            subresource="status",
            dry_run=True,
            field_manager="me",
        )
        method, path, query, headers, sent = server.asked[0]
        assert (method, path) == ("PATCH", "/apis/incidentcommander.io/v1alpha1/namespaces/shop/incidents/x/status")
        assert query == {"dryRun": "All", "fieldManager": "me"}
        assert headers["Content-Type"] == "application/merge-patch+json"
        assert sent == body

    async def test_is_never_tried_again(
        self, server: ScriptedServer, connect: Callable[..., KubernetesCluster]
    ) -> None:
        server.answers = [failure(500, "InternalError")]
        with pytest.raises(errors.Unavailable):
            await connect().create(CONFIG_MAP, "shop", {"data": {}})
        assert len(server.asked) == 1

    async def test_a_json_patch_whose_test_fails_is_a_conflict(
        self, server: ScriptedServer, connect: Callable[..., KubernetesCluster]
    ) -> None:
        server.answers = [failure(422, "Invalid", "the server rejected our request due to an error in our request")]
        patch = [{"op": "test", "path": "/metadata/uid", "value": "1"}, {"op": "remove", "path": "/x"}]
        with pytest.raises(errors.Conflict):
            await connect().patch(DEPLOYMENT, "shop", "web", patch, patch_type=PatchType.JSON)
        assert server.asked[0][3]["Content-Type"] == "application/json-patch+json"

    async def test_a_delete_carries_its_preconditions(
        self, server: ScriptedServer, connect: Callable[..., KubernetesCluster]
    ) -> None:
        await connect().delete(POD, "shop", "p", uid="u1", resource_version="7", dry_run=True)
        _, _, query, _, body = server.asked[0]
        assert body["preconditions"] == {"uid": "u1", "resourceVersion": "7"}
        assert body["dryRun"] == ["All"]
        assert query == {"dryRun": "All"}, "an audit log without bodies shows the URL only"


class TestIdentity:
    async def test_impersonates_and_names_itself(
        self, server: ScriptedServer, connect: Callable[..., KubernetesCluster]
    ) -> None:
        seen: list[tuple[str, int]] = []
        cluster = connect().seen_as(
            "ic (executor)",
            impersonate="system:serviceaccount:ic:executor",
            observe=lambda method, status, seconds: seen.append((method, status)),
        )
        await cluster.get(NODE, None, "n1")
        headers = server.asked[0][3]
        assert headers["Impersonate-User"] == "system:serviceaccount:ic:executor"
        assert headers["User-Agent"] == "ic (executor)"
        assert seen == [("GET", 200)]

    async def test_without_impersonation_the_credentials_own_user_acts(
        self, server: ScriptedServer, connect: Callable[..., KubernetesCluster]
    ) -> None:
        await connect().seen_as("ic").get(NODE, None, "n1")
        assert "Impersonate-User" not in server.asked[0][3]

    async def test_stale_credentials_are_loaded_anew_once(
        self, server: ScriptedServer, connect: Callable[..., KubernetesCluster]
    ) -> None:
        loads: list[int] = []

        async def reload() -> None:
            loads.append(1)

        server.answers = [failure(401, "Unauthorized"), (200, {"kind": "Node"})]
        assert await connect(reload).get(NODE, None, "n1") == {"kind": "Node"}
        assert loads == [1]


class TestLogs:
    async def test_the_end_is_kept_when_there_is_too_much(
        self, server: ScriptedServer, connect: Callable[..., KubernetesCluster]
    ) -> None:
        server.answers = [(200, b"begin " + b"x" * 50 + b" the end")]
        text = await connect().logs("shop", "p", "c", previous=True, tail_lines=9, limit_bytes=8)
        assert text == " the end"
        query = server.asked[0][2]
        assert query["previous"] == "true"
        assert query["tailLines"] == "9"

    async def test_bytes_that_are_no_text_do_not_matter(
        self, server: ScriptedServer, connect: Callable[..., KubernetesCluster]
    ) -> None:
        server.answers = [(200, b"a\xff")]
        assert await connect().logs("shop", "p", "c") == "a\ufffd"

    @pytest.mark.parametrize("code", [400, 404, 500])
    async def test_a_log_that_cannot_be_read_says_why(
        self, server: ScriptedServer, connect: Callable[..., KubernetesCluster], code: int
    ) -> None:
        server.answers = [failure(code, "BadRequest", "container c is waiting to start")]
        with pytest.raises(errors.LogsUnavailable, match=r"shop/p/c.*waiting to start"):
            await connect().logs("shop", "p", "c")

    async def test_a_log_that_may_not_be_read_is_forbidden(
        self, server: ScriptedServer, connect: Callable[..., KubernetesCluster]
    ) -> None:
        server.answers = [failure(403, "Forbidden")]
        with pytest.raises(errors.Forbidden):
            await connect().logs("shop", "p", "c")


class TestDiscovery:
    async def test_tells_subresources_and_remembers_them(
        self, server: ScriptedServer, connect: Callable[..., KubernetesCluster]
    ) -> None:
        server.answers = [(200, {"resources": [{"name": "pods"}, {"name": "pods/resize"}]})]
        cluster = connect()
        assert await cluster.offers(POD, "resize")
        assert not await cluster.offers(POD, "ephemeral")
        assert len(server.asked) == 1

    async def test_an_unknown_group_offers_nothing(
        self, server: ScriptedServer, connect: Callable[..., KubernetesCluster]
    ) -> None:
        server.answers = [failure(404, "NotFound")]
        assert not await connect().offers(INCIDENT)


class TestConnecting:
    async def test_a_kubeconfig_that_is_not_there_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
        with pytest.raises(errors.ConfigurationError, match=r"/nowhere/config.*KUBECONFIG or --kubeconfig"):
            await KubernetesCluster.connect("/nowhere/config")

    async def test_a_pod_without_a_service_account_says_how_to_mend_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
        monkeypatch.delenv("KUBECONFIG", raising=False)
        with pytest.raises(errors.ConfigurationError, match="automountServiceAccountToken"):
            await KubernetesCluster.connect()


class TestListening:
    async def test_who_listens_hears_answers_of_any_status_and_why_there_was_none(self, server: ScriptedServer) -> None:
        transport = Transport(Configuration(host=server.url))
        heard: list[str] = []
        transport.listener = lambda problem, seconds: heard.append(problem)
        server.answers = [failure(404, "NotFound"), (200, {})]
        with pytest.raises(errors.NotFound):
            await transport.send(Identity(), "GET", "/missing")
        transport_away = Transport(Configuration(host="http://127.0.0.1:1"))
        transport_away.listener = transport.listener
        with pytest.raises(errors.Unavailable):
            await transport_away.send(Identity(), "GET", "/there")
        await transport.close()
        await transport_away.close()
        assert heard[0] == ""
        assert heard[1].startswith("GET /there: ")

    async def test_a_request_that_we_give_up_says_nothing(self, server: ScriptedServer) -> None:
        transport = Transport(Configuration(host=server.url))
        heard: list[str] = []
        transport.listener = lambda problem, seconds: heard.append(problem)
        asking = asyncio.create_task(transport.send(Identity(), "GET", "/there"))
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await transport.close()
        assert heard == []
