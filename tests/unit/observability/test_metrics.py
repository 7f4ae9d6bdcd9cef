"""What is declared is what is exposed; names, units and labels are as Prometheus' users expect them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from incident_commander.adapters.gauges import AgentGauges, AgentState, BreakerGauge, Council, IncidentGauges
from incident_commander.adapters.instruments.catalogue import CATALOGUE, CHAPTERS
from incident_commander.adapters.instruments.instrument import Instrument
from incident_commander.adapters.instruments.reference import PAGE, page
from incident_commander.adapters.telemetry import PrometheusTelemetry
from incident_commander.gateway.metrics import GatewayMetrics

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OF_OBJECTS = {"name", "namespace", "incident", "pod", "target", "node", "deployment", "container", "uid", "workload"}


def everything() -> CollectorRegistry:
    """All that any process exposes, in one registry."""
    registry = CollectorRegistry()
    telemetry = PrometheusTelemetry(registry)
    telemetry.built("1.2.3")
    telemetry.coordinates()
    IncidentGauges(registry)
    AgentGauges(registry)
    BreakerGauge(registry)
    GatewayMetrics(registry)
    return registry


def made() -> dict[str, MetricWrapperBase]:
    """The real metrics by the name that PromQL knows."""
    found = {}
    for metric in everything()._collector_to_names:
        assert isinstance(metric, MetricWrapperBase)
        name = metric._name + ("_total" if metric._type == "counter" else "")
        found[name] = metric
    return found


def test_whatever_is_exposed_is_in_the_catalogue_and_the_other_way_round() -> None:
    assert set(made()) == {instrument.name for instrument in CATALOGUE}
    assert len({instrument.name for instrument in CATALOGUE}) == len(CATALOGUE)


@pytest.mark.parametrize("instrument", CATALOGUE, ids=lambda i: i.name)
def test_a_metric_is_named_and_labelled_as_declared(instrument: Instrument) -> None:
    metric = made()[instrument.name]
    assert (metric._type, metric._labelnames) == (instrument.type, tuple(instrument.labels))
    assert re.fullmatch(r"incident_commander_[a-z_]+", instrument.name)
    assert instrument.name.endswith("_total") == (instrument.type == "counter")
    assert not set(instrument.labels) & OF_OBJECTS
    assert instrument.text.endswith(".")
    if set(instrument.name.split("_")) & {"duration", "age", "wait", "timestamp", "expiry", "running"}:
        assert instrument.name.endswith("_seconds")


def test_the_series_of_one_process_are_few() -> None:
    shown = sum(len(metric.samples) for metric in everything().collect())
    assert shown < 1500, "each series costs memory in every Prometheus that scrapes it"


def test_the_page_of_the_documentation_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run `make generate`"
    assert all(f"## {chapter}" in page() for chapter in CHAPTERS)


class TestGauges:
    def test_agents_that_cannot_be_read_are_not_shown(self) -> None:
        registry = CollectorRegistry()
        gauges = AgentGauges(registry)
        gauges.show(Council([AgentState("detection", "detection", 2, True, NOW, None)], 6, 5, 4))
        labels = {"agent": "detection", "role": "detection"}
        assert registry.get_sample_value("incident_commander_agent_suspicion", labels) == 2
        assert registry.get_sample_value("incident_commander_agent_quarantined", labels) == 1
        assert registry.get_sample_value("incident_commander_agent_heartbeat_timestamp_seconds", labels) == (
            NOW.timestamp()
        )
        assert registry.get_sample_value("incident_commander_agent_key_expiry_timestamp_seconds", labels) == 0
        assert registry.get_sample_value("incident_commander_consensus_members", {"state": "Able"}) == 5
        gauges.show(None)
        assert not [sample for metric in registry.collect() for sample in metric.samples]

    def test_an_agent_that_is_gone_is_not_shown_any_more(self) -> None:
        registry = CollectorRegistry()
        gauges = AgentGauges(registry)
        gauges.show(Council([AgentState("old", "detection", 0, False, NOW, NOW)], 1, 1, 0))
        gauges.show(Council([], 0, 0, 0))
        assert (
            registry.get_sample_value("incident_commander_agent_suspicion", {"agent": "old", "role": "detection"})
            is None
        )

    def test_a_breaker_that_cannot_be_read_is_neither_closed_nor_tripped(self) -> None:
        registry = CollectorRegistry()
        gauge = BreakerGauge(registry)
        name = "incident_commander_circuit_breaker_state"
        gauge.show(True)
        assert registry.get_sample_value(name, {"state": "Tripped"}) == 1
        assert registry.get_sample_value(name, {"state": "Closed"}) == 0
        gauge.show(None)
        assert registry.get_sample_value(name, {"state": "Tripped"}) is None
