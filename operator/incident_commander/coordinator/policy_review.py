"""Is a RemediationPolicy understood, and can it ever lead to anything? Pure: the conditions that its status gets."""

from __future__ import annotations

import enum
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from incident_commander.actions.catalogue import CATALOGUE
from incident_commander.api.agent import Agent
from incident_commander.api.conditions import PolicyConditionType, set_condition
from incident_commander.api.kinds import kind_named
from incident_commander.api.meta import Condition
from incident_commander.api.plan import ActionName
from incident_commander.api.policy import Mode, PolicyMatch, RemediationPolicy
from incident_commander.api.quantity import parse_quantity
from incident_commander.consensus.membership import MIN_MEMBERS, members_of, quorum
from incident_commander.guards.freeze import active_freeze
from incident_commander.planning.promql import unparsable_checks

_CLASS = re.compile(r"\[!?[^\[\]]+\]")
_OF_NAMESPACE_NAMES = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-*?")
_STRICTEST_FIRST = (Mode.OBSERVE, Mode.APPROVE, Mode.AUTO)


class PolicyReason(enum.StrEnum):
    """Reasons of the two conditions."""

    ACCEPTED = "Accepted"
    NOT_UNDERSTOOD = "NotUnderstood"
    INVALID_VALUE = "InvalidValue"
    ACTS = "Acts"
    OBSERVE_ONLY = "ObserveOnly"
    ACTIONS_DISABLED = "ActionsDisabled"
    NEVER_MATCHES = "NeverMatches"
    OVERRIDDEN = "Overridden"
    QUORUM_UNREACHABLE = "QuorumUnreachable"


Verdict = tuple[bool | None, PolicyReason, str]


def review(
    policy: RemediationPolicy,
    others: Sequence[RemediationPolicy],
    agents: Sequence[Agent],
    now: datetime,
    disabled_actions: Collection[ActionName] = (),
    refused_queries: Mapping[str, str] = MappingProxyType({}),
) -> list[Condition]:
    """Conditions ``Accepted`` (is it understood?) and ``Effective`` (may it ever let something be done?).

    ``disabled_actions`` are those that the installation does not enable; ``refused_queries`` says why Prometheus does
    not take a query.
    """
    problem = _invalid(policy, now)
    if problem:
        accepted: Verdict = (False, PolicyReason.INVALID_VALUE, f"{problem}; until it is mended nothing is done")
        effective: Verdict = (None, PolicyReason.INVALID_VALUE, "see condition Accepted")
    else:
        accepted = _measurable(policy, refused_queries) or (True, PolicyReason.ACCEPTED, _summary(policy))
        effective = _effective(policy, others, agents, now)
        if effective[0]:
            effective = _enabled(policy, disabled_actions, effective)
    return _conditions(policy.status.conditions, policy.metadata.generation, accepted, effective, now)


def not_understood(body: dict[str, Any], error: ValidationError, now: datetime) -> list[Condition]:
    """The conditions of a policy that this version cannot read. While there is one, everything is only observed."""
    found = error.errors(include_url=False, include_context=False)[:3]
    said = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']} (found {e.get('input')!r:.60})" for e in found)
    message = f"{said}; while this policy cannot be understood, every Incident is only observed"
    before = [Condition.model_validate(c) for c in (body.get("status") or {}).get("conditions") or []]
    accepted: Verdict = (False, PolicyReason.NOT_UNDERSTOOD, message)
    effective: Verdict = (None, PolicyReason.NOT_UNDERSTOOD, "see condition Accepted")
    return _conditions(before, int(body["metadata"].get("generation") or 0), accepted, effective, now)


def _conditions(
    before: Sequence[Condition], generation: int, accepted: Verdict, effective: Verdict, now: datetime
) -> list[Condition]:
    found = list(before)
    for type_, (status, reason, message) in (
        (PolicyConditionType.ACCEPTED, accepted),
        (PolicyConditionType.EFFECTIVE, effective),
    ):
        found = set_condition(found, type_, status, reason, message, generation=generation, now=now)
    return found


def _summary(policy: RemediationPolicy) -> str:
    spec = policy.spec
    actions = ", ".join(spec.actions) or "none"
    return f"mode {spec.mode}; actions: {actions}; {len(spec.freeze_windows)} freeze windows"


def _invalid(policy: RemediationPolicy, now: datetime) -> str:
    """What the API server could not check; empty when all is well."""
    for window in policy.spec.freeze_windows:
        try:
            active_freeze([window], now)
        except ValueError as error:
            return f"spec.freezeWindows: {error}"
    limits = policy.spec.limits
    for field, text in (("maxMemory", limits.max_memory), ("maxCPU", limits.max_cpu)):
        try:
            parse_quantity(text)
        except ValueError as error:
            return f"spec.limits.{field}: {error}"
    for glob in policy.spec.match.namespaces:
        problem = _bad_glob(glob)
        if problem:
            return f"spec.match.namespaces: {glob!r} {problem}"
    unknown = [kind for kind in policy.spec.match.kinds if kind_named(kind) is None]
    if unknown:
        return f"spec.match.kinds: {', '.join(unknown)} is not a kind that this operator knows"
    return ""


