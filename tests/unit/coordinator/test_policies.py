"""A policy says whether it is understood and whether it lets anything be done; it is told only what is new."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from incident_commander.api import kinds
from incident_commander.api.conditions import PolicyConditionType, find_condition
from incident_commander.api.meta import ObjectMeta
from incident_commander.api.plan import ActionName
from incident_commander.api.policy import RemediationPolicy, RemediationPolicySpec
from incident_commander.coordinator.asked_queries import AskedQueries
from incident_commander.coordinator.policies import REVIEW_SECONDS, PolicyReviewer
from incident_commander.coordinator.policy_review import review
from incident_commander.errors import MetricsUnavailable, QueryRefused
from incident_commander.ports import Query, Series
from incident_commander.rehearsal.identities import service_account
from incident_commander.rehearsal.world import World
from tests.unit.coordinator.board import NOW, Board

AGENTS = Board().agents
ALL = [action.value for action in ActionName]


def policy(name: str = "p", mode: str = "Auto", actions: list[str] | None = None, **spec: Any) -> RemediationPolicy:
    values = {"mode": mode, "actions": ALL if actions is None else actions, **spec}
    return RemediationPolicy(
        metadata=ObjectMeta(name=name, generation=4), spec=RemediationPolicySpec.model_validate(values)
    )


def said(
    one: RemediationPolicy, *others: RemediationPolicy, type_: PolicyConditionType = PolicyConditionType.EFFECTIVE
) -> tuple[str, str, str]:
    found = find_condition(review(one, [one, *others], AGENTS, NOW), type_)
    assert found is not None
    assert found.observed_generation == 4
    return found.status, found.reason, found.message


class TestDisabledActions:
    """The chart enables less than the policy lists."""

    def said(self, *actions: str) -> tuple[str, str, str]:
        one = policy(actions=list(actions))
        conditions = review(one, [one], AGENTS, NOW, {ActionName.DELETE_POD})
        found = find_condition(conditions, PolicyConditionType.EFFECTIVE)
        assert found is not None
        return found.status, found.reason, found.message

    def test_a_policy_of_nothing_else_never_acts(self) -> None:
        status, reason, message = self.said("DeletePod", "Escalate")
        assert (status, reason) == ("False", "ActionsDisabled")
        assert "never done: DeletePod" in message

    def test_a_policy_of_others_too_acts_and_says_what_it_never_does(self) -> None:
        status, reason, message = self.said("DeletePod", "RestartRollout")
        assert (status, reason) == ("True", "Acts")
        assert "never done: DeletePod" in message

    def test_a_policy_of_others_only_says_nothing_of_it(self) -> None:
        assert "never done" not in self.said("RestartRollout")[2]


class TestTheQuorum:
    def test_one_that_is_weaker_than_needed_is_said_to_have_no_effect(self) -> None:
        status, reason, message = said(policy(consensus={"minQuorum": 3}))
        assert (status, reason) == ("True", "Acts")
        assert "spec.consensus.minQuorum 3 has no effect: 6 Agents need 4 equal votes" in message

    @pytest.mark.parametrize("consensus", [{}, {"minQuorum": 4}, {"minQuorum": 6}])
    def test_any_other_is_no_remark(self, consensus: dict[str, Any]) -> None:
        assert "minQuorum" not in said(policy(consensus=consensus))[2]


class TestAccepted:
    def test_what_is_understood_is_said_back(self) -> None:
        status, reason, message = said(policy(actions=["RestartRollout"]), type_=PolicyConditionType.ACCEPTED)
        assert (status, reason) == ("True", "Accepted")
        assert message == "mode Auto; actions: RestartRollout; 0 freeze windows"

    def test_a_query_that_cannot_be_parsed_is_said_and_that_nothing_is_proven_by_it(self) -> None:
        check = {"name": "errors", "query": "sum(up", "operator": "<", "threshold": "1"}
        status, reason, message = said(policy(verification={"promql": [check]}), type_=PolicyConditionType.ACCEPTED)
        assert (status, reason) == ("False", "InvalidValue")
        assert message.startswith("spec.verification.promql[0].query of 'errors': '(' at column 4 is never closed")
        assert "no fix is ever proven" in message

    @pytest.mark.parametrize("glob", ["[a", "a]", "shop-[ab", "Shop", "shop/*", "a b"])
    def test_a_glob_that_no_namespace_can_match_is_refused(self, glob: str) -> None:
        policy_ = policy(match={"namespaces": ["shop", glob]})
        status, reason, message = said(policy_, type_=PolicyConditionType.ACCEPTED)
        assert (status, reason) == ("False", "InvalidValue")
        assert f"spec.match.namespaces: {glob!r}" in message

    @pytest.mark.parametrize("glob", ["", "*", "shop-*", "team-[ab]", "team-[!a-c]-?", "kube-system"])
    def test_a_glob_that_may_match_is_accepted(self, glob: str) -> None:
        assert said(policy(match={"namespaces": [glob]}), type_=PolicyConditionType.ACCEPTED)[0] == "True"

    def test_an_empty_query_is_no_check(self) -> None:
        check = {"name": "errors", "query": "", "operator": "<", "threshold": "1"}
        with pytest.raises(ValidationError, match="query"):
            policy(verification={"promql": [check]})

    @pytest.mark.parametrize(
        ("spec", "names"),
        [
            ({"freezeWindows": [{"name": "w", "schedule": "0 25 * * *", "durationMinutes": 5}]}, ("window w", "hour")),
            (
                {
                    "freezeWindows": [
                        {"name": "w", "schedule": "0 5 * * *", "durationMinutes": 5, "timezone": "Mars/Olympus"}
                    ]
                },
                ("window w", "Mars/Olympus"),
            ),
            (
                {"freezeWindows": [{"name": "w", "from": "2026-02-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}]},
                ("window w", "until is not after from"),
            ),
            ({"limits": {"maxMemory": "lots"}}, ("spec.limits.maxMemory", "lots")),
            ({"match": {"kinds": ["Deploymnet"]}}, ("spec.match.kinds", "Deploymnet")),
        ],
    )
    def test_what_no_schema_can_check_is_named(self, spec: dict[str, Any], names: tuple[str, ...]) -> None:
        status, reason, message = said(policy(**spec), type_=PolicyConditionType.ACCEPTED)
        assert (status, reason) == ("False", "InvalidValue")
        assert all(name in message for name in names), message
        assert said(policy(**spec))[0] == "Unknown"


class TestEffective:
    def test_one_that_acts_says_how(self) -> None:
        assert said(policy())[:2] == ("True", "Acts")
        assert "approval" in said(policy(mode="Approve"))[2]

    def test_observe_changes_nothing(self) -> None:
        assert said(policy(mode="Observe"))[:2] == ("False", "ObserveOnly")

    def test_actions_that_are_not_for_its_kinds_never_match(self) -> None:
        wrong = policy(actions=["CordonNode"], match={"kinds": ["Deployment"]})
        assert said(wrong)[:2] == ("False", "NeverMatches")

    @pytest.mark.parametrize(
        ("match", "broader"),
        [
            ({}, {}),
            ({"namespaces": ["shop"]}, {}),
            ({"namespaces": ["shop"]}, {"namespaces": ["*"]}),
            ({"namespaces": ["shop"]}, {"namespaces": ["shop", "pay"]}),
            ({"selector": {"matchLabels": {"a": "1", "b": "2"}}}, {"selector": {"matchLabels": {"a": "1"}}}),
            ({"severities": ["Critical"]}, {"severities": ["Critical", "Warning"]}),
            ({"kinds": ["Deployment"]}, {}),
        ],
    )
    def test_a_stricter_policy_that_holds_wherever_it_does_leaves_nothing_of_it(
        self, match: dict[str, Any], broader: dict[str, Any]
    ) -> None:
        status, reason, message = said(policy(match=match), policy("watch", "Observe", match=broader))
        assert (status, reason) == ("False", "Overridden")
        assert "RemediationPolicy watch" in message
        assert "Observe" in message

    @pytest.mark.parametrize(
        "narrower",
        [
            {"namespaces": ["shop"]},
            {"selector": {"matchLabels": {"a": "1"}}},
            {"severities": ["Info"]},
            {"kinds": ["Deployment"]},
        ],
    )
    def test_a_stricter_policy_that_holds_elsewhere_or_only_in_part_leaves_it_alone(
        self, narrower: dict[str, Any]
    ) -> None:
        assert said(policy(), policy("watch", "Observe", match=narrower))[:2] == ("True", "Acts")

    def test_a_policy_that_shares_no_action_leaves_nothing_of_it(self) -> None:
        one, other = policy(actions=["RestartRollout"]), policy("b", actions=["DeletePod"])
        assert said(one, other)[:2] == ("False", "Overridden")

    @pytest.mark.parametrize("rules", [{"minQuorum": 7}])
    def test_a_quorum_that_nobody_can_reach_is_named(self, rules: dict[str, Any]) -> None:
        status, reason, message = said(policy(consensus=rules))
        assert (status, reason) == ("False", "QuorumUnreachable")
        assert "6 Agents" in message

    def test_a_required_role_without_an_agent_is_named(self) -> None:
        one = policy(consensus={"requiredRoles": ["communication"]})
        found = find_condition(
            review(one, [one], [a for a in AGENTS if a.spec.role != "communication"], NOW),
            PolicyConditionType.EFFECTIVE,
        )
        assert found is not None
        assert found.reason == "QuorumUnreachable"


class TestWriting:
    async def reviewed(self, world: World) -> dict[str, Any]:
        cluster = world.cluster(service_account("coordinator"))
        assert await PolicyReviewer(cluster, world.clock).review_all() == REVIEW_SECONDS
        return {p["metadata"]["name"]: p.get("status") for p in world.api.store.scan(kinds.REMEDIATION_POLICY)}

    def world(self, *policies: RemediationPolicy) -> World:
        made = World(seed=1)
        for agent in AGENTS:
            made.apply(kinds.AGENT, None, {"apiVersion": "incidentcommander.io/v1alpha1", **agent.to_json()})
        for one in policies:
            body = one.to_json()
            body["metadata"] = {"name": one.metadata.name}
            made.apply(kinds.REMEDIATION_POLICY, None, body)
        return made

    async def test_the_generation_and_both_conditions_are_written_and_nothing_the_second_time(self) -> None:
        world = self.world(policy())
        (status,) = (await self.reviewed(world)).values()
        assert status["observedGeneration"] == 1
        assert [(c["type"], c["status"]) for c in status["conditions"]] == [("Accepted", "True"), ("Effective", "True")]
        writes = len(world.audit.writes())
        world.clock.advance_to(world.clock.now() + timedelta(minutes=5))
        await self.reviewed(world)
        assert len(world.audit.writes()) == writes

    async def test_another_policy_changes_what_this_one_says(self) -> None:
        world = self.world(policy())
        before = (await self.reviewed(world))["p"]["conditions"][1]
        world.clock.advance_to(world.clock.now() + timedelta(minutes=5))
        body = policy("watch", "Observe").to_json()
        body["metadata"] = {"name": "watch"}
        world.apply(kinds.REMEDIATION_POLICY, None, body)
        found = (await self.reviewed(world))["p"]["conditions"][1]
        assert (before["reason"], found["reason"]) == ("Acts", "Overridden")
        assert found["lastTransitionTime"] > before["lastTransitionTime"]

    async def test_one_that_cannot_be_read_says_what_was_found_and_does_not_stop_the_others(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world = self.world(policy(), policy("other"))
        read = world.cluster(service_account("coordinator"))

        class Newer:
            """An API server whose CRD knows an action that this version does not."""

            patch = read.patch

            async def list(self, kind: kinds.Kind, *args: Any, **named: Any) -> list[dict[str, Any]]:
                found = await read.list(kind, *args, **named)
                if kind == kinds.REMEDIATION_POLICY:
                    spec = {**found[0]["spec"], "actions": ["SingToIt"]}
                    found = [{**found[0], "spec": spec}, *found[1:]]
                return found

        await PolicyReviewer(Newer(), world.clock).review_all()  # type: ignore[arg-type]
        statuses = {p["metadata"]["name"]: p["status"] for p in world.api.store.scan(kinds.REMEDIATION_POLICY)}
        reasons = sorted(status["conditions"][0]["reason"] for status in statuses.values())
        assert reasons == ["Accepted", "NotUnderstood"]
        bad = next(s for s in statuses.values() if s["conditions"][0]["reason"] == "NotUnderstood")
        assert "SingToIt" in bad["conditions"][0]["message"]
        assert "only observed" in bad["conditions"][0]["message"]


class Prometheus:
    """Takes ``up``, refuses what has two heads, and is away for the rest."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def query(self, query: Query, at: datetime) -> list[Series]:
        self.asked.append(query.promql)
        if query.promql == "up up":
            raise QueryRefused('errors: 400 bad_data: 1:4: parse error: unexpected identifier "up"')
        if query.promql != "up":
            raise MetricsUnavailable("connection refused")
        return []


