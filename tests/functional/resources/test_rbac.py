"""RBAC as shipped: who can do what, asked of a real API server with each identity's own token."""

from __future__ import annotations

from typing import Any

import pytest

from incident_commander.api import kinds
from incident_commander.api.names import GROUP, OPERATOR_NAMESPACE, ROLES
from tests.controlplane import ApiError
from tests.functional.installed import MERGE_PATCH, Client, Installed, manifests
from tests.functional.resources.incidents import Scene, deployment

pytestmark = pytest.mark.apiserver

AGENTS = tuple(f"agent-{role}" for role in ROLES)
OURS = ("gateway", "coordinator", "executor", *AGENTS)
WRITES = ("create", "update", "patch", "delete", "deletecollection")
INCIDENTS, STATUS = f"incidents.{GROUP}", f"incidents/status.{GROUP}"
WORKLOADS = ("daemonsets.apps", "deployments.apps", "statefulsets.apps")
SCALING = ("horizontalpodautoscalers.autoscaling", "cronjobs.batch")
BREAKER = "incident-commander-circuit-breaker"

PATCHED = (*WORKLOADS, *SCALING, "nodes", "persistentvolumeclaims", "pods", "pods/resize")
MADE = ("jobs.batch", "networkpolicies.networking.k8s.io")
EXECUTOR_WRITES = (
    {("patch", kind) for kind in PATCHED}
    | {(verb, kind) for kind in MADE for verb in ("create", "delete")}
    | {("delete", "pods"), ("create", "pods/eviction")}
)
EVENTS = {("create", "events")}

MAY_WRITE: dict[str, set[tuple[str, str]]] = {
    "gateway": {
        ("create", INCIDENTS),
        ("patch", INCIDENTS),
        ("create", "subjectaccessreviews.authorization.k8s.io"),
        ("create", "tokenreviews.authentication.k8s.io"),
    },
    "coordinator": EVENTS
    | {("patch", f"{plural}/status.{GROUP}") for plural in ("agents", "incidents", "remediationpolicies")},
    "executor": EXECUTOR_WRITES | {("patch", STATUS)},
    **{agent: {("patch", INCIDENTS)} for agent in AGENTS},
    # Whatever is not a dry-run, admission refuses.
    "agent-verification": {("patch", INCIDENTS)} | EXECUTOR_WRITES,
}
"""Everything that an identity may write in an ordinary namespace or in the cluster; whatever is not here is refused."""

OPEN_TO_ALL = (kinds.SELF_SUBJECT_REVIEW, kinds.SELF_SUBJECT_ACCESS_REVIEW)
"""Whoever is authenticated may ask who he is and what he may do (``system:basic-user``)."""

RESOURCES = sorted(
    {kind.resource for kind in kinds.ALL if kind not in OPEN_TO_ALL}
    | {resource for rights in MAY_WRITE.values() for _, resource in rights}
    | {"replicationcontrollers", "serviceaccounts/token", "pods/exec", "pods/ephemeralcontainers", "pods/eviction"}
    | {"nodes/proxy", "bindings", f"runbooks/status.{GROUP}", "deployments/scale.apps", "pods/status"}
    | {
        f"{plural}.rbac.authorization.k8s.io"
        for plural in ("roles", "rolebindings", "clusterroles", "clusterrolebindings")
    }
    | {"validatingadmissionpolicies.admissionregistration.k8s.io", "customresourcedefinitions.apiextensions.k8s.io"}
    | {"mutatingwebhookconfigurations.admissionregistration.k8s.io", "certificatesigningrequests.certificates.k8s.io"}
)


@pytest.mark.parametrize("who", OURS)
def test_an_identity_may_write_what_it_is_for_and_nothing_else(installed_cluster: Installed, who: str) -> None:
    client = installed_cluster.service_account(who)
    found = {(verb, resource) for resource in RESOURCES for verb in WRITES if client.may(verb, resource)}
    assert found == MAY_WRITE[who]


