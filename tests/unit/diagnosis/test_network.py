"""Slow requests: who is short of CPU, at whose network packets are held up, and what alerts alone can tell."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from incident_agents.diagnosis.engine import diagnose
from incident_agents.diagnosis.ranking import BAR
from incident_commander.api.causes import Cause
from incident_commander.api.incident import Alert, AlertStatus
from incident_commander.api.statement import CitationKind, Diagnosis
from incident_commander.ports import Series
from tests.unit.diagnosis.builders import NOW, NS, ago, incident, told
from tests.unit.diagnosis.shop import Shop, shop, tier

SINCE = 300.0
"""Seconds since the symptom began, as in ``incident()``."""


def stepped(before: float, after: float, **labels: str) -> Series:
    """Ten minutes at 15 s; the level changes when the symptom begins. A little noise, always the same."""
    end = NOW.timestamp()
    times = [end - 15 * n for n in range(40)][::-1]
    noise = [1.0, 1.02, 0.99, 1.01]
    levels = [after if t >= end - SINCE else before for t in times]
    return Series(labels, tuple((t, v * noise[n % 4]) for n, (t, v) in enumerate(zip(times, levels, strict=True))))


def larger() -> Shop:
    """web → orders → db, web → search, web → cart; orders and search on node-b, the others on node-a."""
    made = shop()
    made.add("cart", tier("cart", "registry.example.com/cart:1", 7001), 7001)
    made.add("search", tier("search", "registry.example.com/search:1", 7000), 7000, on="node-b")
    env = made.pods["web"]["spec"]["containers"][0]["env"]
    env += [{"name": "SEARCH_ADDR", "value": "search:7000"}, {"name": "CART_ADDR", "value": "cart:7001"}]
    return made


def measured(made: Shop, **names: dict[str, tuple[float, float]]) -> Diagnosis:
    """By name of the series: the levels before and after for each service."""
    series: dict[str, Sequence[Series]] = {
        name: [stepped(*levels, service=who) for who, levels in of.items()] for name, of in names.items()
    }
    return made.diagnose(series=series)


def test_a_workload_that_is_throttled_is_short_of_cpu() -> None:
    found = measured(
        larger(),
        service_cpu={"web": (0.05, 0.05), "orders": (0.01, 0.2), "search": (0.02, 0.02)},
        service_cpu_throttled={"orders": (0.0, 0.7), "web": (0.0, 0.0)},
        service_p95_latency={"web": (30, 90), "orders": (5, 70), "search": (4, 4)},
    )
    top = found.hypotheses[0]
    assert (top.cause, str(top.object)) == (Cause.CPU_SATURATED, "Deployment/shop/orders"), told(found)
    assert top.confidence >= 85


def test_a_cited_series_is_told_in_the_unit_of_its_name() -> None:
    def cited(name: str, factor: float) -> list[str]:
        levels = {"web": (30 * factor, 900 * factor), "orders": (5 * factor, 700 * factor), "search": (4, 4)}
        found = measured(larger(), **{name: levels})
        return [c.value for h in found.hypotheses for c in h.evidence if c.kind is CitationKind.METRIC]

    assert any(" s at " in value and value.startswith("0.005") for value in cited("latency_p95_seconds", 1e-3))
    assert not any(" ms" in value for value in cited("latency_p95_seconds", 1e-3))
    assert any(" ms at " in value and value.startswith("5") for value in cited("latency_p95_milliseconds", 1))


def test_more_requests_explain_more_cpu() -> None:
    found = measured(
        larger(),
        service_cpu={"web": (0.05, 0.05), "orders": (0.05, 0.9)},
        service_rps={"web": (10, 10), "orders": (10, 200)},
    )
    assert found.hypotheses[0].cause is Cause.TRAFFIC_SURGE, told(found)


def test_delay_at_a_workload_slows_it_and_its_callers() -> None:
    found = measured(
        larger(), latency_p90={"web": (30, 900), "orders": (5, 800), "search": (4, 4), "db": (1, 1), "cart": (2, 2)}
    )
    top = found.hypotheses[0]
    assert (top.cause, str(top.object)) == (Cause.NETWORK_LATENCY, "Deployment/shop/orders"), told(found)


def test_delay_at_a_node_slows_who_is_called_there_from_elsewhere() -> None:
    found = measured(
        larger(), latency_p90={"web": (30, 900), "orders": (5, 800), "search": (4, 700), "db": (1, 1), "cart": (2, 2)}
    )
    top = found.hypotheses[0]
    assert (top.cause, str(top.object)) == (Cause.NETWORK_LATENCY, "Node/node-b"), told(found)


def test_retransmissions_make_it_loss() -> None:
    made = larger()
    series: dict[str, Sequence[Series]] = {
        "latency_p90": [
            stepped(30, 900, service="web"),
            stepped(5, 800, service="orders"),
            stepped(4, 700, service="search"),
            stepped(1, 1, service="db"),
            stepped(2, 2, service="cart"),
        ],
        "node_tcp_retransmissions": [stepped(0.0, 40.0, node="node-b"), stepped(0.1, 0.1, node="node-a")],
    }
    top = made.diagnose(series=series).hypotheses[0]
    assert (top.cause, str(top.object)) == (Cause.PACKET_LOSS, "Node/node-b")


def test_a_steady_application_is_well() -> None:
    found = measured(larger(), latency_p90={"web": (30, 32), "orders": (5, 6)}, service_cpu={"web": (0.2, 0.21)})
    assert all(h.confidence < BAR for h in found.hypotheses), told(found)


def test_delay_at_the_entry_slows_all_that_it_calls() -> None:
    found = measured(
        larger(),
        latency_p90={"web": (30, 900), "orders": (5, 800), "search": (4, 700), "db": (1, 1), "cart": (2, 600)},
    )
    top = found.hypotheses[0]
    assert (top.cause, str(top.object)) == (Cause.NETWORK_LATENCY, "Deployment/shop/web"), told(found)


def alerts(name: str, *services: str, **annotations: str) -> tuple[Alert, ...]:
    """One for each service, without figures unless the annotations have them."""
    return tuple(
        Alert(
            fingerprint=f"f{n}",
            status=AlertStatus.FIRING,
            labels={"alertname": name, "namespace": "shop", "service": who},
            annotations=annotations,
            starts_at=ago(seconds=SINCE),
        )
        for n, who in enumerate(services)
    )


class TestWhatAlertsAloneTell:
    """Nothing was measured: an alert's name is all there is."""

    def told_by(self, made: Shop, said: tuple[Alert, ...], **series: Sequence[Series]) -> Diagnosis:
        return diagnose(replace(made.evidence(series=series), alerts=said), incident(), NOW)

    def test_several_that_agree_tell_who_is_slow_but_not_for_sure(self) -> None:
        found = self.told_by(larger(), alerts("LatencyHigh", "web", "orders", "search"))
        top = found.hypotheses[0]
        assert (top.cause, str(top.object)) == (Cause.NETWORK_LATENCY, "Node/node-b"), told(found)
        assert top.confidence < 60

    def test_one_is_a_suspicion(self) -> None:
        found = self.told_by(larger(), alerts("LatencySLOBurn", "orders"))
        assert Cause.NETWORK_LATENCY in {h.cause for h in found.hypotheses}, told(found)
        assert all(h.confidence < BAR for h in found.hypotheses), told(found)

    def test_one_that_says_from_what_to_what_it_rose_has_measured_it(self) -> None:
        found = self.told_by(larger(), alerts("LatencyHigh", "web", "orders", description="p90 30ms -> 900ms"))
        assert found.hypotheses[0].confidence >= 60, told(found)

    @pytest.mark.parametrize("name", ["HighErrorRate", "PaymentFailures", "Http5xxHigh", "CheckoutErrors"])
    def test_one_of_errors_says_nothing_about_the_network(self, name: str) -> None:
        found = self.told_by(larger(), alerts(name, "orders"))
        assert Cause.NETWORK_LATENCY not in {h.cause for h in found.hypotheses}, told(found)

    def test_a_latency_measured_to_be_flat_contradicts_it(self) -> None:
        flat = [stepped(30, 31, service="orders")]
        found = self.told_by(larger(), alerts("LatencySLOBurn", "orders"), latency_p95=flat)
        assert Cause.NETWORK_LATENCY not in {h.cause for h in found.hypotheses}, told(found)


