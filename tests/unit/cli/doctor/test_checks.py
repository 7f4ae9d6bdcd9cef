"""What the doctor says of what it read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from incident_commander.adapters.reached import Reached
from incident_commander.api import kinds
from incident_commander.api.meta import format_time
from incident_commander.api.names import ANNOTATION_KEY_ID, ROLES
from incident_commander.cli.doctor import cluster_checks, install_checks, monitoring_checks, needs, scope
from incident_commander.cli.doctor.facts import ADMISSION_POLICIES, Facts, Token, Unread
from incident_commander.cli.doctor.finding import Finding, Verdict
from incident_commander.cli.doctor.report import examine, healthy, report
from incident_commander.cli.doctor.runbooks import runbooks
from incident_commander.cli.work import guarded
from incident_commander.rehearsal.structural import schemas
from tests.unit.cli.stage import HOSTILE
from tests.unit.consensus.council import NOW, Council

NAMESPACE = "incident-commander"
ROUTES: dict[str, Any] = {
    "route": {"receiver": "default", "routes": [{"receiver": "ic", "continue": True}]},
    "receivers": [
        {"name": "default"},
        {"name": "ic", "webhook_configs": [{"url": "http://gateway.ic:8080/api/v1/alerts", "send_resolved": True}]},
    ],
}


def lease(name: str, *, silent_for: int = 0) -> dict[str, Any]:
    renewed = format_time(NOW - timedelta(seconds=silent_for)).replace("Z", "000Z")
    return {
        "metadata": {"name": name},
        "spec": {"holderIdentity": "pod-1", "renewTime": renewed, "leaseDurationSeconds": 15},
    }


def agent_leases() -> list[dict[str, Any]]:
    """As ``Council(6)`` holds them: each signs with its own key."""
    leases = []
    for agent in Council(6).agents:
        leases.append(lease(f"agent-{agent.metadata.name}"))
        leases[-1]["metadata"]["annotations"] = {ANNOTATION_KEY_ID: agent.spec.public_keys[0].key_id}
    return leases


def crds() -> list[dict[str, Any]]:
    return [
        {"metadata": {"name": name}, "spec": {"versions": [{"schema": {"openAPIV3Schema": schema}}]}}
        for name, schema in schemas().items()
    ]


def a_runbook(text: str) -> dict[str, Any]:
    step = {"name": "raise", "action": "SetResources", "parameters": {"memory": text}}
    spec = {"match": {"causes": ["MemoryLimitTooLow"]}, "steps": [step]}
    api_version, kind = kinds.RUNBOOK.api_version, kinds.RUNBOOK.kind
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "mine"}, "spec": spec}


def installation(**changes: Any) -> Facts:
    """All is well, but for what is changed. ``objects`` are merged."""
    rights = dict.fromkeys(needs.needed(NAMESPACE), True) | dict.fromkeys(needs.forbidden(NAMESPACE), False)
    objects = {
        kinds.CUSTOM_RESOURCE_DEFINITION.resource: crds(),
        kinds.LEASE.resource: [lease(n) for n in ("coordinator", "executor", *(f"agent-{r}" for r in ROLES))],
        kinds.AGENT.resource: [agent.to_json() for agent in Council(6).agents],
        kinds.VALIDATING_ADMISSION_POLICY_BINDING.resource: [
            {
                "metadata": {"name": name},
                "spec": {"policyName": f"{name}.incidentcommander.io", "validationActions": ["Deny"]},
            }
            for name in ADMISSION_POLICIES
        ],
    }
    facts = Facts(
        NOW,
        NAMESPACE,
        "jane",
        NOW,
        offered={kind.resource: True for kind in (kinds.INCIDENT, kinds.REMEDIATION_POLICY, kinds.RUNBOOK, kinds.AGENT)}
        | {kinds.VALIDATING_ADMISSION_POLICY_BINDING.resource: True, "pods/resize": True},
        shipped=schemas(),
        rights=rights,
        gateway=Reached(200, b"ok", "directly"),
        token=Token("alertmanager", everywhere=True),
        prometheus="http://prometheus:9090",
        metrics={"reachable": 1.0, "kube-state-metrics": 9.0, "cAdvisor": 9.0, "own metrics": 9.0},
        alertmanager=ROUTES,
    )
    more = changes.pop("objects", {})
    return replace(facts, objects=objects | {kind.resource: found for kind, found in more.items()}, **changes)


def the(check: str, findings: Iterable[Finding]) -> Finding:
    found = [f for f in findings if f.check == check]
    assert len(found) == 1, found
    return found[0]


class TestAHealthyInstallation:
    def test_has_nothing_to_mend(self) -> None:
        findings = examine(installation())
        assert healthy(findings)
        assert {f.verdict for f in findings} <= {Verdict.OK, Verdict.WARN}

    def test_is_unhealthy_as_soon_as_one_thing_cannot_be_seen(self) -> None:
        findings = examine(installation(objects={kinds.LEASE: Unread("403 Forbidden")}))
        assert not healthy(findings)
        assert the("Heartbeats", findings).verdict is Verdict.UNKNOWN

    def test_every_line_that_is_not_fine_says_what_to_do(self) -> None:
        unread = Unread("no answer")
        broken = [
            installation(server_time=None, gateway=unread, token=unread, alertmanager=unread, breaker=unread),
            installation(objects=dict.fromkeys((kinds.AGENT, kinds.RUNBOOK, kinds.DEPLOYMENT), unread)),
            installation(offered={}, rights=dict.fromkeys(needs.installing(NAMESPACE), False)),
            installation(prometheus=None, alertmanager=None, token=None, rights={}),
        ]
        for facts in broken:
            for finding in examine(facts):
                assert finding.advice or finding.verdict is Verdict.OK, finding


class TestTheCluster:
    @pytest.mark.parametrize(("seconds", "verdict"), [(0, "OK"), (2, "OK"), (5, "WARN"), (90, "FAIL"), (-90, "FAIL")])
    def test_clocks_that_differ_are_told(self, seconds: int, verdict: str) -> None:
        facts = installation(server_time=NOW - timedelta(seconds=seconds))
        assert the("Clock", cluster_checks.clock(facts)).verdict == verdict

    def test_a_crd_without_a_field_of_this_version_is_told_with_the_field(self) -> None:
        old = crds()
        incident = next(c for c in old if c["metadata"]["name"].startswith("incidents."))
        schema = dict(incident["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
        properties = {name: value for name, value in schema["properties"].items() if name != "status"}
        incident["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = schema | {"properties": properties}
        finding = the(
            "Resources", cluster_checks.resources(installation(objects={kinds.CUSTOM_RESOURCE_DEFINITION: old}))
        )
        assert finding.verdict is Verdict.FAIL
        assert "incidents.status" in finding.message

    @pytest.mark.parametrize("served", [True, False])
    def test_rights_that_an_interrupted_helm_left_to_its_hook_are_a_failure(self, served: bool) -> None:
        """Installed or not."""
        left = needs.of_the_setup_hook(NAMESPACE)[0]
        facts = installation() if served else installation(offered={})
        facts = replace(facts, rights={**facts.rights, left: True})
        finding = the("Setup hook", examine(facts))
        assert finding.verdict is Verdict.FAIL
        assert "may create secrets" in finding.message
        assert "helm uninstall" in finding.advice

    def test_without_such_rights_nothing_is_said(self) -> None:
        ended = dict.fromkeys(needs.of_the_setup_hook(NAMESPACE), False)
        assert not list(cluster_checks.setup_hook(installation(rights=ended)))

    def test_before_an_installation_only_what_it_needs_is_asked(self) -> None:
        facts = installation(offered={"pods/resize": True}, rights=dict.fromkeys(needs.installing(NAMESPACE), True))
        checks = {f.check: f.verdict for f in cluster_checks.rights_to_install(facts)}
        assert checks == {"Your rights": Verdict.OK}
        assert not facts.installed


class TestOnlyTheCrds:
    """Before the chart, or after it was uninstalled: CRDs and Agents are kept."""

    def facts(self, **changes: Any) -> Facts:
        nothing: dict[Any, Any] = {kinds.VALIDATING_ADMISSION_POLICY_BINDING: [], kinds.LEASE: []}
        changes["objects"] = nothing | changes.pop("objects", {})
        return installation(rights=dict.fromkeys(needs.installing(NAMESPACE), True), gateway=None, **changes)

    def test_are_told_in_one_line_with_what_to_do(self) -> None:
        findings = examine(self.facts())
        finding = the("Installation", findings)
        assert finding.message.startswith("the CRDs are there, the chart is not")
        assert "helm install incident-commander" in finding.advice
        assert f"-n {NAMESPACE}" in finding.advice
        assert healthy(findings)

    def test_nothing_is_said_of_what_only_an_installation_has(self) -> None:
        findings = examine(self.facts())
        assert not {f.check for f in findings} & {"Heartbeats", "Quorum", "RBAC", "Admission", "Gateway", "Breaker"}
        assert the("Your rights", findings).verdict is Verdict.OK
        assert the("Resources", findings).verdict is Verdict.OK

    def test_the_policy_of_a_hook_that_failed_is_no_installation(self) -> None:
        binding = {"metadata": {"name": "a"}, "spec": {"policyName": guarded.POLICY, "validationActions": ["Deny"]}}
        assert not self.facts(objects={kinds.VALIDATING_ADMISSION_POLICY_BINDING: [binding]}).installed

    @pytest.mark.parametrize(
        "there",
        [{kinds.DEPLOYMENT: [{"metadata": {"name": "gateway"}}]}, {kinds.DEPLOYMENT: Unread("forbidden")}],
        ids=["a Deployment", "Deployments that cannot be read"],
    )
    def test_anything_more_is_an_installation_that_should_be_whole(self, there: dict[Any, Any]) -> None:
        assert self.facts(objects=there).installed


def test_a_namespace_that_is_not_the_operators_is_told_as_such() -> None:
    finding = the("Installation", examine(installation(objects={kinds.LEASE: []})))
    assert finding.verdict is Verdict.FAIL
    assert f"nothing of it has ever run in namespace {NAMESPACE}" in finding.message
    assert "-n NAMESPACE" in finding.advice
    assert not [f for f in examine(installation()) if f.check == "Installation"]


class TestSystemNamespaces:
    def policy(self, mode: str, *namespaces: str) -> dict[str, Any]:
        spec = {"mode": mode, "match": {"namespaces": list(namespaces)}}
        return {"metadata": {"name": "system"}, "spec": spec}

    def told(self, policy: dict[str, Any], *, opened: str = "") -> list[Finding]:
        binding = {
            "metadata": {"name": "a", "annotations": {"incidentcommander.io/system-namespaces": opened}},
            "spec": {"policyName": "executor-not-here.incidentcommander.io", "validationActions": ["Deny"]},
        }
        objects = {kinds.VALIDATING_ADMISSION_POLICY_BINDING: [binding], kinds.REMEDIATION_POLICY: [policy]}
        return list(scope.system_namespaces(installation(objects=objects)))

    def test_a_policy_that_names_one_which_the_chart_does_not_open_is_told(self) -> None:
        (finding,) = self.told(self.policy("Auto", "shop", "kube-system"))
        assert finding.verdict is Verdict.WARN
        assert "policy system names kube-system, where the executor is refused" in finding.message
        assert "--set 'executor.systemNamespaces={kube-system}'" in finding.advice

    def test_one_that_the_chart_opens_is_fine(self) -> None:
        assert self.told(self.policy("Auto", "kube-system"), opened="kube-public,kube-system") == []

    def test_one_that_observes_writes_nothing_there(self) -> None:
        assert self.told(self.policy("Observe", "kube-system")) == []


class TestTheKeysThatAgentsSignWith:
    def test_are_fine_when_each_is_listed_and_counts(self) -> None:
        finding = the("Keys", install_checks.signing(installation(objects={kinds.LEASE: agent_leases()})))
        assert (finding.verdict, finding.message) == (Verdict.OK, "6 agents sign with a key that counts")

    def test_one_that_its_agent_does_not_list_is_a_failure_that_names_the_agent(self) -> None:
        leases = agent_leases()
        leases[2]["metadata"]["annotations"][ANNOTATION_KEY_ID] = "ab" * 32
        findings = examine(installation(objects={kinds.LEASE: leases}))
        finding = the("Keys", findings)
        name = Council(6).agents[2].metadata.name
        assert finding.verdict is Verdict.FAIL
        assert f"{name} (signs with abababababab)" in finding.message
        assert f"incident-commander keys rotate {name} -n {NAMESPACE}" in finding.advice

    def test_one_that_ran_out_is_a_failure_though_it_is_listed(self) -> None:
        agents = [agent.to_json() for agent in Council(6).agents]
        agents[0]["spec"]["publicKeys"][0]["notAfter"] = format_time(NOW)
        objects = {kinds.LEASE: agent_leases(), kinds.AGENT: agents}
        assert the("Keys", install_checks.signing(installation(objects=objects))).verdict is Verdict.FAIL

    @pytest.mark.parametrize(("useless", "verdict"), [(1, Verdict.WARN), (2, Verdict.WARN), (3, Verdict.FAIL)])
    def test_those_whose_key_does_not_count_are_not_counted_into_the_quorum(
        self, useless: int, verdict: Verdict
    ) -> None:
        leases = agent_leases()
        for one in leases[:useless]:
            one["metadata"]["annotations"][ANNOTATION_KEY_ID] = "ab" * 32
        finding = the("Quorum", install_checks.agents(installation(objects={kinds.LEASE: leases})))
        assert finding.verdict is verdict
        assert f"4 of 6 agents decide, and {6 - useless} can" in finding.message
        assert all(agent.metadata.name in finding.message for agent in Council(6).agents[:useless])

    def test_a_quarantined_agent_is_not_counted_into_the_quorum(self) -> None:
        agents = [agent.to_json() for agent in Council(6).agents]
        agents[0]["status"] = {
            "quarantine": {"offence": "Equivocation", "incident": "shop/web", "since": format_time(NOW)}
        }
        finding = the("Quorum", install_checks.agents(installation(objects={kinds.AGENT: agents})))
        assert finding.verdict is Verdict.WARN
        assert "4 of 6 agents decide, and 5 can" in finding.message

    def test_one_that_is_not_told_is_not_taken_for_good(self) -> None:
        leases = agent_leases()
        del leases[0]["metadata"]["annotations"]
        finding = the("Keys", install_checks.signing(installation(objects={kinds.LEASE: leases})))
        assert finding.verdict is Verdict.UNKNOWN

    def test_a_lease_that_is_not_renewed_says_nothing(self) -> None:
        leases = agent_leases()
        silent = lease("agent-x", silent_for=600)
        leases[0]["spec"] = silent["spec"]
        finding = the("Keys", install_checks.signing(installation(objects={kinds.LEASE: leases})))
        assert finding.message == "5 agents sign with a key that counts"


class TestTheInstallation:
    def test_a_silent_agent_is_named(self) -> None:
        leases = [lease("coordinator"), lease("executor"), *(lease(f"agent-{r}") for r in ROLES[1:])]
        leases.append(lease(f"agent-{ROLES[0]}", silent_for=600))
        finding = the("Heartbeats", install_checks.processes(installation(objects={kinds.LEASE: leases})))
        assert finding.verdict is Verdict.FAIL
        assert f"agent-{ROLES[0]}" in finding.message
        assert f"agent-{ROLES[1]}" not in finding.message

    def test_three_agents_are_no_quorum(self) -> None:
        few = [agent.to_json() for agent in Council(6).agents[:3]]
        finding = the("Quorum", install_checks.agents(installation(objects={kinds.AGENT: few})))
        assert finding.verdict is Verdict.FAIL

    def test_a_coordinator_that_may_patch_workloads_is_a_failure(self) -> None:
        rights = dict(installation().rights)
        wrong = next(r for r in needs.forbidden(NAMESPACE) if "coordinator" in r.user and "deployments" in r.resource)
        rights[wrong] = True
        finding = the("RBAC", install_checks.rights(installation(rights=rights)))
        assert finding.verdict is Verdict.FAIL
        assert "coordinator: patch deployments.apps" in finding.message

    def test_a_policy_whose_binding_only_warns_is_not_enforced(self) -> None:
        name = f"{ADMISSION_POLICIES[0]}.incidentcommander.io"
        bindings = [{"spec": {"policyName": name, "validationActions": ["Warn"]}}]
        facts = installation(objects={kinds.VALIDATING_ADMISSION_POLICY_BINDING: bindings})
        finding = the("Admission", install_checks.admission(facts))
        assert ADMISSION_POLICIES[0] in finding.message

    def test_a_tripped_breaker_is_a_failure_with_its_reason(self) -> None:
        facts = installation(breaker={"state": "Tripped", "reason": "3 of 5 failed", "trippedAt": "now"})
        finding = the("Breaker", install_checks.breaker(facts))
        assert finding.verdict is Verdict.FAIL
        assert "3 of 5 failed" in finding.message

    def test_knows_every_admission_policy_that_is_shipped(self) -> None:
        files = (Path(__file__).parents[4] / "deploy" / "admission").glob("*.yaml")
        shipped = {
            document["metadata"]["name"].partition(".")[0]
            for file in files
            for document in yaml.safe_load_all(file.read_text())
            if document and document["kind"] == "ValidatingAdmissionPolicy"
        }
        assert shipped == set(ADMISSION_POLICIES)


class TestAlertmanager:
    def one(self, **config: Any) -> Finding:
        return the("Alertmanager", monitoring_checks.alertmanager(installation(alertmanager=ROUTES | config)))

    def test_that_does_not_answer_is_told_with_what_was_tried_and_what_to_do(self) -> None:
        why, found = (
            Unread("http://10.1.2.3:9093: connection refused"),
            "http://10.1.2.3:9093, which Prometheus sends to",
        )
        facts = installation(alertmanager=why, alertmanager_found=found)
        finding = the("Alertmanager", monitoring_checks.alertmanager(facts))
        assert finding.verdict is Verdict.UNKNOWN
        assert f"Tried: {found}; found: {why.why}" in finding.message
        assert "--alertmanager-url http://NAME.NAMESPACE.svc:9093" in finding.advice
        assert "port-forward" in finding.advice

    def test_that_nothing_names_is_told_with_where_it_was_looked_for(self) -> None:
        finding = the("Alertmanager", monitoring_checks.alertmanager(installation(alertmanager=None)))
        assert "http://prometheus:9090 sends its alerts to none" in finding.message
        nowhere = installation(alertmanager=None, prometheus=None)
        assert "no Prometheus" in the("Alertmanager", monitoring_checks.alertmanager(nowhere)).message

    def test_without_a_receiver_is_a_failure(self) -> None:
        assert self.one(receivers=[{"name": "default"}]).verdict is Verdict.FAIL

    def test_without_a_route_to_the_receiver_is_a_failure(self) -> None:
        assert self.one(route={"receiver": "default"}).verdict is Verdict.FAIL

    def test_a_route_that_silences_people_is_told(self) -> None:
        finding = self.one(route={"receiver": "default", "routes": [{"receiver": "ic"}]})
        assert finding.verdict is Verdict.WARN
        assert "continue" in finding.message

    def test_a_route_deep_in_the_tree_is_found(self) -> None:
        inner = {"receiver": "ic", "continue": True}
        assert self.one(route={"receiver": "default", "routes": [{"routes": [inner]}]}).verdict is Verdict.OK

    def test_send_resolved_false_is_told(self) -> None:
        hook = {"url": "http://gateway/api/v1/alerts", "send_resolved": False}
        finding = self.one(receivers=[{"name": "ic", "webhook_configs": [hook]}])
        assert finding.verdict is Verdict.WARN


class TestRunbooks:
    def one(self, *items: dict[str, Any]) -> Finding:
        return the("Runbooks", runbooks(installation(objects={kinds.RUNBOOK: list(items)})))

    def test_that_can_be_planned_are_well(self) -> None:
        assert self.one(a_runbook("${facts.suggestedMemoryLimit}")).verdict is Verdict.OK

    def test_that_refer_to_a_fact_that_no_diagnosis_gives_fail_with_the_nearest(self) -> None:
        finding = self.one(a_runbook("${facts.sugestedMemoryLimit}"))
        assert finding.verdict is Verdict.FAIL
        assert "Runbook mine: spec.steps[0].parameters.memory: ${facts.sugestedMemoryLimit}" in finding.message
        assert "nearest: suggestedMemoryLimit" in finding.message

    def test_whose_action_does_not_take_a_parameter_or_lacks_one_fail(self) -> None:
        wrong = a_runbook("1Gi")
        wrong["spec"]["steps"][0]["parameters"] = {"zz": "1"}
        unknown, missing = runbooks(installation(objects={kinds.RUNBOOK: [wrong]}))
        assert (unknown.verdict, missing.verdict) == (Verdict.FAIL, Verdict.FAIL)
        assert "SetResources has no parameter 'zz'" in unknown.message
        assert "SetResources needs one of memory" in missing.message

    def test_whose_query_cannot_be_parsed_fail(self) -> None:
        wrong = a_runbook("1Gi")
        check = {"name": "errors", "query": "sum(up", "operator": "<", "threshold": "1"}
        wrong["spec"]["verification"] = {"promql": [check]}
        finding = self.one(wrong)
        assert finding.verdict is Verdict.FAIL
        assert "'(' at column 4 is never closed" in finding.message

    def test_that_cannot_be_read_fail(self) -> None:
        assert self.one(a_runbook("${fact.container}")).verdict is Verdict.FAIL


class TestTheReport:
    def printed(self, facts: Facts) -> str:
        console = Console(width=80, no_color=True, force_terminal=False, record=True, markup=False)
        with console.capture() as capture:
            console.print(report(facts, examine(facts)))
        return capture.get()

    def test_begins_with_the_verdict(self) -> None:
        assert self.printed(installation()).startswith("Healthy: ")
        assert self.printed(installation(breaker={"state": "Tripped"})).startswith("Not ready: 1 FAIL")

    def test_shows_what_is_to_be_mended_before_what_is_well(self) -> None:
        lines = self.printed(installation(breaker={"state": "Tripped"})).splitlines()
        assert lines[2].startswith("FAIL")

    def test_keeps_to_80_columns_and_escapes_what_others_wrote(self) -> None:
        text = self.printed(installation(user=HOSTILE, breaker={"state": "Tripped", "reason": HOSTILE}))
        assert max(len(line) for line in text.splitlines()) <= 80
        assert "\x1b" not in text
