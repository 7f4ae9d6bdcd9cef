"""Performance faults, told by whatever metrics there are: each set of names alone, and several together.

The series are generated (see ``exporters``): the names, labels and units are the exporters', the figures are made up.
"""

from collections.abc import Callable

import pytest

from incident_agents.diagnosis.ranking import BAR
from incident_commander.api.causes import Cause
from incident_commander.api.statement import CitationKind, Diagnosis
from incident_commander.evidence import citing
from tests.unit.diagnosis import exporters
from tests.unit.diagnosis.builders import told
from tests.unit.diagnosis.exporters import Load, Recorded, cadvisor, node_exporter, only, together
from tests.unit.diagnosis.shop import Shop
from tests.unit.diagnosis.test_network import larger

Exporter = Callable[[str, Load], Recorded]

REQUESTS: dict[str, Exporter] = {
    "micrometer": exporters.micrometer,
    "only buckets": only("buckets", exporters.micrometer),
    "only means": only("means", exporters.grpc),
    "grpc": exporters.grpc,
    "istio": exporters.istio,
    "opentelemetry": exporters.opentelemetry,
    "summary": exporters.summary,
}
by_requests = pytest.mark.parametrize("exporter", REQUESTS.values(), ids=REQUESTS.keys())


def recorded(made: Shop, exporter: Exporter, **loads: Load) -> Recorded:
    """One exporter's series of every service; of those that are not named nothing changes."""
    return together(
        *(
            exporter(name, loads.get(name, Load(pod["metadata"]["name"], latency=(15, 15))))
            for name, pod in made.pods.items()
        )
    )


def load(made: Shop, name: str, **levels: tuple[float, float]) -> Load:
    return Load(made.pods[name]["metadata"]["name"], **levels)


def top(found: Diagnosis) -> tuple[Cause, str]:
    best = found.hypotheses[0]
    assert best.confidence >= BAR, told(found)
    return best.cause, str(best.object)


def delayed(made: Shop) -> dict[str, Load]:
    return {
        "orders": load(made, "orders", latency=(12, 800)),
        "web": load(made, "web", latency=(30, 900)),
    }


@by_requests
def test_delay_at_a_workload(exporter: Exporter) -> None:
    made = larger()
    found = made.diagnose(series=recorded(made, exporter, **delayed(made)))
    assert top(found) == (Cause.NETWORK_LATENCY, "Deployment/shop/orders"), told(found)


@by_requests
def test_delay_is_less_sure_where_nobody_measures_cpu(exporter: Exporter) -> None:
    made = larger()
    requests = recorded(made, exporter, **delayed(made))
    alone = made.diagnose(series=requests).hypotheses[0]
    with_cpu = made.diagnose(series=together(requests, recorded(made, cadvisor))).hypotheses[0]
    assert alone.cause is with_cpu.cause is Cause.NETWORK_LATENCY
    assert alone.confidence < with_cpu.confidence
    assert "CPU is not measured" in alone.summary


@by_requests
def test_a_workload_short_of_cpu_is_not_held_up_by_the_network(exporter: Exporter) -> None:
    made = larger()
    loads = delayed(made) | {"orders": load(made, "orders", latency=(12, 800), cpu=(0.05, 0.5), throttled=(0, 0.7))}
    found = made.diagnose(series=together(recorded(made, exporter, **loads), recorded(made, cadvisor, **loads)))
    assert top(found) == (Cause.CPU_SATURATED, "Deployment/shop/orders"), told(found)


def test_cadvisor_alone_shows_who_is_short_of_cpu() -> None:
    made = larger()
    busy = load(made, "orders", cpu=(0.05, 0.5), throttled=(0, 0.7))
    found = made.diagnose(series=recorded(made, cadvisor, orders=busy))
    assert top(found) == (Cause.CPU_SATURATED, "Deployment/shop/orders"), told(found)
    assert found.hypotheses[0].confidence >= 80


@by_requests
def test_more_requests_explain_more_cpu(exporter: Exporter) -> None:
    made = larger()
    loads = {"orders": load(made, "orders", rate=(10, 100), cpu=(0.05, 0.5), latency=(12, 60))}
    found = made.diagnose(series=together(recorded(made, exporter, **loads), recorded(made, cadvisor, **loads)))
    assert top(found) == (Cause.TRAFFIC_SURGE, "Deployment/shop/orders"), told(found)


@by_requests
def test_lost_packets_at_a_node(exporter: Exporter) -> None:
    """Who is called on node-b from elsewhere is slow, and the node sends much again."""
    made = larger()
    loads = delayed(made) | {"search": load(made, "search", latency=(10, 700))}
    nodes = together(node_exporter("node-a"), node_exporter("node-b", again=(0, 40)))
    found = made.diagnose(series=together(recorded(made, exporter, **loads), nodes))
    assert top(found) == (Cause.PACKET_LOSS, "Node/node-b"), told(found)


@pytest.mark.parametrize(
    ("levels", "cause"),
    [({"cpu": (20, 97)}, Cause.CPU_SATURATED), ({"disk": (0.1, 0.97)}, Cause.DISK_SATURATED)],
    ids=["cpu", "disk"],
)
def test_node_exporter_alone_shows_a_node_that_is_busy(levels: dict[str, tuple[float, float]], cause: Cause) -> None:
    made = larger()
    found = made.diagnose(series=together(node_exporter("node-a"), node_exporter("node-b", **levels)))
    assert top(found) == (cause, "Node/node-b"), told(found)


@pytest.mark.parametrize(
    "exporter",
    [*REQUESTS.values(), cadvisor, lambda _, __: node_exporter("node-a")],
    ids=[*REQUESTS, "cadvisor", "nodes"],
)
def test_steady_metrics_of_any_exporter_are_no_finding(exporter: Exporter) -> None:
    made = larger()
    found = made.diagnose(series=recorded(made, exporter))
    assert all(h.confidence < BAR for h in found.hypotheses), told(found)


@by_requests
def test_what_is_cited_is_a_series_that_was_recorded(exporter: Exporter) -> None:
    made = larger()
    series = recorded(made, exporter, **delayed(made))
    cited = [c for c in made.diagnose(series=series).hypotheses[0].evidence if c.kind is CitationKind.METRIC]
    assert cited
    for one in cited:
        known = [citing.of_series(one.path, s, "").ref for s in series[one.path]]
        assert one.ref in known
