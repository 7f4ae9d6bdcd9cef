"""What is asked of Prometheus about a namespace: its own tool evaluates every query over the exporters' names."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from incident_commander.evidence.surroundings import MOST_NODES, around
from incident_commander.ports import Query
from incident_commander.rehearsal.prometheus.syntax import parse
from tests.rules import promtool
from tests.unit.diagnosis.builders import NS, merged, node

NODE = merged(node(), {"status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]}})
POD = f'namespace="{NS}",pod="web-1"'
MESH = f'destination_workload_namespace="{NS}",destination_workload="web",reporter="destination"'
LINKERD = f'namespace="{NS}",deployment="web",direction="inbound"'
INGRESS = f'exported_namespace="{NS}",exported_service="web",ingress="shop",namespace="ingress-nginx"'

TIMERS = {
    "http_request_duration_seconds": (POD, 0.25),
    "http_server_request_duration_seconds": (POD, 0.25),
    "http_server_requests_seconds": (POD, 0.25),
    "flask_http_request_duration_seconds": (POD, 0.25),
    "grpc_server_handling_seconds": (POD, 0.25),
    "istio_request_duration_milliseconds": (MESH, 250),
    "response_latency_ms": (LINKERD, 250),
    "nginx_ingress_controller_request_duration_seconds": (INGRESS, 0.25),
    "envoy_http_downstream_rq_time": (POD, 250),
}
COUNTERS = {
    "http_requests_total by code": ("http_requests_total", POD, 'code="200"', 'code="503"'),
    "http_requests_total by status": ("http_requests_total", POD, 'status="200"', 'status="500"'),
    "http_request_duration_seconds by status_code": (
        "http_request_duration_seconds_count",
        POD,
        'status_code="200"',
        'status_code="500"',
    ),
    "http_request_duration_seconds by code": (
        "http_request_duration_seconds_count",
        POD,
        'code="200"',
        'code="500"',
    ),
    "Flask": ("flask_http_request_total", POD, 'status="200"', 'status="500"'),
    "prometheus-net": ("http_requests_received_total", POD, 'code="200"', 'code="500"'),
    "Envoy": (
        "envoy_http_downstream_rq_xx",
        POD,
        'envoy_response_code_class="2"',
        'envoy_response_code_class="5"',
    ),
    "Micrometer": ("http_server_requests_seconds_count", POD, 'status="200"', 'status="500"'),
    "OpenTelemetry": (
        "http_server_request_duration_seconds_count",
        POD,
        'http_response_status_code="200"',
        'http_response_status_code="502"',
    ),
    "gRPC": ("grpc_server_handled_total", POD, 'grpc_code="NotFound"', 'grpc_code="Unavailable"'),
    "Istio": ("istio_requests_total", MESH, 'response_code="200"', 'response_code="503"'),
    "Linkerd": ("response_total", LINKERD, 'classification="success"', 'classification="failure"'),
    "ingress-nginx": ("nginx_ingress_controller_requests", INGRESS, 'status="200"', 'status="504"'),
}


_OTHER = {"labels": "nothing_of_that_name", "value": -1}
"""Expected in vain, so that the tool tells what it got."""


def query(name: str) -> Query:
    return next(q for q in around(NS, [NODE]) if q.name == name)


def evaluated(promql: str, given: dict[str, str], tmp_path: Path) -> list[float]:
    """The values at 30 minutes, of series that are written as ``promtool test rules`` takes them."""
    program = promtool.required()
    test = {
        "rule_files": [],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": series, "values": values} for series, values in given.items()],
                "promql_expr_test": [{"expr": promql, "eval_time": "30m", "exp_samples": [_OTHER]}],
            }
        ],
    }
    (tmp_path / "test.yaml").write_text(json.dumps(test))
    done = subprocess.run([program, "test", "rules", "test.yaml"], cwd=tmp_path, capture_output=True, text=True)
    said = done.stdout + done.stderr
    got = re.search(r"got:?\s*(.*)", said, re.DOTALL)
    assert got is not None, said
    return [float(value) for value in re.findall(r"\}\s+([0-9.eE+-]+)", got[1])]


@pytest.mark.parametrize("name", TIMERS)
def test_latency_is_the_mean_in_milliseconds_whatever_the_library(name: str, tmp_path: Path) -> None:
    labels, took = TIMERS[name]
    given = {f"{name}_sum{{{labels}}}": f"0+{took * 60}x40", f"{name}_count{{{labels}}}": "0+60x40"}
    assert evaluated(query("request_latency_milliseconds").promql, given, tmp_path) == [pytest.approx(250)]


@pytest.mark.parametrize("name", COUNTERS)
def test_errors_are_a_share_of_requests(name: str, tmp_path: Path) -> None:
    metric, labels, well, failed = COUNTERS[name]
    given = {f"{metric}{{{labels},{well}}}": "0+45x40", f"{metric}{{{labels},{failed}}}": "0+15x40"}
    assert evaluated(query("request_error_ratio").promql, given, tmp_path) == [pytest.approx(0.25)]
    assert evaluated(query("request_rate").promql, given, tmp_path) == [pytest.approx(1.0)]


@pytest.mark.parametrize("name", COUNTERS)
def test_before_the_first_failure_the_share_is_nought_and_not_unknown(name: str, tmp_path: Path) -> None:
    metric, labels, well, _ = COUNTERS[name]
    assert evaluated(query("request_error_ratio").promql, {f"{metric}{{{labels},{well}}}": "0+45x40"}, tmp_path) == [0]


def test_of_a_counter_without_an_outcome_nothing_is_known_and_another_one_is_asked(tmp_path: Path) -> None:
    plain = {f"http_requests_total{{{POD}}}": "0+60x40", f'x{{namespace="{NS}"}}': "7x40"}
    assert evaluated(f"({query('request_error_ratio').promql}) or x", plain, tmp_path) == [7]
    given = plain | {
        f'http_request_duration_seconds_count{{{POD},status_code="200"}}': "0+45x40",
        f'http_request_duration_seconds_count{{{POD},status_code="500"}}': "0+15x40",
    }
    assert evaluated(query("request_error_ratio").promql, given, tmp_path) == [pytest.approx(0.25)]


@pytest.mark.parametrize(
    "series",
    [
        f'rabbitmq_queue_messages{{{POD},queue="mail",vhost="/"}}',
        f"rabbitmq_queue_messages{{{POD}}}",
        f'rabbitmq_detailed_queue_messages{{{POD},queue="mail",vhost="/"}}',
        f'kafka_consumergroup_lag{{{POD},consumergroup="mailer",topic="mail",partition="0"}}',
        f'kafka_consumergroup_group_lag{{{POD},group="mailer",topic="mail",partition="0"}}',
    ],
)
def test_what_waits_is_counted_by_queue(series: str, tmp_path: Path) -> None:
    assert evaluated(query("queue_messages").promql, {series: "0+1x40"}, tmp_path) == [30]


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("pods_cpu_usage", {f'container_cpu_usage_seconds_total{{{POD},container="web"}}': "0+30x40"}, 0.5),
        (
            "pods_cpu_throttled",
            {
                f'container_cpu_cfs_throttled_periods_total{{{POD},container="web"}}': "0+300x40",
                f'container_cpu_cfs_periods_total{{{POD},container="web"}}': "0+600x40",
            },
            0.5,
        ),
        (
            "pods_packets_dropped",
            {
                f'container_network_{way}_packets_dropped_total{{{POD},interface="eth0"}}': "0+60x40"
                for way in ("receive", "transmit")
            },
            2,
        ),
        ("node_cpu_percent", {'node_cpu_seconds_total{instance="10.0.0.1:9100",mode="idle",cpu="0"}': "0+15x40"}, 75),
        ("node_disk_busy", {'node_disk_io_time_seconds_total{instance="node-a",device="sda"}': "0+54x40"}, 0.9),
        ("node_tcp_retransmissions", {'node_netstat_Tcp_RetransSegs{instance="10.0.0.1:9100"}': "0+120x40"}, 2),
    ],
)
def test_who_is_short_of_what(name: str, given: dict[str, str], expected: float, tmp_path: Path) -> None:
    assert evaluated(query(name).promql, given, tmp_path) == [pytest.approx(expected)]


def test_another_namespace_and_another_node_are_left_out(tmp_path: Path) -> None:
    other = POD.replace(NS, "other")
    given = {f"http_requests_total{{{other}}}": "0+60x40", f'x{{namespace="{NS}"}}': "1x40"}
    assert evaluated(f"({query('request_rate').promql}) or x", given, tmp_path) == [1]
    given = {'node_netstat_Tcp_RetransSegs{instance="10.0.0.10:9100"}': "0+120x40", "x": "1x40"}
    assert evaluated(f"({query('node_tcp_retransmissions').promql}) or x", given, tmp_path) == [1]


def test_the_queries_are_few_and_none_asks_for_all_nodes_of_a_large_cluster() -> None:
    nodes = [node(f"node-{n}") for n in range(500)]
    found = list(around(NS, nodes))
    assert len(found) == 10
    assert all(q.promql.count("node\\\\-") <= MOST_NODES for q in found)
    assert len(list(around(NS, []))) == 7


def test_the_rehearsal_understands_them_all() -> None:
    for one in around(NS, [NODE]):
        parse(one.promql)
