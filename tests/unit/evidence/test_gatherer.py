"""Gathering: everything that may be read, within bounds, and a named gap for the rest."""

import json

import pytest

from incident_commander.api import kinds
from incident_commander.api.meta import TargetRef
from incident_commander.errors import Forbidden, LogsUnavailable, MetricsUnavailable, Unavailable
from incident_commander.evidence.evidence import target_of
from incident_commander.evidence.gatherer import gather
from incident_commander.evidence.scope import FULL, Limits, Scope, polling
from incident_commander.ports import Object, Series
from tests.unit.diagnosis.builders import (
    NS,
    crash_looping,
    deployment,
    event,
    merged,
    meta,
    node,
    pod,
    replica_set,
    running,
    service,
)
from tests.unit.evidence.fakes import FakeClock, FakeCluster, FakeMetrics

WEB = deployment(ready=1)
RS = replica_set(WEB, "6d4b75cb6d", ready=1)
SICK, WELL = pod(RS, "abcde", crash_looping()), pod(RS, "fghij", running())
TARGET = target_of(WEB)


async def test_objects_logs_and_metrics_of_the_target_are_gathered() -> None:
    cluster = FakeCluster(
        WEB,
        RS,
        SICK,
        WELL,
        node(),
        logs={(SICK["metadata"]["name"], "web", True): "boot\n\x1b[31mpanic: no rate\x1b[0m\n"},
    )
    metrics = FakeMetrics()
    found = await gather(TARGET, cluster=cluster, metrics=metrics, clock=FakeClock(), namespace=NS)
    assert found.find(kinds.DEPLOYMENT, NS, "web") is not None
    assert len(found.of(kinds.POD)) == 2
    assert [log.lines for log in found.logs if log.previous] == [("boot", "panic: no rate")]
    assert "container_memory_working_set" in found.metrics
    assert found.gaps == ()


async def test_secrets_are_never_asked_for_and_values_of_config_maps_are_not_kept() -> None:
    config: Object = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": meta("conf") | {"managedFields": [{"manager": "kubectl", "fieldsV1": {"f:data": {}}}]},
        "data": {"PASSWORD": "hunter2hunter2", "STORE": "http://store:6379", "ELSEWHERE": "db.example.com:5432"},
        "binaryData": {"key.pem": "c2VjcmV0"},
    }
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": meta("s"), "data": {"a": "c2VjcmV0"}}
    cluster = FakeCluster(WEB, config, secret, service("store", {"app": "store"}))
    found = await gather(TARGET, cluster=cluster, metrics=None, clock=FakeClock(), namespace=NS)
    assert not any("secret" in call for call in cluster.calls)
    kept = found.of(kinds.CONFIG_MAP)[0]
    assert kept["data"].keys() == config["data"].keys()
    assert kept["data"]["STORE"] == "http://store:6379"
    assert all(kept["data"][key].startswith("sha256:") for key in ("PASSWORD", "ELSEWHERE"))
    assert "hunter2" not in json.dumps(found.objects)
    assert "c2VjcmV0" not in json.dumps(found.objects)
    assert kept["metadata"]["managedFields"] == [{"manager": "kubectl"}]


async def test_a_refused_kind_is_a_gap_and_absent_and_everything_else_is_there() -> None:
    cluster = FakeCluster(
        WEB, SICK, refuse={kinds.NODE: Forbidden("nodes is forbidden"), kinds.EVENT: Unavailable("503")}
    )
    found = await gather(TARGET, cluster=cluster, metrics=FakeMetrics(), clock=FakeClock(), namespace=NS)
    assert not found.asked(kinds.NODE)
    assert found.asked(kinds.POD)
    assert any(gap.startswith("nodes: Forbidden") for gap in found.gaps)
    assert any(gap.startswith("events in shop, ") and "ServiceUnavailable: 503" in gap for gap in found.gaps)


async def test_all_that_one_user_may_not_do_is_one_gap() -> None:
    said = '{0} is forbidden: User "ann" cannot list resource "{0}" in API group "" in the namespace "shop"'
    refuse = {kind: Forbidden(said.format(kind.plural)) for kind in (kinds.SERVICE, kinds.EVENT, kinds.NODE)}
    found = await gather(TARGET, cluster=FakeCluster(WEB, refuse=refuse), metrics=None, clock=FakeClock(), namespace=NS)
    (gap,) = [gap for gap in found.gaps if "Forbidden" in gap]
    assert gap.endswith(": Forbidden: user ann may not list this")
    assert all(name in gap for name in ("services in shop", "events in shop", "nodes"))


async def test_what_does_not_answer_in_time_is_a_gap() -> None:
    cluster = FakeCluster(WEB, SICK, hang=[kinds.REPLICA_SET])
    limits = Limits(seconds=0.05)
    found = await gather(TARGET, cluster=cluster, metrics=None, clock=FakeClock(), namespace=NS, limits=limits)
    assert any(gap.startswith("replicasets.apps in shop") and "no answer within 0.05 s" in gap for gap in found.gaps)
    assert found.asked(kinds.DEPLOYMENT)


