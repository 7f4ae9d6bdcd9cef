"""Liveness, readiness and metrics."""

from __future__ import annotations

import json
import logging
import socket

import aiohttp
import pytest
import structlog
from prometheus_client import CollectorRegistry

from incident_commander.adapters.gauges import IncidentGauges, Standing
from incident_commander.adapters.telemetry import PrometheusTelemetry
from incident_commander.errors import ConfigurationError
from incident_commander.log_level import LogLevel
from incident_commander.operators import logs
from incident_commander.operators.health import HealthServer
from incident_commander.settings import Address


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


async def test_a_problem_is_a_503_that_names_it() -> None:
    registry = CollectorRegistry()
    PrometheusTelemetry(registry).vote_cast("detection", "Approve", "SymptomPresent")
    problems = {"alive": "", "ready": "not watching yet"}
    port = free_port()

    async def ready() -> str:
        return problems["ready"]

    server = HealthServer(Address("127.0.0.1", port), registry, lambda: problems["alive"], ready)
    await server.start()
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        async with session.get("/healthz") as answer:
            assert answer.status == 200
        async with session.get("/readyz") as answer:
            assert (answer.status, await answer.text()) == (503, "not watching yet\n")
        async with session.get("/metrics") as answer:
            text = await answer.text()
    await server.stop()
    assert 'incident_commander_votes_total{decision="Approve",reason="SymptomPresent",role="detection"} 1.0' in text


async def fine() -> str:
    return ""


async def test_an_address_that_is_taken_is_named_by_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address("127.0.0.1", taken.getsockname()[1])
        server = HealthServer(address, CollectorRegistry(), lambda: "", fine)
        with pytest.raises(ConfigurationError, match="INCIDENT_COMMANDER_HEALTH_BIND"):
            await server.start()


async def test_what_is_only_counted_when_asked_is_brought_up_to_date_first() -> None:
    registry, port = CollectorRegistry(), free_port()
    gauges = IncidentGauges(registry)

    def show() -> None:
        gauges.show({"Voting": Standing(2, 30.0)}, storms=1)

    server = HealthServer(Address("127.0.0.1", port), registry, lambda: "", fine, before_scrape=show)
    await server.start()
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session, session.get("/metrics") as answer:
        text = await answer.text()
    await server.stop()
    assert 'incident_commander_open_incidents{phase="Voting"} 2.0' in text
    assert 'incident_commander_open_incidents{phase="Pending"} 0.0' in text
    assert "incident_commander_open_storms 1.0" in text


def test_logs_are_json_lines_with_what_is_bound(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = (root.handlers[:], root.level, structlog.get_config())
    try:
        logs.configure(LogLevel.INFO)
        with structlog.contextvars.bound_contextvars(incident="shop/x", component="executor"):
            structlog.get_logger("mine").info("Applied", step="roll-back")
            logging.getLogger("theirs").warning("old %s", "style")
            structlog.get_logger("mine").debug("not shown")
    finally:
        root.handlers[:], config = before[0], before[2]
        root.setLevel(before[1])
        structlog.configure(**config)
    ours, theirs = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (ours["message"], ours["incident"], ours["step"], ours["level"]) == (
        "Applied",
        "shop/x",
        "roll-back",
        "info",
    )
    assert (theirs["message"], theirs["component"]) == ("old style", "executor")
