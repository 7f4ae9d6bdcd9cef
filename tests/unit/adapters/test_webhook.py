"""People are told by webhook: against a real HTTP server, that takes it, refuses it, is slow, or is not there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from incident_commander.adapters import webhook
from incident_commander.adapters.webhook import Format, WebhookNotifier, address_from, json_body, slack_body
from incident_commander.errors import ConfigurationError
from incident_commander.ports import Notice, Uncounted

NOTICE = Notice(
    event="ApprovalRequired",
    namespace="shop",
    name="web-down",
    uid="u-1",
    severity="Critical",
    phase="AwaitingApproval",
    outcome="",
    target="Deployment/web",
    alert="WebDown",
    cause="ImageNotFound",
    message="waiting for a person to approve",
    plan="roll Deployment/shop/web back",
    plan_digest="sha256:abc",
    policy="shop",
    at=datetime(2026, 1, 5, 12, tzinfo=UTC),
    act_by=datetime(2026, 1, 5, 12, 15, tzinfo=UTC),
)


class Counted(Uncounted):
    def __init__(self) -> None:
        self.results: list[str] = []
        self.news = asyncio.Event()

    def notified(self, result: str) -> None:
        self.results.append(result)
        self.news.set()


@dataclass
class Receiver:
    """Answers with ``statuses`` in turn, then with 200."""

    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    got: list[tuple[dict[str, Any], str]] = field(default_factory=list)
    silent: bool = False
    url: str = ""

    async def take(self, request: web.Request) -> web.Response:
        self.got.append((await request.json(), request.headers.get("Authorization", "")))
        if self.silent:
            await asyncio.sleep(60)
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=status, text="no_service" if status >= 400 else "ok", headers=self.headers)


@asynccontextmanager
async def serving(receiver: Receiver) -> AsyncIterator[Receiver]:
    app = web.Application()
    app.router.add_post("/hook", receiver.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    receiver.url = f"http://{host}:{port}/hook"
    try:
        yield receiver
    finally:
        await runner.cleanup()


async def told(
    url: Callable[[], str], *notices: Notice, format_: Format = Format.JSON, token_file: Path | None = None
) -> list[str]:
    """Tell, let everything be sent, end; the results that were counted."""
    counted = Counted()
    notifier = WebhookNotifier(url, format_, counted, token_file=token_file, pause_seconds=0.01)
    stop = asyncio.Event()
    running = asyncio.create_task(notifier.run(stop))
    for notice in notices:
        notifier.tell(notice)
    async with asyncio.timeout(20):
        while len(counted.results) < len(notices):
            counted.news.clear()
            await counted.news.wait()
    stop.set()
    await running
    return counted.results


class TestSending:
    async def test_a_message_arrives_whole(self, tmp_path: Path) -> None:
        token = tmp_path / "token"
        token.write_text("s3cret\n")
        async with serving(Receiver()) as receiver:
            assert await told(lambda: receiver.url, NOTICE, token_file=token) == ["Sent"]
        ((body, authorization),) = receiver.got
        assert authorization == "Bearer s3cret"
        assert body == json_body(NOTICE)
        assert (body["event"], body["namespace"], body["name"]) == ("ApprovalRequired", "shop", "web-down")
        assert (body["planDigest"], body["actBy"][:19]) == ("sha256:abc", "2026-01-05T12:15:00")
        assert "kubectl incident approve web-down -n shop" in body["commands"]

    async def test_a_receiver_that_is_busy_or_broken_for_a_moment_is_asked_again(self) -> None:
        async with serving(Receiver(statuses=[503, 429])) as receiver:
            assert await told(lambda: receiver.url, NOTICE) == ["Sent"]
        assert len(receiver.got) == 3

    async def test_one_that_stays_broken_is_given_up_and_the_next_message_is_sent(self) -> None:
        async with serving(Receiver(statuses=[500] * webhook.TRIES)) as receiver:
            assert await told(lambda: receiver.url, NOTICE, replace(NOTICE, name="next")) == ["Failed", "Sent"]

    async def test_a_refusal_is_final(self) -> None:
        async with serving(Receiver(statuses=[404])) as receiver:
            assert await told(lambda: receiver.url, NOTICE) == ["Failed"]
        assert len(receiver.got) == 1

    async def test_a_redirect_is_not_followed(self) -> None:
        async with serving(Receiver()) as other, serving(Receiver(statuses=[307])) as receiver:
            receiver.headers = {"Location": other.url}
            assert await told(lambda: receiver.url, NOTICE) == ["Failed"]
        assert other.got == []

    async def test_nobody_there_is_a_failure_and_no_crash(self) -> None:
        async with serving(Receiver()) as receiver:
            gone = receiver.url
        assert await told(lambda: gone, NOTICE) == ["Failed"]

    async def test_a_receiver_that_never_answers_is_given_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(webhook, "TIMEOUT_SECONDS", 0.05)
        async with serving(Receiver(silent=True)) as receiver:
            assert await told(lambda: receiver.url, NOTICE) == ["Failed"]

    async def test_an_address_that_was_rotated_is_used_for_the_next_message(self, tmp_path: Path) -> None:
        file = tmp_path / "url"
        address = address_from(None, file)
        assert address is not None
        async with serving(Receiver()) as receiver:
            file.write_text("nonsense")
            assert await told(address, NOTICE) == ["Failed"]
            file.write_text(f"{receiver.url}\n")
            assert await told(address, NOTICE) == ["Sent"]

    async def test_telling_never_waits_and_what_is_too_much_is_dropped_and_counted(self) -> None:
        counted = Counted()
        notifier = WebhookNotifier(lambda: "http://127.0.0.1:1", Format.JSON, counted)
        for _ in range(webhook.WAITING_BOUND + 3):
            notifier.tell(NOTICE)
        assert counted.results == ["Dropped"] * 3

    async def test_what_waits_at_the_end_is_still_sent(self) -> None:
        counted, stop = Counted(), asyncio.Event()
        async with serving(Receiver()) as receiver:
            notifier = WebhookNotifier(lambda: receiver.url, Format.JSON, counted)
            notifier.tell(NOTICE)
            stop.set()
            await notifier.run(stop)
        assert counted.results == ["Sent"]


class TestSlack:
    def test_the_verdict_comes_first_and_what_to_type_last(self) -> None:
        text = slack_body(NOTICE)["text"]
        assert text.startswith("*Approval needed* · Critical · shop/web-down · Deployment/web\n")
        assert text.endswith(
            "```kubectl incident show web-down -n shop\nkubectl incident approve web-down -n shop\n"
            "kubectl incident reject web-down -n shop```"
        )
        assert "Decide until 2026-01-05T12:15:00" in text

    def test_text_of_others_mentions_nobody_and_links_nowhere(self) -> None:
        text = slack_body(replace(NOTICE, message="<!channel> <https://evil.example|see> ```rm & go"))["text"]
        assert "&lt;!channel&gt;" in text
        assert "<" not in text
        assert text.count("```") == 2

    def test_is_bounded(self) -> None:
        assert len(slack_body(replace(NOTICE, message="x" * 50_000))["text"]) < 4000

    async def test_is_taken_by_a_slack_compatible_receiver(self) -> None:
        async with serving(Receiver()) as receiver:
            assert await told(lambda: receiver.url, NOTICE, format_=Format.SLACK) == ["Sent"]
        assert set(receiver.got[0][0]) == {"text"}


class TestAddress:
    @pytest.mark.parametrize("text", ["", "ftp://x/y", "just-words", "https://"])
    def test_one_that_is_none_is_refused_without_being_repeated(self, text: str) -> None:
        with pytest.raises(ConfigurationError) as refusal:
            WebhookNotifier(lambda: text, Format.JSON, Uncounted()).check()
        assert "NOTIFY_URL" in str(refusal.value)
        assert not text or text not in str(refusal.value)

    def test_a_file_that_is_missing_is_named(self, tmp_path: Path) -> None:
        address = address_from(None, tmp_path / "gone")
        assert address is not None
        with pytest.raises(ConfigurationError, match="gone"):
            WebhookNotifier(address, Format.JSON, Uncounted()).check()

    def test_none_set_is_nobody_told(self) -> None:
        assert address_from(None, None) is None
