"""Wrong values are refused before anything is installed, with a message that names the value."""

from __future__ import annotations

import pytest

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


def test_an_old_kubernetes_is_refused() -> None:
    with pytest.raises(HelmError, match=r"1\.30"):
        template("--kube-version", "1.29.0")