def _measurable(policy: RemediationPolicy, refused: Mapping[str, str]) -> Verdict | None:
    """None when all queries may be PromQL. What cannot be asked holds no action up: it leaves it unproven."""
    where, checks = "spec.verification.promql", policy.spec.verification.promql
    problems = unparsable_checks(checks, where)
    problems += [f"{where}[{n}]: {refused[check.query]}" for n, check in enumerate(checks) if check.query in refused]
    if not problems:
        return None
    told = f"{problems[0]}; a check that cannot be asked is Inconclusive, so until it is mended no fix is ever proven"
    return False, PolicyReason.INVALID_VALUE, told


def _bad_glob(glob: str) -> str:
    """Why no name of a namespace can ever match; empty when one may. Shell globs, as ``fnmatch`` reads them."""
    outside = _CLASS.sub("", glob)
    if "[" in outside or "]" in outside:
        return "has a bracket that opens or closes no class; write [abc], or leave it out"
    odd = sorted(set(outside) - _OF_NAMESPACE_NAMES)
    if odd:
        return f"can match no namespace: their names are lower-case letters, digits and -, and it has {odd[0]!r}"
    return ""


def _effective(
    policy: RemediationPolicy, others: Sequence[RemediationPolicy], agents: Sequence[Agent], now: datetime
) -> Verdict:
    spec = policy.spec
    if spec.mode is Mode.OBSERVE:
        return False, PolicyReason.OBSERVE_ONLY, "mode Observe: plans are recommended, nothing is changed"
    able = {kind for action in spec.actions for kind in CATALOGUE[action].kinds}
    if spec.match.kinds and not able & set(spec.match.kinds):
        message = f"none of {', '.join(spec.actions)} is for {', '.join(spec.match.kinds)}"
        return False, PolicyReason.NEVER_MATCHES, message
    for other in others:
        if other.metadata.name != policy.metadata.name and _covers(other.spec.match, spec.match):
            overridden = _overridden(policy, other)
            if overridden:
                return False, PolicyReason.OVERRIDDEN, overridden
    short = _quorum(policy, agents, now)
    if short:
        return False, PolicyReason.QUORUM_UNREACHABLE, short
    how = "each plan needs a person's approval" if spec.mode is Mode.APPROVE else "plans are carried out by themselves"
    return True, PolicyReason.ACTS, how + _weaker(policy, agents, now)


def _weaker(policy: RemediationPolicy, agents: Sequence[Agent], now: datetime) -> str:
    """What to say of a quorum below what is needed anyway: it has no effect."""
    wanted, members = policy.spec.consensus.min_quorum, len(members_of(agents, now))
    if wanted is None or members < MIN_MEMBERS or wanted >= quorum(members):
        return ""
    return (
        f"; spec.consensus.minQuorum {wanted} has no effect: {members} Agents need {quorum(members)} equal votes, and a"
        " policy may only ask for more"
    )


def _enabled(policy: RemediationPolicy, disabled: Collection[ActionName], otherwise: Verdict) -> Verdict:
    """What is left when the installation does not enable all that the policy lists."""
    missing = [action for action in policy.spec.actions if action in disabled]
    if not missing:
        return otherwise
    told = f"not enabled in this installation, so never done: {', '.join(missing)} (actions in the chart's values)"
    if set(policy.spec.actions) <= {*missing, ActionName.ESCALATE}:
        return False, PolicyReason.ACTIONS_DISABLED, told
    return otherwise[0], otherwise[1], f"{otherwise[2]}; {told}"


def _overridden(policy: RemediationPolicy, other: RemediationPolicy) -> str:
    """Whether another policy that holds wherever this one does leaves nothing of it: the strictest of each counts."""
    name = other.metadata.name
    if _STRICTEST_FIRST.index(other.spec.mode) < _STRICTEST_FIRST.index(policy.spec.mode):
        return f"RemediationPolicy {name} holds everywhere that this one does, in the stricter mode {other.spec.mode}"
    if not set(other.spec.actions) & set(policy.spec.actions):
        return f"RemediationPolicy {name} holds everywhere that this one does and allows none of its actions"
    return ""


def _covers(other: PolicyMatch, match: PolicyMatch) -> bool:
    """Whether ``other`` certainly matches whatever ``match`` does. Globs count when they are the same, or ``*``."""
    namespaces = (
        not other.namespaces
        or "*" in other.namespaces
        or (bool(match.namespaces) and set(match.namespaces) <= set(other.namespaces))
    )
    labels = other.selector.match_labels.items() <= match.selector.match_labels.items()
    severities = not other.severities or (bool(match.severities) and set(match.severities) <= set(other.severities))
    kinds = not other.kinds or (bool(match.kinds) and set(match.kinds) <= set(other.kinds))
    return namespaces and labels and severities and kinds


def _quorum(policy: RemediationPolicy, agents: Sequence[Agent], now: datetime) -> str:
    wanted = policy.spec.consensus
    members = members_of(agents, now)
    if wanted.min_quorum is not None and wanted.min_quorum > len(members):
        return f"spec.consensus.minQuorum is {wanted.min_quorum}, and {len(members)} Agents have a valid key"
    missing = [role for role in wanted.required_roles if role not in {m.role for m in members}]
    if missing:
        return f"spec.consensus.requiredRoles: no Agent with a valid key has the role {', '.join(missing)}"
    return ""
