"""Wrong values are refused before anything is installed, with a message that names the value."""

from __future__ import annotations

import pytest
import yaml

from charts.helm import CHART, HelmError, helm, template


def test_the_chart_passes_its_linter() -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", str(CHART))


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("actions.RestartRolout=false", "RestartRolout"),
        ("networkPolicy.enabled=false", "networkPolicy"),
        ("gateway.replicas=many", "/gateway/replicas"),
        ("coordinator.replicas=-1", "/coordinator/replicas"),
        ("logLevel=loud", "/logLevel"),
        ("prometheus.url=prometheus:9090", "/prometheus/url"),
        ("image.digest=latest", "/image/digest"),
        ("gateway.service.port=70000", "/gateway/service/port"),
        ("keys.validityDays=0", "/keys/validityDays"),
        ("actions.DeletePod=sometimes", "/actions/DeletePod"),
        ("metrics.serviceMonitor.interval=often", "/metrics/serviceMonitor/interval"),
        ("agents.oracle.resources=x", "oracle"),
    ],
)
def test_a_wrong_value_is_named(setting: str, said: str) -> None:
    with pytest.raises(HelmError) as refused:
        template("--set", setting)
    assert said in str(refused.value)


def test_a_certificate_without_an_issuer_is_refused_with_what_to_set() -> None:
    with pytest.raises(HelmError, match=r"gateway.tls.certManager.issuerRef.name is empty"):
        template("--set", "gateway.tls.certManager.enabled=true")


@pytest.mark.parametrize("off", ["CordonNode", "UncordonNode"])
def test_draining_without_what_undoes_it_is_refused(off: str) -> None:
    with pytest.raises(HelmError, match=r"or actions\.DrainNode=false"):
        template("--set", f"actions.{off}=false")
    template("--set", f"actions.{off}=false,actions.DrainNode=false")


def test_the_production_example_leaves_nodes_alone() -> None:
    text = template("--values", str(CHART / "examples" / "production.yaml"))
    rendered = [m for m in yaml.safe_load_all(text) if m]
    rules = [
        r for m in rendered if m["kind"] == "ClusterRole" and "executor" in m["metadata"]["name"] for r in m["rules"]
    ]
    rules += [r for m in rendered if m["metadata"]["name"] == "incident-commander-actions" for r in m.get("rules", [])]
    assert len(rules) > 10
    assert not [r for r in rules if "nodes" in r["resources"] and set(r["verbs"]) - {"get", "list", "watch"}]


def test_an_old_kubernetes_is_refused() -> None:
    with pytest.raises(HelmError, match=r"1\.30"):
        template("--kube-version", "1.29.0")