class TestQueriesThatPrometheusIsAsked:
    def policy(self, *queries: str) -> RemediationPolicy:
        checks = [{"name": "errors", "query": query, "operator": "<", "threshold": "1"} for query in queries]
        return policy(verification={"promql": checks})

    async def test_the_word_of_prometheus_stands_in_the_condition(self) -> None:
        asked = AskedQueries(Prometheus())  # type: ignore[arg-type]
        one = self.policy("up", "up up")
        refused = await asked.refused(one.spec.verification.promql, NOW)
        found = find_condition(review(one, [one], AGENTS, NOW, (), refused), PolicyConditionType.ACCEPTED)
        assert found is not None
        assert found.status == "False"
        assert found.message.startswith("spec.verification.promql[1]: errors: 400 bad_data: 1:4: parse error")

    async def test_each_is_asked_once_and_what_was_not_answered_again_later(self) -> None:
        prometheus = Prometheus()
        asked = AskedQueries(prometheus)  # type: ignore[arg-type]
        checks = self.policy("up", "up up", "away").spec.verification.promql
        for seconds in (0, 10, 20):
            assert list(await asked.refused(checks, NOW + timedelta(seconds=seconds))) == ["up up"]
        assert prometheus.asked == ["up", "up up", "away"]
        await asked.refused(checks, NOW + timedelta(minutes=6))
        assert prometheus.asked[3:] == ["away"]

    async def test_one_that_is_away_is_waited_for_once_in_a_look(self) -> None:
        prometheus = Prometheus()
        asked = AskedQueries(prometheus)  # type: ignore[arg-type]
        await asked.refused(self.policy("a", "b", "c").spec.verification.promql, NOW)
        assert prometheus.asked == ["a"]

    async def test_the_reviewer_asks_and_writes_it(self) -> None:
        world = TestWriting().world(self.policy("up up"))
        cluster = world.cluster(service_account("coordinator"))
        await PolicyReviewer(cluster, world.clock, (), Prometheus()).review_all()  # type: ignore[arg-type]
        (stored,) = world.api.store.scan(kinds.REMEDIATION_POLICY)
        assert "parse error" in stored["status"]["conditions"][0]["message"]

    async def test_without_a_prometheus_nothing_is_said(self) -> None:
        assert await AskedQueries(None).refused(self.policy("up up").spec.verification.promql, NOW) == {}
