"""Which policy rules a target: the strictest of all that match; adding one never allows more."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from incident_commander.api.meta import ObjectMeta
from incident_commander.api.plan import ActionName
from incident_commander.api.policy import (
    ConsensusPolicy,
    GitOps,
    Limits,
    Mode,
    PolicyMatch,
    RemediationPolicy,
    RemediationPolicySpec,
)
from incident_commander.api.statement import Severity
from incident_commander.planning.policy import bounds_of, select_policy

ORDER = [Mode.OBSERVE, Mode.APPROVE, Mode.AUTO]
specs = st.builds(
    RemediationPolicySpec,
    mode=st.sampled_from(ORDER),
    actions=st.lists(st.sampled_from(list(ActionName)), unique=True),
    limits=st.builds(
        Limits,
        max_attempts=st.integers(1, 5),
        cooldown_seconds=st.integers(0, 900),
        max_replicas=st.integers(1, 50),
        max_memory=st.sampled_from(["512Mi", "1Gi", "4G"]),
        min_healthy_percent=st.integers(0, 100),
    ),
    consensus=st.builds(ConsensusPolicy, min_quorum=st.none() | st.integers(3, 6)),
    git_ops=st.sampled_from(list(GitOps)),
)


def a_policy(name: str, spec: RemediationPolicySpec) -> RemediationPolicy:
    return RemediationPolicy(metadata=ObjectMeta(name=name), spec=spec)


def select(*policies: RemediationPolicy, **values: Any) -> RemediationPolicy | None:
    about = {"namespace": "shop", "labels": {"tier": "web"}, "severity": Severity.WARNING, "target_kind": "Deployment"}
    return select_policy(policies, **(about | values))


@given(st.lists(specs, min_size=1, max_size=4), specs)
def test_adding_a_policy_never_allows_more(found: list[RemediationPolicySpec], added: RemediationPolicySpec) -> None:
    policies = [a_policy(f"p{n}", spec) for n, spec in enumerate(found)]
    before, after = select(*policies), select(*policies, a_policy("q", added))
    assert before is not None
    assert after is not None
    assert ORDER.index(after.spec.mode) <= ORDER.index(before.spec.mode)
    assert set(after.spec.actions) <= set(before.spec.actions)
    assert after.spec.limits.max_attempts <= before.spec.limits.max_attempts
    assert after.spec.limits.cooldown_seconds >= before.spec.limits.cooldown_seconds
    assert after.spec.limits.min_healthy_percent >= before.spec.limits.min_healthy_percent
    assert bounds_of(after).max_replicas <= bounds_of(before).max_replicas
    assert (after.spec.consensus.min_quorum or 0) >= (before.spec.consensus.min_quorum or 0)
    assert not (before.spec.git_ops is GitOps.PROPOSE and after.spec.git_ops is GitOps.PATCH)


@given(st.permutations(["a", "b", "c"]), st.lists(specs, min_size=3, max_size=3))
def test_the_order_of_policies_does_not_matter(names: list[str], found: list[RemediationPolicySpec]) -> None:
    policies = {name: a_policy(name, spec) for name, spec in zip("abc", found, strict=True)}
    assert select(*(policies[name] for name in names)) == select(*policies.values())


def test_no_policy_is_none() -> None:
    assert select() is None


def test_every_part_of_a_match_must_hold() -> None:
    def one(**match: Any) -> RemediationPolicy:
        return a_policy("p", RemediationPolicySpec(match=PolicyMatch.model_validate(match)))

    assert select(one(namespaces=["sh*"], kinds=["Deployment"], severities=["Warning"])) is not None
    assert select(one(namespaces=["prod-*"])) is None
    assert select(one(kinds=["StatefulSet"])) is None
    assert select(one(severities=["Critical"])) is None
    assert select(one(selector={"matchLabels": {"tier": "db"}})) is None
    assert select(one(selector={"matchLabels": {"tier": "web"}})) is not None


def test_a_policy_for_namespaces_says_nothing_of_cluster_level_targets() -> None:
    policy = a_policy("p", RemediationPolicySpec(match=PolicyMatch(namespaces=["shop"])))
    assert select(policy, namespace="", target_kind="Node") is None