def test_a_counter_is_read_as_what_it_grows_by() -> None:
    end = NOW.timestamp()
    times = [end - 15 * n for n in range(40)][::-1]
    total, points = 0.0, []
    for t in times:
        total += 15 * (0.9 if t >= end - SINCE else 0.05)
        points.append((t, total))
    made = larger()
    labels = {"namespace": "shop", "pod": made.pods["orders"]["metadata"]["name"]}
    series = {"container_cpu_usage_seconds_total": [Series(labels, tuple(points))]}
    top = made.diagnose(series=series).hypotheses[0]
    assert (top.cause, str(top.object)) == (Cause.CPU_SATURATED, "Deployment/shop/orders")


class TestAsGatheredLive:
    """Under the names and labels of ``evidence.surroundings``."""

    def labels(self, style: str, who: str, made: Shop) -> dict[str, str]:
        return {
            "pods": {"namespace": NS, "pod": made.pods[who]["metadata"]["name"]},
            "mesh": {"destination_workload_namespace": NS, "destination_workload": who},
            "linkerd": {"namespace": NS, "deployment": who},
            "ingress": {"exported_namespace": NS, "exported_service": who, "ingress": "shop"},
        }[style]

    @pytest.mark.parametrize("style", ["pods", "mesh", "linkerd", "ingress"])
    def test_delay_is_found_whoever_measures_the_requests(self, style: str) -> None:
        made = larger()
        levels = {"web": (30, 900), "orders": (5, 800), "search": (4, 4), "db": (1, 1), "cart": (2, 2)}
        series = [stepped(low, high, **self.labels(style, who, made)) for who, (low, high) in levels.items()]
        found = made.diagnose(series={"request_latency_milliseconds": series})
        assert (found.hypotheses[0].cause, str(found.hypotheses[0].object)) == (
            Cause.NETWORK_LATENCY,
            "Deployment/shop/orders",
        ), told(found)

    def test_more_requests_than_ever_are_a_surge(self) -> None:
        made = larger()
        pod = self.labels("pods", "orders", made)
        found = made.diagnose(
            series={"pods_cpu_usage": [stepped(0.05, 0.9, **pod)], "request_rate": [stepped(10, 200, **pod)]}
        )
        assert found.hypotheses[0].cause is Cause.TRAFFIC_SURGE, told(found)

    def test_a_busy_node_is_found_by_its_exporter(self) -> None:
        made = larger()
        made.nodes[0]["status"]["addresses"] = [{"type": "InternalIP", "address": "10.0.0.1"}]
        found = made.diagnose(series={"node_cpu_percent": [stepped(30, 97, instance="10.0.0.1:9100")]})
        assert (found.hypotheses[0].cause, str(found.hypotheses[0].object)) == (
            Cause.CPU_SATURATED,
            "Node/node-a",
        ), told(found)


