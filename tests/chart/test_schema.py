"""Wrong values are refused before anything is installed, with a message that names the value."""

from __future__ import annotations

import re

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
        ("gateway.replicas=0", "/gateway/replicas"),
        ("coordinator.replicas=0", "/coordinator/replicas"),
        ("executor.replicas=0", "/executor/replicas"),
        ("agents.replicas=0", "/agents/replicas"),
        ("executor.systemNamespaces={kube-sytem}", "/executor/systemNamespaces"),
        ("networkPolicies.notificationPorts={https}", "/networkPolicies/notificationPorts"),
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


def test_the_example_for_eks_goes_on_top_of_the_one_for_production() -> None:
    files = [part for name in ("production", "eks") for part in ("--values", str(CHART / "examples" / f"{name}.yaml"))]
    rendered = [m for m in yaml.safe_load_all(template(*files)) if m]
    (account,) = [m for m in rendered if m["kind"] == "ServiceAccount" and m["metadata"]["name"] == "agent-diagnosis"]
    assert "eks.amazonaws.com/role-arn" in account["metadata"]["annotations"]
    assert [m for m in rendered if m["kind"] == "Certificate"]


def test_an_old_kubernetes_is_refused() -> None:
    with pytest.raises(HelmError, match=r"1\.30"):
        template("--kube-version", "1.29.0")


class TestWhatCannotBeMeantTogether:
    def refused(self, *settings: str) -> str:
        with pytest.raises(HelmError) as refused:
            template(*(part for setting in settings for part in ("--set", setting)))
        return str(refused.value)

    def test_every_variable_that_the_chart_sets_is_refused_in_extra_env_with_the_value_to_use(self) -> None:
        everything = [
            "prometheus.url=https://p",
            "prometheus.tokenSecret.name=t",
            "prometheus.caSecret.name=c",
            "gateway.tls.secretName=g",
            "notifications.urlSecret.name=u",
            "notifications.tokenSecret.name=t",
            "actions.DeletePod=false",
        ]
        texts = [template("--set", ",".join([*everything, f"allInOne.enabled={one}"])) for one in ("true", "false")]
        found = {name for text in texts for name in re.findall(r"\bINCIDENT_COMMANDER_[A-Z_]+", text)}
        assert len(found) > 10
        for name in found:
            said = self.refused(f"extraEnv.{name}=x")
            assert f"extraEnv.{name}: the chart sets this variable itself; use " in said

    def test_other_variables_are_taken(self) -> None:
        assert "INCIDENT_COMMANDER_ALERTMANAGER_URL" in template(
            "--set", "extraEnv.INCIDENT_COMMANDER_ALERTMANAGER_URL=http://a,extraEnv.HTTPS_PROXY=http://p"
        )

    @pytest.mark.parametrize(
        "label",
        [
            "app.kubernetes.io/name",
            "app.kubernetes.io/instance",
            "app.kubernetes.io/component",
            "app.kubernetes.io/version",
            "helm.sh/chart",
            "incidentcommander.io/voter",
        ],
    )
    def test_labels_by_which_pods_are_found_cannot_be_overridden(self, label: str) -> None:
        said = self.refused(f"podLabels.{label.replace('.', chr(92) + '.')}=mine")
        assert f"podLabels: {label} is a label by which the chart finds its own pods" in said

    def test_other_labels_are_put_on_every_pod(self) -> None:
        rendered = [m for m in yaml.safe_load_all(template("--set", "podLabels.team=sre")) if m]
        deployments = [m for m in rendered if m["kind"] == "Deployment"]
        assert {m["spec"]["template"]["metadata"]["labels"]["team"] for m in deployments} == {"sre"}

    @pytest.mark.parametrize("secret", ["tokenSecret", "caSecret"])
    def test_credentials_for_no_prometheus_are_refused(self, secret: str) -> None:
        assert f"prometheus.{secret}.name is set and prometheus.url is not" in self.refused(
            f"prometheus.{secret}.name=s"
        )

    @pytest.mark.parametrize("secret", ["tokenSecret", "caSecret"])
    def test_a_token_is_sent_by_https_only(self, secret: str) -> None:
        said = self.refused(f"prometheus.{secret}.name=s", "prometheus.url=http://prometheus:9090")
        assert "prometheus.url is http://prometheus:9090" in said
        assert "use https://" in said

    def test_a_token_for_no_webhook_is_refused(self) -> None:
        assert "notifications.urlSecret.name is not" in self.refused("notifications.tokenSecret.name=s")
