"""Liveness, readiness and metrics."""

from __future__ import annotations

import json
import logging
import socket

import aiohttp
import pytest
import structlog
from prometheus_client import CollectorRegistry, generate_latest

from incident_commander.adapters.telemetry import PrometheusTelemetry
from incident_commander.errors import ConfigurationError
from incident_commander.operators import logs
from incident_commander.operators.health import HealthServer
from incident_commander.settings import Address, LogLevel


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


async def test_a_problem_is_a_503_that_names_it() -> None:
    registry = CollectorRegistry()
    PrometheusTelemetry(registry).vote_cast("detection", "Approve", "SymptomPresent")
    problems = {"alive": "", "ready": "not watching yet"}
    port = free_port()
    server = HealthServer(Address("127.0.0.1", port), registry, lambda: problems["alive"], lambda: problems["ready"])
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


async def test_an_address_that_is_taken_is_named_by_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address("127.0.0.1", taken.getsockname()[1])
        server = HealthServer(address, CollectorRegistry(), lambda: "", lambda: "")
        with pytest.raises(ConfigurationError, match="INCIDENT_COMMANDER_HEALTH_BIND"):
            await server.start()


def test_every_metric_has_our_prefix_a_base_unit_and_no_label_for_names() -> None:
    registry = CollectorRegistry()
    telemetry = PrometheusTelemetry(registry)
    telemetry.phase_changed("Voting", "Executing")
    telemetry.incident_ended("Remediated", 42.0)
    telemetry.statement_made("detection", "Assessment")
    telemetry.statement_refused("detection", "Expired")
    telemetry.vote_cast("detection", "Approve", "SymptomPresent")
    telemetry.round_decided("Certified", 1.0)
    telemetry.agent_quarantined("detection", "Equivocation")
    telemetry.guard_refused("freeze", "FreezeWindow")
    telemetry.step_finished("RollbackRollout", "Applied")
    telemetry.verified("Pass")
    telemetry.reconciled("coordinator", "Done", 0.1)
    telemetry.waited("coordinator", 0.1, 3)
    telemetry.requested("coordinator", "GET", 200, 0.1)
    telemetry.lease("coordinator", True)
    samples = [sample for metric in registry.collect() for sample in metric.samples]
    assert all(sample.name.startswith("incident_commander_") for sample in samples)
    labels = {label for sample in samples for label in sample.labels}
    assert not labels & {"name", "namespace", "incident", "pod", "target"}
    kinds = {metric.name: metric.type for metric in registry.collect()}
    assert all(name.endswith("_seconds") for name, kind in kinds.items() if kind == "histogram")
    assert b"incident_commander_queue_depth" in generate_latest(registry)


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