SLOW_ON_B = {"web": (30.0, 900.0), "orders": (5.0, 800.0), "search": (4.0, 4.0), "db": (1.0, 1.0), "cart": (2.0, 2.0)}


class TestWhatExplainsTheSlowness:
    """A delay of the network is what remains when nothing else explains who is slow."""

    @pytest.mark.parametrize("label", ["node", "instance"])
    @pytest.mark.parametrize(
        ("name", "whole"),
        [
            ("node_cpu_utilisation_ratio", 1.0),
            ("node_cpu_usage_ratio", 1.0),
            ("instance:node_cpu_utilisation:rate5m", 1.0),
            ("node_cpu_seconds_rate", 1.0),
            ("node_cpu_percent", 100.0),
        ],
    )
    def test_the_cpu_of_a_node_whatever_it_is_called(self, name: str, whole: float, label: str) -> None:
        series: dict[str, Sequence[Series]] = {
            "latency_p90": [stepped(*levels, service=who) for who, levels in SLOW_ON_B.items()],
            name: [
                stepped(0.35 * whole, 0.985 * whole, **{label: "node-b"}),
                stepped(0.34 * whole, 0.35 * whole, **{label: "node-a"}),
            ],
        }
        found = larger().diagnose(series=series)
        top = found.hypotheses[0]
        assert (top.cause, str(top.object)) == (Cause.CPU_SATURATED, "Node/node-b"), told(found)
        assert all(h.confidence < BAR for h in found.hypotheses if h.cause is Cause.NETWORK_LATENCY), told(found)

    def test_a_node_at_one_per_cent_is_not_busy(self) -> None:
        found = larger().diagnose(series={"node_cpu_percent": [stepped(0.3, 0.99, node="node-b")]})
        assert all(h.confidence < BAR for h in found.hypotheses), told(found)

    def test_a_disk_that_is_busy(self) -> None:
        series: dict[str, Sequence[Series]] = {
            "latency_p90": [stepped(*levels, service=who) for who, levels in SLOW_ON_B.items()],
            "node_disk_io_time_ratio": [stepped(0.15, 0.98, node="node-b"), stepped(0.1, 0.1, node="node-a")],
        }
        found = larger().diagnose(series=series)
        assert found.hypotheses[0].cause is Cause.DISK_SATURATED, told(found)
        assert all(h.confidence < BAR for h in found.hypotheses if h.cause is Cause.NETWORK_LATENCY), told(found)