@pytest.mark.parametrize("who", OURS)
@pytest.mark.parametrize("namespace", ["default", OPERATOR_NAMESPACE, "kube-system", None])
def test_none_of_ours_can_read_a_secret(installed_cluster: Installed, who: str, namespace: str | None) -> None:
    client = installed_cluster.service_account(who)
    assert not any(client.may(verb, "secrets", namespace) for verb in ("get", "list", "watch"))
    assert not client.may("*", "*.*", namespace)


@pytest.mark.parametrize("who", OURS)
@pytest.mark.parametrize("resource", ["pods/exec", "pods/attach", "pods/portforward", "nodes/proxy", "services/proxy"])
def test_none_of_ours_can_reach_into_a_pod(installed_cluster: Installed, who: str, resource: str) -> None:
    client = installed_cluster.service_account(who)
    assert not any(client.may(verb, resource) for verb in ("create", "get"))


@pytest.mark.parametrize("who", OURS)
@pytest.mark.parametrize("verb", ["impersonate", "bind", "escalate"])
def test_none_of_ours_can_become_more(installed_cluster: Installed, who: str, verb: str) -> None:
    client = installed_cluster.service_account(who)
    for resource in ("users", "groups", "serviceaccounts", "clusterroles.rbac.authorization.k8s.io"):
        assert not client.may(verb, resource)


FOR_DIAGNOSIS = (
    kinds.API_SERVICE,
    kinds.CONFIG_MAP,
    kinds.ENDPOINTS,
    kinds.HTTP_ROUTE,
    kinds.INGRESS_CLASS,
    kinds.LEASE,
    kinds.MUTATING_WEBHOOK,
    kinds.ROLE,
    kinds.ROLE_BINDING,
    kinds.SERVICE_ACCOUNT,
    kinds.VALIDATING_WEBHOOK,
    kinds.VERTICAL_POD_AUTOSCALER,
    kinds.VOLUME_ATTACHMENT,
)
"""Kinds that no other agent reads."""

FOR_INSTALLERS = (kinds.CUSTOM_RESOURCE_DEFINITION, kinds.VALIDATING_ADMISSION_POLICY_BINDING)
"""Kinds that only the checks before and after an installation read, as whoever installs."""


class TestReading:
    EVIDENCE = tuple(
        kind.resource
        for kind in kinds.ALL
        if kind not in (kinds.SECRET, *FOR_DIAGNOSIS, *FOR_INSTALLERS)
        and not kind.group.startswith(("authentication", "authorization"))
    )

    @pytest.mark.parametrize("who", AGENTS)
    def test_agents_read_evidence_everywhere(self, installed_cluster: Installed, who: str) -> None:
        client = installed_cluster.service_account(who)
        missing = [r for r in self.EVIDENCE for v in ("get", "list") if not client.may(v, r, None)]
        assert missing == []

    def test_diagnosis_reads_what_a_cause_may_hide_in(self, installed_cluster: Installed) -> None:
        client = installed_cluster.service_account("agent-diagnosis")
        missing = [k.resource for k in FOR_DIAGNOSIS if not client.may("list", k.resource, None)]
        assert missing == []

    @pytest.mark.parametrize("who", OURS)
    def test_incidents_alone_are_watched(self, installed_cluster: Installed, who: str) -> None:
        client = installed_cluster.service_account(who)
        watched = [r for r in RESOURCES if client.may("watch", r, None)]
        assert watched == ([] if who == "gateway" else [INCIDENTS])

    @pytest.mark.parametrize("who", OURS)
    def test_only_diagnosis_reads_logs_and_config_maps(self, installed_cluster: Installed, who: str) -> None:
        client = installed_cluster.service_account(who)
        assert client.may("get", "pods/log") is (who == "agent-diagnosis")
        assert client.may("list", "configmaps") is (who == "agent-diagnosis")

    @pytest.mark.parametrize("who", ["coordinator", "executor"])
    def test_who_decides_and_who_acts_read_targets_voters_and_policies(
        self, installed_cluster: Installed, who: str
    ) -> None:
        client = installed_cluster.service_account(who)
        wanted = [*WORKLOADS, *SCALING, "pods", "nodes", "namespaces", "replicasets.apps", "jobs.batch"]
        wanted += ["controllerrevisions.apps", "poddisruptionbudgets.policy", "services", "persistentvolumeclaims"]
        wanted += [f"{plural}.{GROUP}" for plural in ("incidents", "agents", "remediationpolicies")]
        assert [r for r in wanted for v in ("get", "list") if not client.may(v, r, None)] == []

    def test_the_gateway_reads_what_alerts_name_and_no_more(self, installed_cluster: Installed) -> None:
        client = installed_cluster.service_account("gateway")
        named = [*WORKLOADS, *SCALING, "replicasets.apps", "jobs.batch", "pods", "nodes", "namespaces", "services"]
        named.append("persistentvolumeclaims")
        assert [r for r in named if not client.may("get", r, None)] == []
        assert not client.may("list", "pods", None)
        assert not client.may("get", f"agents.{GROUP}", None)


