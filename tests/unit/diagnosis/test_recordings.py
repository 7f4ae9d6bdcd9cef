"""Exporters' metrics become milliseconds, rates, shares and cores. The series are generated (see ``exporters``)."""

import pytest

from incident_agents.diagnosis.measures import Measure, milliseconds
from incident_agents.diagnosis.recordings import readings
from incident_commander.ports import Series
from tests.unit.diagnosis import exporters
from tests.unit.diagnosis.exporters import Load, Recorded, counter, gauge, together


def of(labels: object) -> str:
    """Everything is about one subject, or about the node that its labels name."""
    assert hasattr(labels, "get")
    return f"Node/{labels.get('instance')}" if labels.get("instance") else "Deployment/shop/web"


def levels(recorded: Recorded, measure: Measure) -> tuple[float, float]:
    """Before and after, of the only reading of that measure."""
    made, _ = readings(recorded, of)
    found = [r for r in made if r.measure is measure]
    assert len(found) == 1, found
    points = found[0].points
    return points[5][1], points[-3][1]


SLOW = Load("web-1", latency=(40, 900), rate=(20, 10), errors=(0.0, 0.25))


@pytest.mark.parametrize(
    "exporter",
    [exporters.micrometer, exporters.grpc, exporters.istio, exporters.opentelemetry],
    ids=lambda e: e.__name__,
)
def test_the_mean_of_a_histogram_is_told_in_milliseconds(exporter: object) -> None:
    assert callable(exporter)
    assert levels(exporter("web", SLOW), Measure.LATENCY) == pytest.approx((40, 900), rel=0.05)


def test_buckets_alone_give_a_quantile() -> None:
    before, after = levels(exporters.only("buckets", exporters.micrometer)("web", SLOW), Measure.LATENCY)
    assert 80 < before < 110  # nine tenths of what is spread exponentially around 40: 92
    assert 1800 < after < 2400  # and around 900: 2072


def test_of_a_summary_the_quantile_next_to_nine_tenths_counts() -> None:
    assert levels(exporters.summary("web", SLOW), Measure.LATENCY) == pytest.approx((92, 2070), rel=0.05)


@pytest.mark.parametrize("exporter", [exporters.grpc, exporters.istio], ids=lambda e: e.__name__)
def test_failures_are_a_share_of_the_requests(exporter: object) -> None:
    assert callable(exporter)
    recorded = exporter("web", SLOW)
    counters = {name: s for name, s in recorded.items() if name.endswith("_total")}
    assert levels(counters, Measure.ERRORS) == pytest.approx((0, 0.25), rel=0.05)


def test_requests_that_both_sides_of_a_mesh_report_count_once() -> None:
    recorded = {"istio_requests_total": exporters.istio("web", SLOW)["istio_requests_total"]}
    assert levels(recorded, Measure.REQUESTS) == pytest.approx((20, 10), rel=0.05)


def test_a_call_that_went_well_is_no_failure_though_its_code_is_0() -> None:
    by_number = {"rpc_server_requests_total": [counter((10, 10), rpc_grpc_status_code="0")]}
    assert levels(by_number, Measure.ERRORS) == (0, 0)


def test_the_container_counts_and_not_its_pod_as_well() -> None:
    load = Load("web-1", cpu=(0.1, 0.5), throttled=(0.0, 0.6))
    recorded = exporters.cadvisor("web", load)
    assert levels(recorded, Measure.CPU) == pytest.approx((0.1, 0.5), rel=0.05)
    assert levels(recorded, Measure.THROTTLING) == pytest.approx((0, 0.6), rel=0.05)


def test_more_periods_are_not_more_throttling() -> None:
    busier = exporters.cadvisor("web", Load("web-1", cpu=(0.01, 0.1)))
    assert levels(busier, Measure.THROTTLING) == (0, 0)
    del busier["container_cpu_cfs_throttled_periods_total"]
    made, used = readings(busier, of)
    assert not [r for r in made if r.measure is Measure.THROTTLING]
    assert "container_cpu_cfs_periods_total" in used


def test_a_node_is_busy_by_what_is_not_idle() -> None:
    recorded = exporters.node_exporter("node-a", cpu=(20, 97), disk=(0.1, 0.95), again=(0, 30))
    assert levels({"node_cpu_seconds_total": recorded["node_cpu_seconds_total"]}, Measure.CPU) == pytest.approx(
        (20, 97), abs=3
    )
    del recorded["node_cpu_seconds_total"]
    assert levels(recorded, Measure.DISK) == pytest.approx((0.1, 0.95), rel=0.05)
    assert levels(recorded, Measure.RETRANSMISSIONS) == pytest.approx((0, 30), rel=0.05)


def test_a_rate_that_is_called_like_a_counter_is_left_alone() -> None:
    made, used = readings({"service_requests": [gauge((10, 20))]}, of)
    assert not made
    assert not used


@pytest.mark.parametrize("name", ["rest_client_request_duration_seconds", "http_client_requests_seconds"])
def test_what_a_workload_waits_for_itself_is_not_how_it_answers(name: str) -> None:
    made, _ = readings({f"{name}_sum": [counter((1, 9))], f"{name}_count": [counter((1, 1))]}, of)
    assert not made


def test_metrics_in_one_answer_are_told_apart_by_their_names() -> None:
    parts = exporters.only("means", exporters.micrometer)("web", SLOW)
    answer = [Series({**s.labels, "__name__": name}, s.points) for name, group in parts.items() for s in group]
    made, used = readings({"everything": answer}, of)
    assert {r.measure for r in made} == {Measure.LATENCY, Measure.REQUESTS, Measure.ERRORS}
    assert used == set(parts)
    assert {r.name for r in made} == {"everything"}


@pytest.mark.parametrize(
    ("name", "factor"),
    [
        ("http_server_requests_seconds", 1000),
        ("istio_request_duration_milliseconds", 1),
        ("response_latency_ms", 1),
        ("rpc_duration_us", 0.001),
        ("http_server_duration", None),
    ],
)
def test_the_unit_stands_in_the_name(name: str, factor: float | None) -> None:
    assert milliseconds(name) == factor


def test_without_a_unit_the_bounds_of_the_buckets_tell() -> None:
    renamed = {
        name.replace("_seconds", ""): group
        for name, group in exporters.only("buckets", exporters.opentelemetry)("web", SLOW).items()
    }
    before, _ = levels(renamed, Measure.LATENCY)
    assert 80 < before < 110


def test_two_pods_are_summed_for_requests() -> None:
    both = together(
        exporters.only("means", exporters.micrometer)("web", SLOW),
        exporters.only("means", exporters.micrometer)("web", Load("web-2", rate=(20, 10))),
    )
    assert levels(both, Measure.REQUESTS) == pytest.approx((40, 20), rel=0.05)