@pytest.mark.parametrize(("used", "sure"), [(0.33, False), (0.49, True)])
def test_more_cpu_is_no_want_of_it_while_the_limit_is_far(used: float, sure: bool) -> None:
    made = larger()
    limits = {"resources": {"limits": {"cpu": "500m"}}}
    made.pods["orders"]["spec"]["containers"][0].update(limits)
    found = measured(made, service_cpu={"orders": (0.1, used)})
    said = [h for h in found.hypotheses if h.cause is Cause.CPU_SATURATED]
    assert [h.confidence >= BAR for h in said] == [sure], told(found)


def _with_cache() -> Shop:
    """cart and search both keep their sessions in a cache that speaks no HTTP."""
    made = larger()
    made.add("sessions", tier("sessions", "redis:7", 6379), 6379)
    for name in ("cart", "search"):
        made.pods[name]["spec"]["containers"][0].setdefault("env", []).append(
            {"name": "REDIS_ADDR", "value": "sessions:6379"}
        )
    return made


@pytest.mark.parametrize("of_cache", [{}, {"sessions": (0.0, 0.0)}])
def test_delay_at_what_nobody_measures_slows_all_who_call_it(of_cache: dict[str, tuple[float, float]]) -> None:
    found = measured(
        _with_cache(),
        service_cpu=dict.fromkeys(("web", "orders", "cart", "search", "sessions"), (0.05, 0.05)),
        service_p95_latency={"web": (30, 400), "cart": (5, 300), "search": (4, 310), "orders": (5, 5), **of_cache},
    )
    assert found.hypotheses[0].cause is Cause.NETWORK_LATENCY, told(found)
    assert str(found.hypotheses[0].object) == "Deployment/shop/sessions", told(found)


def test_who_alone_is_slow_is_blamed_before_a_cache_behind_it_that_nobody_measures() -> None:
    found = measured(
        _with_cache(),
        service_cpu=dict.fromkeys(("web", "orders", "cart", "search", "sessions"), (0.05, 0.05)),
        service_p95_latency={"web": (30, 400), "cart": (5, 300), "search": (4, 4), "orders": (5, 5)},
    )
    assert str(found.hypotheses[0].object) == "Deployment/shop/cart", told(found)