class TestInTheOperatorsNamespace:
    @pytest.mark.parametrize("who", ["coordinator", "executor"])
    def test_coordinator_and_executor_renew_their_own_lease(self, installed_cluster: Installed, who: str) -> None:
        client, leases = installed_cluster.service_account(who), "leases.coordination.k8s.io"
        assert client.may("create", leases, OPERATOR_NAMESPACE)
        assert all(client.may(verb, leases, OPERATOR_NAMESPACE, who) for verb in ("get", "patch"))
        assert not client.may("patch", leases, OPERATOR_NAMESPACE, "agent-diagnosis")
        assert not client.may("patch", leases, "kube-system", who)

    def test_the_executor_writes_the_breaker_and_reads_no_other_config_map(self, installed_cluster: Installed) -> None:
        client = installed_cluster.service_account("executor")
        assert all(client.may(v, "configmaps", OPERATOR_NAMESPACE, BREAKER) for v in ("get", "patch"))
        assert not client.may("get", "configmaps", OPERATOR_NAMESPACE, "another")
        assert not client.may("delete", "configmaps", OPERATOR_NAMESPACE, BREAKER)

    def test_the_coordinator_sees_heartbeats(self, installed_cluster: Installed) -> None:
        client = installed_cluster.service_account("coordinator")
        assert client.may("list", "leases.coordination.k8s.io", OPERATOR_NAMESPACE)

    def test_agents_keep_a_lease_and_no_more(self, installed_cluster: Installed) -> None:
        for who in AGENTS:
            client, leases = installed_cluster.service_account(who), "leases.coordination.k8s.io"
            assert client.may("create", leases, OPERATOR_NAMESPACE)
            assert all(client.may(v, leases, OPERATOR_NAMESPACE, who) for v in ("get", "patch"))
            assert not client.may("patch", leases, OPERATOR_NAMESPACE, "executor")
            assert not client.may("delete", leases, OPERATOR_NAMESPACE, who)
            assert not client.may("create", "configmaps", OPERATOR_NAMESPACE)


