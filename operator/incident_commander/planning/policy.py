"""Which policy rules a target: all that match, merged to the strictest of each. Adding one never allows more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import reduce

from incident_commander.actions.action import Bounds
from incident_commander.api.meta import ObjectMeta
from incident_commander.api.plan import ActionName
from incident_commander.api.policy import (
    ApprovalPolicy,
    ConsensusPolicy,
    FreezeWindow,
    GitOps,
    Limits,
    Mode,
    NetworkPolicies,
    PolicyMatch,
    RemediationPolicy,
    RemediationPolicySpec,
    VerificationPolicy,
)
from incident_commander.api.quantity import parse_quantity
from incident_commander.api.statement import Severity

_STRICTEST_FIRST = (Mode.OBSERVE, Mode.APPROVE, Mode.AUTO)


def select_policy(
    policies: Sequence[RemediationPolicy],
    *,
    namespace: str,
    labels: Mapping[str, str],
    severity: Severity,
    target_kind: str,
) -> RemediationPolicy | None:
    """The effective policy for a target, or None when none matches (which means Observe).

    ``namespace`` is "" for a cluster-level target, which only a policy without ``namespaces`` or with the
    literal "" matches. When several match, the strictest value of each field holds; the name lists them all.
    """
    matching = [
        policy
        for policy in sorted(policies, key=lambda p: p.metadata.name)
        if matches(policy.spec.match, namespace, labels, severity, target_kind)
    ]
    if not matching:
        return None
    if len(matching) == 1:
        return matching[0]
    name = "+".join(policy.metadata.name for policy in matching)
    spec = reduce(_strictest, (policy.spec for policy in matching))
    # Not through validation: together there may be more freeze windows than one resource may hold.
    spec = spec.model_copy(update={"match": _match(matching, namespace), "freeze_windows": _windows(matching)})
    return RemediationPolicy(metadata=ObjectMeta(name=name)).model_copy(update={"spec": spec})


def matches(
    match: PolicyMatch, namespace: str, labels: Mapping[str, str], severity: Severity, target_kind: str
) -> bool:
    """Whether a policy is about such a target."""
    return (
        (not match.namespaces or any(fnmatchcase(namespace, pattern) for pattern in match.namespaces))
        and all(labels.get(key) == value for key, value in match.selector.match_labels.items())
        and (not match.severities or severity in match.severities)
        and (not match.kinds or target_kind in match.kinds)
    )


def bounds_of(policy: RemediationPolicy | None) -> Bounds:
    """The limits that actions keep to; without a policy the defaults, for a recommendation."""
    limits = policy.spec.limits if policy is not None else Limits()
    return Bounds(
        max_replicas=limits.max_replicas,
        max_memory=limits.max_memory,
        max_cpu=limits.max_cpu,
        min_healthy_percent=limits.min_healthy_percent,
        max_volume=limits.max_volume or "",
        delete_empty_dir_data=limits.delete_empty_dir_data,
        network_policies_enforced=policy is not None and policy.spec.network_policies is NetworkPolicies.ENFORCED,
    )


def _strictest(one: RemediationPolicySpec, other: RemediationPolicySpec) -> RemediationPolicySpec:
    return RemediationPolicySpec(
        mode=min(one.mode, other.mode, key=_STRICTEST_FIRST.index),
        actions=[name for name in ActionName if name in one.actions and name in other.actions],
        limits=_limits(one.limits, other.limits),
        verification=_verification(one.verification, other.verification),
        approval=ApprovalPolicy(
            expires_after_seconds=min(one.approval.expires_after_seconds, other.approval.expires_after_seconds)
        ),
        consensus=_consensus(one.consensus, other.consensus),
        network_policies=NetworkPolicies.UNKNOWN
        if NetworkPolicies.UNKNOWN in (one.network_policies, other.network_policies)
        else NetworkPolicies.ENFORCED,
        git_ops=GitOps.PROPOSE if GitOps.PROPOSE in (one.git_ops, other.git_ops) else GitOps.PATCH,
    )


def _match(policies: Sequence[RemediationPolicy], namespace: str) -> PolicyMatch:
    """Of one that does not name the namespace literally, if any: all must, for a system namespace to be opened."""
    return min((p.spec.match for p in policies), key=lambda match: namespace in match.namespaces)


def _windows(policies: Sequence[RemediationPolicy]) -> list[FreezeWindow]:
    found: list[FreezeWindow] = []
    for policy in policies:
        found += [window for window in policy.spec.freeze_windows if window not in found]
    return found


def _limits(one: Limits, other: Limits) -> Limits:
    return Limits(
        max_attempts=min(one.max_attempts, other.max_attempts),
        cooldown_seconds=max(one.cooldown_seconds, other.cooldown_seconds),
        max_concurrent=min(one.max_concurrent, other.max_concurrent),
        max_per_hour=min(one.max_per_hour, other.max_per_hour),
        min_healthy_percent=max(one.min_healthy_percent, other.min_healthy_percent),
        max_replicas=min(one.max_replicas, other.max_replicas),
        max_memory=min(one.max_memory, other.max_memory, key=_amount),
        max_cpu=min(one.max_cpu, other.max_cpu, key=_amount),
        max_volume=None
        if one.max_volume is None or other.max_volume is None
        else min(one.max_volume, other.max_volume, key=_amount),
        delete_empty_dir_data=one.delete_empty_dir_data and other.delete_empty_dir_data,
    )


def _amount(text: str) -> Decimal:
    """What cannot be read counts as the smallest: it stays, and the action that meets it says so."""
    try:
        return parse_quantity(text)
    except ValueError:
        return Decimal("-Infinity")


def _verification(one: VerificationPolicy, other: VerificationPolicy) -> VerificationPolicy:
    """The longest window; every query, as far as one plan can hold them."""
    return VerificationPolicy(
        window_seconds=_longest(one.window_seconds, other.window_seconds),
        settle_seconds=_longest(one.settle_seconds, other.settle_seconds),
        poll_seconds=_longest(one.poll_seconds, other.poll_seconds),
        promql=[*one.promql, *(check for check in other.promql if check not in one.promql)][:8],
    )


def _consensus(one: ConsensusPolicy, other: ConsensusPolicy) -> ConsensusPolicy:
    return ConsensusPolicy(
        min_quorum=_longest(one.min_quorum, other.min_quorum),
        required_roles=[*one.required_roles, *(r for r in other.required_roles if r not in one.required_roles)],
        round_seconds=min(one.round_seconds, other.round_seconds),
        max_rounds=min(one.max_rounds, other.max_rounds),
    )


def _longest(one: int | None, other: int | None) -> int | None:
    known = [value for value in (one, other) if value is not None]
    return max(known, default=None)
