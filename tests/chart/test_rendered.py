"""What the chart makes: one identity for each process, keys nowhere, everything in the release's namespace."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import yaml

from charts.helm import CHART, ROOT, template
from incident_commander.api.names import ROLES
from incident_commander.cli.work import guarded
from tests.chart.conftest import Manifest

PROCESSES = ("gateway", "coordinator", "executor", *(f"agent-{role}" for role in ROLES))
ADMISSION = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
EXAMPLES = sorted((CHART / "examples").glob("*.yaml"))


def of_kind(manifests: list[Manifest], *kinds: str) -> list[Manifest]:
    return [m for m in manifests if m["kind"] in kinds]


def render(*settings: str, **options: Any) -> list[Manifest]:
    arguments = [part for setting in settings for part in ("--set", setting)]
    return [m for m in yaml.safe_load_all(template(*arguments, **options)) if m]


def holds_the_hook(manifests: list[Manifest], hook: str) -> list[Manifest]:
    """The admission policy and its binding, as Helm makes them at this moment."""
    found = [m for m in of_kind(manifests, *ADMISSION) if m["metadata"]["name"] == guarded.POLICY]
    return [m for m in found if m["metadata"]["annotations"]["helm.sh/hook"] == hook]


def weight(manifest: Manifest) -> int:
    return int(manifest["metadata"]["annotations"].get("helm.sh/hook-weight", 0))


def withdraws(manifest: Manifest) -> bool:
    """Whether it takes the place of something of the setup hook, and grants and runs nothing."""
    return "setup" in manifest["metadata"]["name"] and (
        manifest["kind"] not in ADMISSION and "post-delete" in manifest["metadata"]["annotations"]["helm.sh/hook"]
    )


def pods(manifests: list[Manifest]) -> dict[str, Manifest]:
    """Every pod specification, by the name of what makes it."""
    running = [m for m in of_kind(manifests, "Deployment", "Job") if not withdraws(m)]
    made = {m["metadata"]["name"]: m["spec"]["template"]["spec"] for m in running}
    return made | {m["metadata"]["name"]: m["spec"] for m in of_kind(manifests, "Pod")}


class TestIdentities:
    def test_each_process_has_a_deployment_and_a_service_account_of_its_name(self, rendered: list[Manifest]) -> None:
        accounts = {m["metadata"]["name"] for m in of_kind(rendered, "ServiceAccount")}
        assert accounts == {*PROCESSES, "setup"}
        for deployment in of_kind(rendered, "Deployment"):
            name = deployment["metadata"]["name"]
            assert deployment["spec"]["template"]["spec"]["serviceAccountName"] == name
        assert sorted(m["metadata"]["name"] for m in of_kind(rendered, "Deployment")) == sorted(PROCESSES)

    def test_each_key_is_mounted_by_its_own_agent_only(self, rendered: list[Manifest]) -> None:
        mounted = {
            (name, volume["secret"]["secretName"])
            for name, pod in pods(rendered).items()
            for volume in pod.get("volumes", [])
            if "secret" in volume
        }
        assert mounted == {(f"agent-{role}", f"agent-{role}-key") for role in ROLES}

    def test_who_tells_people_reads_the_address_from_its_secret(self) -> None:
        settings = ("notifications.urlSecret.name=slack", "notifications.tokenSecret.name=token")
        for manifests, name in (
            (render(*settings), "coordinator"),
            (render(*settings, "allInOne.enabled=true"), "all-in-one"),
        ):
            pod = pods(manifests)[name]
            env = {e["name"]: e.get("value") for e in pod["containers"][0]["env"]}
            assert env["INCIDENT_COMMANDER_NOTIFY_URL_FILE"] == "/var/run/incident-commander/notify-url/value"
            assert env["INCIDENT_COMMANDER_NOTIFY_TOKEN_FILE"] == "/var/run/incident-commander/notify-token/value"
            assert {v["secret"]["secretName"] for v in pod["volumes"] if "secret" in v} >= {"slack", "token"}
        assert "NOTIFY" not in template()

    def test_no_two_deployments_select_the_same_pods(self, rendered: list[Manifest]) -> None:
        selectors = [
            tuple(sorted(m["spec"]["selector"]["matchLabels"].items())) for m in of_kind(rendered, "Deployment")
        ]
        assert max(Counter(selectors).values()) == 1

    def test_nothing_names_another_namespace_than_the_releases(self) -> None:
        text = template(namespace="elsewhere")
        assert "serviceaccount:incident-commander:" not in text
        assert "namespace: incident-commander" not in text
        assert "namespace incident-commander" not in text
        assert "'incident-commander'" not in text

    def test_annotations_of_one_identity_stay_with_it(self) -> None:
        manifests = render(
            "agents.serviceAccountAnnotations.team=sre", "agents.diagnosis.serviceAccountAnnotations.role=reader"
        )
        found = {m["metadata"]["name"]: m["metadata"].get("annotations") for m in of_kind(manifests, "ServiceAccount")}
        assert found["agent-diagnosis"] == {"team": "sre", "role": "reader"}
        assert found["agent-detection"] == {"team": "sre"}
        assert found["executor"] is None


class TestKeys:
    @pytest.mark.parametrize("example", [None, *EXAMPLES], ids=lambda e: e.stem if e else "defaults")
    def test_no_manifest_holds_a_secret(self, example: Any) -> None:
        manifests = render(values=[example] if example else [])
        assert of_kind(manifests, "Secret") == []
        assert "PRIVATE KEY" not in yaml.safe_dump_all(manifests)

    def test_the_hook_comes_first_and_its_rights_end_with_it(self, rendered: list[Manifest]) -> None:
        hooks = [m for m in rendered if "setup" in m["metadata"]["name"] and m["kind"] not in ADMISSION]
        hooks = [m for m in hooks if not withdraws(m)]
        assert sorted(m["kind"] for m in hooks) == [
            "ClusterRole",
            "ClusterRoleBinding",
            "Job",
            "Role",
            "RoleBinding",
            "ServiceAccount",
        ]
        for hook in hooks:
            annotations = hook["metadata"]["annotations"]
            assert annotations["helm.sh/hook"] == "pre-install,pre-upgrade"
            assert annotations["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded"
            assert ("helm.sh/hook-weight" in annotations) is (hook["kind"] != "Job")

    def test_what_holds_the_hook_is_there_before_its_rights_and_stays(self, rendered: list[Manifest]) -> None:
        held = holds_the_hook(rendered, "pre-install,pre-upgrade")
        assert {m["kind"] for m in held} == set(ADMISSION)
        for manifest in held:
            assert manifest["metadata"]["annotations"]["helm.sh/hook-delete-policy"] == "before-hook-creation"
        weights = {
            m["kind"]: int(m["metadata"]["annotations"].get("helm.sh/hook-weight", 0))
            for m in rendered
            if m["metadata"].get("annotations", {}).get("helm.sh/hook") == "pre-install,pre-upgrade"
        }
        assert max(weights.pop(kind) for kind in ADMISSION) < min(weights.values())

    def test_whatever_is_left_of_its_rights_is_replaced_before_what_holds_it_is_touched(
        self, rendered: list[Manifest]
    ) -> None:
        empty = [m for m in rendered if withdraws(m)]
        granted = [m for m in rendered if "setup" in m["metadata"]["name"] and m["kind"] not in ADMISSION]
        names = {(m["kind"], m["metadata"]["name"]) for m in granted}
        assert {(m["kind"], m["metadata"]["name"]) for m in empty} == names
        assert not any(m.get("rules") or m.get("subjects") for m in empty)
        (job,) = of_kind(empty, "Job")
        assert job["spec"]["completions"] == 0
        held = [*holds_the_hook(rendered, "pre-install,pre-upgrade"), *holds_the_hook(rendered, "post-delete")]
        assert len(held) == 4
        assert max(weight(m) for m in empty) < min(weight(m) for m in held)

    def test_what_holds_the_hook_is_deleted_after_an_uninstall(self, rendered: list[Manifest]) -> None:
        held = holds_the_hook(rendered, "post-delete")
        assert {m["kind"] for m in held} == set(ADMISSION)
        for manifest in held:
            policy = manifest["metadata"]["annotations"]["helm.sh/hook-delete-policy"]
            assert policy == "before-hook-creation,hook-succeeded"

    def test_the_hook_begins_by_proving_that_it_is_held(self, rendered: list[Manifest]) -> None:
        first = pods(rendered)["setup"]["initContainers"][0]
        assert first["args"] == ["keys", "guarded", "--namespace", "incident-commander"]

    def test_the_hook_may_change_no_secret_and_read_none_but_the_six(self, rendered: list[Manifest]) -> None:
        roles = [m for m in of_kind(rendered, "Role") if m["metadata"]["name"] == "incident-commander-setup"]
        (role,) = [m for m in roles if not withdraws(m)]
        by_verb = {verb: rule for rule in role["rules"] for verb in rule["verbs"]}
        assert by_verb.keys() == {"create", "get"}
        assert by_verb["get"]["resourceNames"] == sorted(f"agent-{r}-key" for r in ROLES)

    def test_without_crds_install_the_hook_may_not_write_crds(self) -> None:
        manifests = render("crds.install=false")
        roles = [m for m in of_kind(manifests, "ClusterRole") if m["metadata"]["name"] == "incident-commander-setup"]
        (role,) = [m for m in roles if not withdraws(m)]
        rules = [rule for rule in role["rules"] if "customresourcedefinitions" in rule["resources"]]
        assert [rule["verbs"] for rule in rules] == [["get"]]
        assert pods(manifests)["setup"]["initContainers"][1]["args"] == ["crds", "check"]


class TestActions:
    def rights(self, *settings: str) -> set[str]:
        (role,) = [m for m in render(*settings) if m["metadata"]["name"] == "incident-commander-actions"]
        return {resource for rule in role["rules"] for resource in rule["resources"]}

    def test_an_action_that_is_off_takes_its_rights_along(self) -> None:
        everything = self.rights()
        assert "nodes" in everything
        assert everything - self.rights(
            "actions.CordonNode=false", "actions.UncordonNode=false", "actions.DrainNode=false"
        ) >= {"nodes"}
        assert everything - self.rights("actions.SuspendCronJob=false") == {"cronjobs"}

    def test_with_every_action_off_nothing_may_be_written(self) -> None:
        needs = yaml.safe_load((CHART / "files" / "actions.yaml").read_text())
        assert self.rights(*(f"actions.{action}=false" for action in needs)) == set()

    @pytest.mark.parametrize("layout", [(), ("allInOne.enabled=true",)])
    def test_every_process_is_told_which_actions_are_off(self, layout: tuple[str, ...]) -> None:
        manifests = render("actions.DeletePod=false", "actions.DrainNode=false", *layout)
        deployments = of_kind(manifests, "Deployment")
        assert deployments
        for deployment in deployments:
            (container,) = deployment["spec"]["template"]["spec"]["containers"]
            env = {entry["name"]: entry.get("value", "") for entry in container["env"]}
            assert env["INCIDENT_COMMANDER_DISABLED_ACTIONS"] == "DeletePod,DrainNode"

    @pytest.mark.parametrize("given", ["actions.DeletePod=null", "actions=null"])
    def test_an_action_that_a_null_takes_out_is_off(self, given: str) -> None:
        """Helm removes the value, and with it the rights: nobody may propose it then."""
        rendered = [m for m in yaml.safe_load_all(template("--set-json", given)) if m]
        needs = yaml.safe_load((CHART / "files" / "actions.yaml").read_text())
        off = "DeletePod" if "." in given else ",".join(sorted(needs))
        for deployment in of_kind(rendered, "Deployment"):
            (container,) = deployment["spec"]["template"]["spec"]["containers"]
            env = {entry["name"]: entry.get("value", "") for entry in container["env"]}
            assert env["INCIDENT_COMMANDER_DISABLED_ACTIONS"] == off

    def test_with_every_action_on_nothing_is_said(self, rendered: list[Manifest]) -> None:
        assert "DISABLED_ACTIONS" not in yaml.safe_dump_all(rendered)

    def test_who_writes_is_the_executor_and_who_tries_is_verification(self, rendered: list[Manifest]) -> None:
        bound = [
            binding["subjects"][0]["name"]
            for binding in of_kind(rendered, "ClusterRoleBinding")
            if binding["roleRef"]["name"] == "incident-commander-actions"
        ]
        assert sorted(bound) == ["agent-verification", "executor"]


class TestPrometheus:
    """Its address, token and CA go to those that ask it, and to nobody else."""

    SETTINGS = ("prometheus.url=https://p:9090", "prometheus.tokenSecret.name=t", "prometheus.caSecret.name=c")

    def given(self, deployment: Manifest) -> tuple[set[str], set[str]]:
        pod = deployment["spec"]["template"]["spec"]
        env = {e["name"].removeprefix("INCIDENT_COMMANDER_PROMETHEUS_") for e in pod["containers"][0]["env"]}
        volumes = {v["secret"]["secretName"] for v in pod["volumes"] if v["name"].startswith("prometheus-")}
        return {name for name in env if name in ("URL", "TOKEN_FILE", "CA_FILE")}, volumes

    def test_is_told_to_the_coordinator_and_the_agents_only(self) -> None:
        for deployment in of_kind(render(*self.SETTINGS), "Deployment"):
            name = deployment["metadata"]["name"]
            asks = name not in ("gateway", "executor")
            expected = ({"URL", "TOKEN_FILE", "CA_FILE"}, {"t", "c"}) if asks else (set(), set())
            assert self.given(deployment) == expected, name

    def test_without_a_secret_nothing_is_mounted(self) -> None:
        for deployment in of_kind(render("prometheus.url=http://p:9090"), "Deployment"):
            assert self.given(deployment)[1] == set()


def ports_to_prometheus(url: str) -> list[int]:
    rendered = render(f"prometheus.url={url}", "networkPolicies.enabled=true")
    policy = next(m for m in of_kind(rendered, "NetworkPolicy") if m["metadata"]["name"] == "prometheus")
    return sorted(port["port"] for port in policy["spec"]["egress"][0]["ports"])


@pytest.mark.parametrize(
    ("url", "ports"),
    [
        ("http://prometheus.monitoring:9090", [9090]),
        ("http://thanos.monitoring:10902/prefix", [9090, 10902]),
        ("https://mimir.example.com/prometheus", [443, 9090]),
        ("http://mimir.example.com", [80, 9090]),
    ],
)
def test_the_port_of_prometheus_address_is_open(url: str, ports: list[int]) -> None:
    assert ports_to_prometheus(url) == ports


class TestNotifications:
    """The webhook's address is in a Secret: its port is a value."""

    SETTING = "notifications.urlSecret.name=slack"

    def policy(self, *settings: str) -> Manifest:
        (found,) = [m for m in of_kind(render(*settings), "NetworkPolicy") if m["metadata"]["name"] == "notifications"]
        return found

    def test_without_a_webhook_nothing_is_opened(self, rendered: list[Manifest]) -> None:
        assert "notifications" not in {m["metadata"]["name"] for m in of_kind(rendered, "NetworkPolicy")}

    @pytest.mark.parametrize(("layout", "teller"), [((), "coordinator"), (("allInOne.enabled=true",), "all-in-one")])
    def test_who_tells_people_reaches_its_port(self, layout: tuple[str, ...], teller: str) -> None:
        policy = self.policy(self.SETTING, "networkPolicies.notificationPorts={8065}", *layout)
        assert policy["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == teller
        assert policy["spec"]["egress"] == [{"ports": [{"port": 8065, "protocol": "TCP"}]}]

    def test_and_nothing_else_where_it_is_said_where_that_is(self) -> None:
        policy = self.policy(self.SETTING, "networkPolicies.notificationsTo[0].ipBlock.cidr=192.0.2.0/24")
        assert policy["spec"]["egress"][0]["to"] == [{"ipBlock": {"cidr": "192.0.2.0/24"}}]


class TestPods:
    def test_every_container_says_what_it_needs_and_how_it_is(self, rendered: list[Manifest]) -> None:
        for deployment in of_kind(rendered, "Deployment"):
            (container,) = deployment["spec"]["template"]["spec"]["containers"]
            assert {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys()
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]

    def test_no_container_can_write_to_its_root_or_gain_rights(self, rendered: list[Manifest]) -> None:
        for pod in pods(rendered).values():
            for container in [*pod.get("initContainers", []), *pod["containers"]]:
                context = container["securityContext"]
                assert context["readOnlyRootFilesystem"] is True
                assert context["allowPrivilegeEscalation"] is False

    def test_the_test_pod_has_no_token(self, rendered: list[Manifest]) -> None:
        assert pods(rendered)["installation-test"]["automountServiceAccountToken"] is False

    def test_a_digest_wins_over_a_tag(self) -> None:
        digest = f"sha256:{'a' * 64}"
        images = {
            c["image"] for p in pods(render(f"image.digest={digest}", "image.tag=x")).values() for c in p["containers"]
        }
        assert images == {f"incident-commander@{digest}"}

    def test_tls_reaches_the_gateway_its_probes_and_its_monitor(self) -> None:
        manifests = render("gateway.tls.secretName=web", "metrics.serviceMonitor.enabled=true")
        container = pods(manifests)["gateway"]["containers"][0]
        names = {e["name"] for e in container["env"]}
        assert {"INCIDENT_COMMANDER_GATEWAY_TLS_CERT_FILE", "INCIDENT_COMMANDER_GATEWAY_TLS_KEY_FILE"} <= names
        assert container["readinessProbe"]["httpGet"]["scheme"] == "HTTPS"
        (monitor,) = of_kind(manifests, "ServiceMonitor")
        assert {e["port"]: e.get("scheme", "http") for e in monitor["spec"]["endpoints"]} == {
            "metrics": "http",
            "http": "https",
        }

    @pytest.mark.parametrize(
        ("settings", "secret"),
        [
            (("gateway.tls.secretName=web",), "web"),
            (("gateway.tls.certManager.enabled=true", "gateway.tls.certManager.issuerRef.name=ca"), "gateway-tls"),
        ],
    )
    def test_prometheus_verifies_the_gateways_certificate(self, settings: tuple[str, ...], secret: str) -> None:
        (monitor,) = of_kind(render(*settings, "metrics.serviceMonitor.enabled=true"), "ServiceMonitor")
        tls = monitor["spec"]["endpoints"][1]["tlsConfig"]
        assert tls == {
            "serverName": "gateway.incident-commander",
            "ca": {"secret": {"name": secret, "key": "ca.crt"}},
        }

    def test_a_public_ca_needs_no_file_of_its_own(self) -> None:
        settings = ("gateway.tls.secretName=web", "metrics.serviceMonitor.gatewayCaKey=")
        (monitor,) = of_kind(render(*settings, "metrics.serviceMonitor.enabled=true"), "ServiceMonitor")
        assert monitor["spec"]["endpoints"][1]["tlsConfig"] == {"serverName": "gateway.incident-commander"}

    def test_a_service_monitor_carries_the_labels_that_a_prometheus_selects_by(self) -> None:
        (monitor,) = of_kind(
            render("metrics.serviceMonitor.enabled=true", "metrics.serviceMonitor.additionalLabels.release=kps"),
            "ServiceMonitor",
        )
        assert monitor["metadata"]["labels"]["release"] == "kps"


class TestDisruption:
    def test_one_voter_at_a_time(self, rendered: list[Manifest]) -> None:
        (budget,) = [m for m in of_kind(rendered, "PodDisruptionBudget") if m["metadata"]["name"] == "agents"]
        wanted = budget["spec"]["selector"]["matchLabels"].items()
        matched = [
            m["metadata"]["name"]
            for m in of_kind(rendered, "Deployment")
            if wanted <= m["spec"]["template"]["metadata"]["labels"].items()
        ]
        assert sorted(matched) == sorted(f"agent-{role}" for role in ROLES)
        assert budget["spec"]["maxUnavailable"] == 1

    def test_a_single_replica_does_not_block_a_drain(self, rendered: list[Manifest]) -> None:
        assert {m["metadata"]["name"] for m in of_kind(rendered, "PodDisruptionBudget")} == {"agents", "gateway"}
        assert "executor" in {
            m["metadata"]["name"] for m in of_kind(render("executor.replicas=2"), "PodDisruptionBudget")
        }


class TestAllInOne:
    def test_is_one_pod_that_may_act_as_the_nine_and_as_nobody_else(self) -> None:
        manifests = render("allInOne.enabled=true")
        assert [m["metadata"]["name"] for m in of_kind(manifests, "Deployment")] == ["all-in-one"]
        (role,) = [m for m in of_kind(manifests, "Role") if m["metadata"]["name"] == "incident-commander-all-in-one"]
        (rule,) = role["rules"]
        assert (rule["verbs"], sorted(rule["resourceNames"])) == (["impersonate"], sorted(PROCESSES))

    def test_the_notes_call_it_one_fault_domain(self) -> None:
        assert "one fault domain" in (CHART / "templates" / "NOTES.txt").read_text()
        assert "ONE FAULT DOMAIN" in (CHART / "examples" / "dev.yaml").read_text()


def test_network_policies_name_pods_that_exist(rendered: list[Manifest]) -> None:
    labels = [m["spec"]["template"]["metadata"]["labels"] for m in of_kind(rendered, "Deployment", "Job")]
    labels += [m["metadata"]["labels"] for m in of_kind(rendered, "Pod")]
    for policy in of_kind(rendered, "NetworkPolicy"):
        wanted = policy["spec"]["podSelector"]["matchLabels"].items()
        assert any(wanted <= found.items() for found in labels), policy["metadata"]["name"]


def test_the_dockerfile_and_the_chart_mean_the_same_user() -> None:
    assert "USER 65532:65532" in (ROOT / "Dockerfile").read_text()
    assert "runAsUser: 65532" in (CHART / "templates" / "_pod.tpl").read_text()