class TestAttempts:
    """The same by trying: what matters most."""

    def workload(self, scene: Scene) -> str:
        path = f"/apis/apps/v1/namespaces/{scene.namespace}/deployments"
        scene.installed.plane.request("POST", path, deployment())
        return f"{path}/web"

    def refused(self, client: Client, *request: Any) -> None:
        with pytest.raises(ApiError) as refused:
            client.request(*request)
        assert refused.value.status == 403
        assert "cannot" in str(refused.value)

    @pytest.mark.parametrize("who", ["coordinator", "gateway", "agent-resolution"])
    def test_only_the_executor_patches_a_deployment(self, scene: Scene, who: str) -> None:
        path, change = self.workload(scene), {"spec": {"replicas": 1}}
        self.refused(scene.ours(who), "PATCH", path, change, MERGE_PATCH)
        changed = scene.ours("executor").request("PATCH", path, change, MERGE_PATCH)
        assert changed["spec"]["replicas"] == 1

    @pytest.mark.parametrize("who", AGENTS)
    def test_no_agent_writes_status(self, scene: Scene, who: str) -> None:
        self.refused(scene.ours(who), "PATCH", f"{scene.path}/status", {"status": {"phase": "Resolved"}}, MERGE_PATCH)

    @pytest.mark.parametrize("who", OURS)
    def test_nobody_writes_voters(self, scene: Scene, who: str) -> None:
        path = f"/apis/{GROUP}/v1alpha1/agents"
        self.refused(scene.ours(who), "POST", path, {"metadata": {"name": "forged"}})

    def test_only_the_coordinator_writes_the_status_of_voters(self, scene: Scene) -> None:
        path = f"/apis/{GROUP}/v1alpha1/agents/anybody/status"
        for who in ("executor", "gateway", *AGENTS):
            self.refused(scene.ours(who), "PATCH", path, {"status": {"suspicion": 0}}, MERGE_PATCH)

    def test_the_coordinator_and_the_executor_write_no_spec_of_an_incident(self, scene: Scene) -> None:
        for who in ("coordinator", "executor"):
            self.refused(scene.ours(who), "PATCH", scene.path, {"spec": {"severity": "Info"}}, MERGE_PATCH)


class TestPeople:
    def test_an_approver_patches_incidents_of_one_namespace(self, scene: Scene) -> None:
        scene.installed.allow("carol@example.com", "incident-approver", scene.namespace)
        carol = scene.installed.user("carol@example.com")
        assert carol.may("patch", INCIDENTS, scene.namespace)
        assert not carol.may("patch", INCIDENTS, "default")
        assert not any(carol.may(verb, INCIDENTS, scene.namespace) for verb in ("create", "delete"))
        assert not carol.may("patch", STATUS, scene.namespace)

    def test_a_reporter_creates_incidents_and_cannot_read_them(self, scene: Scene) -> None:
        scene.installed.allow("alertmanager@example.com", "incident-reporter", scene.namespace)
        reporter = scene.installed.user("alertmanager@example.com")
        assert reporter.may("create", INCIDENTS, scene.namespace)
        assert not any(reporter.may(verb, INCIDENTS, scene.namespace) for verb in ("get", "list", "patch", "delete"))

    def test_whoever_may_view_a_namespace_sees_its_incidents(self, scene: Scene) -> None:
        scene.installed.allow("dave@example.com", "view", scene.namespace)
        dave = scene.installed.user("dave@example.com")
        assert dave.may("get", INCIDENTS, scene.namespace)
        assert not dave.may("patch", INCIDENTS, scene.namespace)


class TestTheManifests:
    ROLES = [m for m in manifests("deploy/rbac") if m["kind"] in ("Role", "ClusterRole")]

    @pytest.mark.parametrize("role", ROLES, ids=lambda m: f"{m['kind']}/{m['metadata']['name']}")
    def test_have_no_wildcards_and_are_in_alphabetical_order(self, role: dict[str, Any]) -> None:
        for rule in role["rules"]:
            for field in ("apiGroups", "resources", "verbs"):
                assert "*" not in "".join(rule[field])
                assert rule[field] == sorted(rule[field]), rule
        order = [rule["apiGroups"] for rule in role["rules"]]
        assert order == sorted(order)

    def test_bind_to_our_own_service_accounts_only(self) -> None:
        accounts = {m["metadata"]["name"] for m in manifests("deploy/rbac") if m["kind"] == "ServiceAccount"}
        assert accounts == set(OURS)
        for binding in (m for m in manifests("deploy/rbac") if m["kind"].endswith("Binding")):
            for subject in binding["subjects"]:
                assert (subject["kind"], subject["namespace"]) == ("ServiceAccount", OPERATOR_NAMESPACE)
                assert subject["name"] in accounts