async def test_a_slow_clock_of_a_rehearsal_ends_gathering_as_well() -> None:
    cluster = FakeCluster(WEB, SICK)
    found = await gather(TARGET, cluster=cluster, metrics=None, clock=FakeClock(step=4), namespace=NS)
    assert len(cluster.calls) <= 3
    assert any("the 10 s for gathering are over" in gap for gap in found.gaps)


async def test_logs_and_metrics_that_are_refused_are_gaps() -> None:
    name = SICK["metadata"]["name"]
    cluster = FakeCluster(WEB, RS, SICK, logs={(name, "web", True): LogsUnavailable("previous container not found")})
    metrics = FakeMetrics({"container_cpu_usage": MetricsUnavailable("connection refused")})
    found = await gather(TARGET, cluster=cluster, metrics=metrics, clock=FakeClock(), namespace=NS)
    assert f"log of shop/{name}/web (previous): previous container not found" in found.gaps
    assert "query container_cpu_usage: connection refused" in found.gaps
    assert "container_cpu_usage" not in found.metrics
    assert "container_memory_working_set" in found.metrics


async def test_without_a_prometheus_that_is_one_gap() -> None:
    found = await gather(TARGET, cluster=FakeCluster(WEB), metrics=None, clock=FakeClock(), namespace=NS)
    assert [gap for gap in found.gaps if gap.startswith("metrics")] == ["metrics: no Prometheus is configured"]


async def test_too_many_objects_are_cut_with_the_targets_and_the_sick_ones_kept() -> None:
    other = deployment("other")
    other_rs = replica_set(other, "5b5c9d7f6c")
    crowd: list[Object] = [pod(other_rs, f"p{n:04}", running("other")) for n in range(60)]
    cluster = FakeCluster(WEB, RS, *crowd, SICK)
    found = await gather(
        TARGET, cluster=cluster, metrics=None, clock=FakeClock(), namespace=NS, limits=Limits(objects_per_kind=10)
    )
    names = [p["metadata"]["name"] for p in found.of(kinds.POD)]
    assert len(names) == 10
    assert SICK["metadata"]["name"] in names
    assert any(gap.startswith("pods: 10 of 61") for gap in found.gaps)


async def test_bytes_calls_and_concurrency_are_bounded() -> None:
    crowd = [pod(RS, f"p{n:04}", crash_looping()) for n in range(100)]
    cluster = FakeCluster(WEB, RS, *crowd)
    limits = Limits(bytes=40_000, calls=24, concurrency=3)
    found = await gather(TARGET, cluster=cluster, metrics=FakeMetrics(), clock=FakeClock(), namespace=NS, limits=limits)
    assert len(json.dumps(found.objects)) < 60_000
    assert len(cluster.calls) <= 24
    assert cluster.most_running <= 3
    assert len(found.gaps) <= limits.gaps + 1
    assert any("bound of 24 calls" in gap for gap in found.gaps)


async def test_polling_reads_the_target_and_its_pods_only() -> None:
    cluster = FakeCluster(WEB, RS, SICK, WELL)
    metrics = FakeMetrics()
    found = await gather(
        TARGET, cluster=cluster, metrics=metrics, clock=FakeClock(), namespace=NS, scope=polling(TARGET)
    )
    assert set(found.objects) == {"deployments.apps", "replicasets.apps", "pods"}
    assert found.logs == ()
    assert metrics.asked == []


async def test_pods_of_a_node_are_gathered_across_namespaces() -> None:
    target = TargetRef(api_version="v1", kind="Node", name="node-a")
    cluster = FakeCluster(node(), SICK)
    await gather(target, cluster=cluster, metrics=None, clock=FakeClock(), namespace="incident-commander")
    assert "list pods None spec.nodeName=node-a" in cluster.calls


async def test_broken_objects_are_left_out_and_counted() -> None:
    broken: list[Object] = [{"kind": "Pod", "metadata": {"name": 7, "namespace": NS}}]
    found = await gather(TARGET, cluster=FakeCluster(WEB, SICK, *broken), metrics=None, clock=FakeClock(), namespace=NS)
    assert len(found.of(kinds.POD)) == 1
    assert any(gap == "pods: 1 are not well-formed objects" for gap in found.gaps)


async def test_events_of_nodes_come_from_the_namespace_in_which_the_kubelet_writes_them() -> None:
    about_node = event(node(), "NodeNotReady", "Node node-a status is now: NodeNotReady")
    about_node["metadata"]["namespace"] = "default"
    found = await gather(TARGET, cluster=FakeCluster(WEB, about_node), metrics=None, clock=FakeClock(), namespace=NS)
    assert [e["reason"] for e in found.of(kinds.EVENT)] == ["NodeNotReady"]


