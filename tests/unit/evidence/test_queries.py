"""Named queries: what a real Prometheus is asked."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_commander.api.meta import TargetRef
from incident_commander.evidence import queries
from incident_commander.ports import Query
from incident_commander.rehearsal.prometheus.syntax import parse

WEB = TargetRef(api_version="apps/v1", kind="Deployment", namespace="shop", name="web")


def test_a_workload_is_asked_for_by_the_names_that_its_pods_get() -> None:
    query = queries.memory_working_set(WEB)
    assert query.promql == (
        'container_memory_working_set_bytes{namespace="shop",pod=~"web-[a-z0-9]{1,10}-[a-z0-9]{5}",'
        'container!="",container!="POD"}'
    )
    assert dict(query.params) == {"namespace": "shop", "kind": "Deployment", "name": "web"}
    assert query.unit == "bytes"


@pytest.mark.parametrize(
    ("kind", "name", "pod", "other"),
    [
        ("Deployment", "web", "web-6d4b75cb6d-abcde", "web-admin-6d4b75cb6d-abcde"),
        ("StatefulSet", "db", "db-0", "db-0-x"),
        ("DaemonSet", "agent", "agent-x7k2p", "agent-x7k2p-x7k2p"),
        ("Job", "import", "import-x7k2p", "import-more-x7k2p"),
        ("Job", "import", "import-3-x7k2p", "import-a-x7k2p"),
        ("CronJob", "report", "report-29012345-x7k2p", "report-x7k2p"),
        ("Pod", "a.b", "a.b", "axb"),
        ("Deployment", "w" * 60, f"{'w' * 46}wwwwwwwwwwwwabcde", "v" * 60),
    ],
)
def test_the_pattern_has_the_pods_of_the_workload_and_of_no_other(kind: str, name: str, pod: str, other: str) -> None:
    pattern = queries.pod_pattern(kind, name)
    assert re.fullmatch(pattern, pod)
    assert not re.fullmatch(pattern, other)


@given(st.text(max_size=50))
def test_a_label_value_cannot_leave_its_quotes(text: str) -> None:
    selector = queries.equals("pod", text)
    body = selector.removeprefix('pod="')[:-1]
    assert re.fullmatch(r'(?:[^"\\\n]|\\.)*', body)
    assert body.replace("\\n", "\n").replace("\\r", "\r").replace('\\"', '"').count('"') >= text.count('"')


def test_an_alert_is_asked_for_by_what_identifies_it_without_external_labels() -> None:
    labels = {
        "alertname": "KubePodCrashLooping",
        "namespace": "shop",
        "pod": "web-6d4b75cb6d-abcde",
        "severity": "warning",
        "prometheus": "monitoring/k8s",
        "cluster": "eu-1",
    }
    query = queries.alert(labels)
    assert query.promql == 'ALERTS{alertname="KubePodCrashLooping",namespace="shop",pod="web-6d4b75cb6d-abcde"}'


def test_a_replaced_pod_with_the_same_trouble_still_counts_for_its_workload() -> None:
    labels = {"alertname": "KubePodCrashLooping", "namespace": "shop", "pod": "web-6d4b75cb6d-abcde"}
    promql = queries.alert(labels, WEB).promql
    assert 'pod=~"web-[a-z0-9]{1,10}-[a-z0-9]{5}"' in promql
    assert "abcde" not in promql


def test_throttling_is_a_ratio_of_increases_over_one_window() -> None:
    query = queries.cpu_throttled(WEB, "web", 120)
    assert query.promql.count("[120s]") == 2
    assert query.promql.count('container="web"') == 2
    assert query.params["window"] == "120"


def test_all_claims_of_a_namespace_can_be_asked_at_once() -> None:
    assert queries.volume_used("shop").promql == 'kubelet_volume_stats_used_bytes{namespace="shop"}'
    assert queries.volume_used("shop", "data").params["persistentvolumeclaim"] == "data"


NASTY = TargetRef(api_version="apps/v1", kind="Deployment", namespace="shop", name='we"b\\{x}\n')

EVERY_QUERY = [
    *(
        ask(target)
        for target in (WEB, NASTY)
        for ask in (
            queries.memory_working_set,
            queries.memory_limit,
            queries.cpu_limit,
            queries.cpu_usage,
            queries.cpu_throttled,
            queries.restarts,
            queries.replicas_desired,
            queries.replicas_available,
            queries.sample_age,
        )
    ),
    *(
        ask("shop", "web")
        for ask in (queries.hpa_current_replicas, queries.hpa_desired_replicas, queries.hpa_max_replicas)
    ),
    *(ask("shop") for ask in (queries.volume_used, queries.volume_capacity, queries.volume_used_ratio)),
    queries.volume_inodes_ratio("shop", "data"),
    queries.node_conditions('node"a'),
    queries.alert({"alertname": 'a"b', "pod": "x"}, NASTY),
    queries.sources_up(),
]


@pytest.mark.parametrize("query", EVERY_QUERY, ids=lambda query: query.name)
def test_every_query_is_well_formed_whatever_stands_in_names(query: Query) -> None:
    assert parse(query.promql)
    assert query.unit
