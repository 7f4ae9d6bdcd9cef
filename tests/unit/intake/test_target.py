"""Which objects an alert may be about; labels of the exporter are none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_commander.intake.target import candidates


def named(**labels: str) -> list[str]:
    return [str(ref) for ref in candidates(labels).refs]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"namespace": "shop", "deployment": "api"}, ["Deployment/shop/api"]),
        ({"namespace": "shop", "statefulset": "db"}, ["StatefulSet/shop/db"]),
        ({"namespace": "shop", "daemonset": "agent"}, ["DaemonSet/shop/agent"]),
        ({"namespace": "shop", "job_name": "backup-1", "job": "kube-state-metrics"}, ["Job/shop/backup-1"]),
        ({"namespace": "shop", "cronjob": "backup"}, ["CronJob/shop/backup"]),
        ({"namespace": "shop", "horizontalpodautoscaler": "api"}, ["HorizontalPodAutoscaler/shop/api"]),
        ({"namespace": "shop", "service": "api"}, ["Service/shop/api"]),
        ({"namespace": "shop", "workload": "api", "workload_type": "deployment"}, ["Deployment/shop/api"]),
        ({"node": "worker-1"}, ["Node/worker-1"]),
        ({"namespace": "shop"}, []),
        ({"deployment": "api"}, []),
        ({}, []),
    ],
)
def test_a_label_names_an_object(labels: dict[str, str], expected: list[str]) -> None:
    assert named(**labels) == expected


def test_a_workload_comes_before_its_pod_and_the_pod_before_its_node() -> None:
    refs = named(namespace="shop", node="worker-1", pod="single", deployment="api", service="api")
    assert refs == ["Deployment/shop/api", "Pod/shop/single", "Service/shop/api", "Node/worker-1"]


def test_a_volume_claim_comes_before_the_node_that_reports_it() -> None:
    refs = named(job="kubelet", service="kubelet", namespace="shop", persistentvolumeclaim="data", node="worker-1")
    assert refs == ["PersistentVolumeClaim/shop/data", "Node/worker-1"]


class TestAPodThatMayBeGone:
    def test_is_followed_by_the_owners_that_its_name_suggests(self) -> None:
        assert named(namespace="shop", pod="api-7d9f8c7b5d-x2x4z") == [
            "Pod/shop/api-7d9f8c7b5d-x2x4z",
            "ReplicaSet/shop/api-7d9f8c7b5d",
            "Deployment/shop/api",
            "DaemonSet/shop/api-7d9f8c7b5d",
            "Job/shop/api-7d9f8c7b5d",
        ]
        assert named(namespace="shop", pod="db-0") == ["Pod/shop/db-0", "StatefulSet/shop/db"]
        assert named(namespace="shop", pod="single") == ["Pod/shop/single"]


class TestLabelsOfTheExporter:
    def test_kube_state_metrics_names_the_watched_pod_although_job_is_its_own(self) -> None:
        # kubernetes-mixin, KubePodCrashLooping
        refs = named(
            job="kube-state-metrics",
            instance="10.0.0.7:8080",
            namespace="shop",
            pod="api-0",
            container="app",
            uid="1-2-3",
            reason="CrashLoopBackOff",
        )
        assert refs[0] == "Pod/shop/api-0"

    def test_its_own_pod_and_service_are_no_targets(self) -> None:
        # kube-prometheus-stack, KubeDeploymentReplicasMismatch: honor_labels without labeldrop
        refs = named(
            job="kube-state-metrics",
            namespace="shop",
            deployment="api",
            pod="monitoring-kube-state-metrics-5b6d-abcde",
            container="kube-state-metrics",
            service="monitoring-kube-state-metrics",
            endpoint="http",
        )
        assert refs == ["Deployment/shop/api"]

    def test_its_namespace_is_none_where_nothing_else_is_named(self) -> None:
        found = candidates(
            {"job": "kube-state-metrics", "namespace": "monitoring", "pod": "kube-state-metrics-5b6d-abcde"}
        )
        assert found.refs == ()
        assert found.namespace is None

    def test_its_own_pod_is_known_by_its_service_whatever_they_are_called(self) -> None:
        found = candidates(
            {
                "job": "kube-state-metrics",
                "instance": "10.0.0.1:8080",
                "namespace": "shop",
                "resourcequota": "q",
                "pod": "mon-ksm-7c9b6d5f4-x2x4z",
                "container": "ksm",
                "service": "mon-ksm",
                "endpoint": "http",
            }
        )
        assert found.refs == ()

    def test_its_own_pod_is_the_target_where_the_metric_is_about_pods(self) -> None:
        refs = named(job="kube-state-metrics", namespace="monitoring", pod="kube-state-metrics-0", uid="1-2-3")
        assert refs[0] == "Pod/monitoring/kube-state-metrics-0"

    def test_a_node_exporter_tells_of_the_node_only(self) -> None:
        found = candidates(
            {
                "job": "node-exporter",
                "namespace": "monitoring",
                "pod": "node-exporter-x2x4z",
                "container": "node-exporter",
                "instance": "worker-1",
                "nodename": "worker-1",
            }
        )
        assert [str(ref) for ref in found.refs] == ["Node/worker-1"]
        assert found.namespace is None

    def test_exported_labels_win_and_the_plain_ones_are_the_exporters(self) -> None:
        refs = named(
            job="kube-state-metrics",
            namespace="monitoring",
            pod="kube-state-metrics-5b6d-abcde",
            service="kube-state-metrics",
            container="kube-state-metrics",
            exported_namespace="shop",
            exported_pod="api-0",
            exported_container="app",
        )
        assert refs == ["Pod/shop/api-0", "StatefulSet/shop/api"]

    def test_job_and_instance_alone_name_nothing(self) -> None:
        assert named(job="api", instance="10.0.0.7:8080") == []

    def test_an_application_that_is_scraped_itself_is_a_target(self) -> None:
        refs = named(job="checkout", namespace="shop", service="checkout", pod="checkout", endpoint="http")
        assert refs == ["Pod/shop/checkout", "Service/shop/checkout"]


class TestHostileLabels:
    @pytest.mark.parametrize("name", ["../../secrets/x", "a/b", "UPPER", "a b", "-a", "a..b", "x" * 300, "", "a\n"])
    def test_what_cannot_be_a_name_is_no_target(self, name: str) -> None:
        assert named(namespace="shop", deployment=name, pod=name, node=name) == []
        assert named(namespace=name, deployment="api") == []

    @given(st.dictionaries(st.sampled_from(["namespace", "pod", "deployment", "node", "exported_pod"]), st.text()))
    def test_no_label_breaks_it(self, labels: dict[str, str]) -> None:
        for ref in candidates(labels).refs:
            assert "/" not in ref.name