async def test_the_dns_of_the_cluster_is_gathered_and_is_no_part_of_the_namespace() -> None:
    def in_kube_system(name: str, label: str) -> Object:
        return merged(deployment(name), {"metadata": {"namespace": "kube-system", "labels": {"k8s-app": label}}})

    dns, other = in_kube_system("coredns", "kube-dns"), in_kube_system("metrics-server", "metrics-server")
    cluster = FakeCluster(WEB, dns, other)
    found = await gather(None, cluster=cluster, metrics=None, clock=FakeClock(), namespace=NS)
    assert {o["metadata"]["name"] for o in found.of(kinds.DEPLOYMENT)} == {"web", "coredns"}
    assert found.namespace == NS


async def test_who_may_not_look_into_kube_system_is_told_so() -> None:
    cluster = FakeCluster(WEB, SICK)
    refused = cluster.list

    async def list_(kind: kinds.Kind, namespace: str | None = None, **selectors: str | None) -> list[Object]:
        if namespace == "kube-system":
            raise Forbidden("not there")
        return await refused(kind, namespace, **selectors)

    cluster.list = list_  # type: ignore[method-assign]
    found = await gather(TARGET, cluster=cluster, metrics=FakeMetrics(), clock=FakeClock(), namespace=NS)
    assert len(found.of(kinds.POD)) == 1
    assert any("pods in kube-system" in gap and "Forbidden" in gap for gap in found.gaps)


@pytest.mark.parametrize("kind", [kinds.SECRET])
def test_secrets_are_in_no_scope(kind: kinds.Kind) -> None:
    assert kind not in FULL.kinds


async def test_a_diagnosis_asks_how_requests_fare_around_its_target_and_a_poll_does_not() -> None:
    metrics = FakeMetrics()
    cluster = FakeCluster(WEB, RS, SICK, node())
    found = await gather(TARGET, cluster=cluster, metrics=metrics, clock=FakeClock(), namespace=NS)
    around = {"request_latency_milliseconds", "request_rate", "request_error_ratio", "pods_cpu_usage"}
    around.add("node_cpu_percent")
    assert around <= set(found.series)
    assert 'instance=~"(node\\\\-a)' in found.metrics["node_cpu_percent"].query.promql
    few = Scope((kinds.POD,), logs=False)
    found = await gather(TARGET, cluster=FakeCluster(WEB), metrics=metrics, clock=FakeClock(), namespace=NS, scope=few)
    assert not around & set(found.series)


async def test_of_very_many_series_some_are_kept_and_the_rest_is_a_gap() -> None:
    limits = Limits(series=1)
    three = [Series({"pod": f"web-{n}"}, ((0.0, 1.0),)) for n in range(3)]
    metrics = FakeMetrics({"request_rate": three})
    cluster = FakeCluster(WEB)
    found = await gather(TARGET, cluster=cluster, metrics=metrics, clock=FakeClock(), namespace=NS, limits=limits)
    assert len(found.series["request_rate"]) == 1
    assert any("1 of 3 series were looked at" in gap and "request_rate" in gap for gap in found.gaps)


class TestLogsOfALiveCluster:
    @staticmethod
    async def gaps(text: str, limits: Limits) -> list[str]:
        cluster = FakeCluster(WEB, RS, SICK, logs={(SICK["metadata"]["name"], "web", True): text})
        found = await gather(TARGET, cluster=cluster, metrics=None, clock=FakeClock(), namespace=NS, limits=limits)
        return [gap for gap in found.gaps if "log of" in gap]

    async def test_an_end_that_fills_the_bound_of_lines_is_told(self) -> None:
        (gap,) = await self.gaps("a\n" * 20, Limits(log_lines=20))
        name = SICK["metadata"]["name"]
        assert gap == f"log of shop/{name}/web (previous): the last 20 lines were read; what stands before is not seen"

    async def test_an_end_that_fills_the_bound_of_bytes_is_told_and_its_first_line_may_not_be_one(self) -> None:
        text = "lf of a line\n" + "b" * 50 + "\n"
        (gap,) = await self.gaps(text, Limits(log_bytes=len(text)))
        assert "the last 64 bytes were read" in gap

    async def test_a_whole_log_is_no_gap_and_its_lines_have_numbers(self) -> None:
        assert await self.gaps("a\n\nb\n", Limits(log_lines=4)) == []
        cluster = FakeCluster(WEB, RS, SICK, logs={(SICK["metadata"]["name"], "web", True): "a\n\nb\n"})
        found = await gather(TARGET, cluster=cluster, metrics=None, clock=FakeClock(), namespace=NS)
        (log,) = [log for log in found.logs if log.previous]
        assert (log.lines, log.numbers) == (("a", "b"), (1, 3))
