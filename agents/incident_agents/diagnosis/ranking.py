"""From findings to an order: a cause stands above what it explains, and what is not about the target sinks.

The model is small on purpose. Each analyser gives a confidence as if nothing else were wrong; then

1. a finding that explains another (``EXPLAINS``, on the same objects, or at who calls them; or along
   ``depends_on``) gains 2 for each effect, at most 6;
2. a finding about the target counts in full, one about what is attached to it 8 less; one that explains a
   finding about the target counts in full as well; any other is 40 less and at most 40;
3. one incident has one cause: what a finding explains, at any distance, is at least 12 below it, and has at most
   what it leaves of 100. So has a rival, which it does not explain: another finding about the same objects that is
   12 or more weaker, or a delay or loss at another place. Two places that explain it as well have 50 at most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from incident_agents.diagnosis.finding import Finding, Key
from incident_commander.api.causes import Cause

BAR = 50
"""Below this a finding explains nothing and is no confident hypothesis."""

_DROP, _GAIN, _MOST_GAIN, _MOST = 12, 2, 6, 97
_ATTACHED, _ELSEWHERE = 8, 40
_EQUAL = 5
"""Points of confidence; less is no difference."""
_ONE_PLACE = frozenset({Cause.NETWORK_LATENCY, Cause.PACKET_LOSS})
"""Inferred from who is slow: when one place explains all of it, no other is needed."""

ELSEWHERE = 40
"""At most, when it is not about the target and explains nothing that is."""

_NOT_ANSWERING = frozenset({Cause.APP_NOT_ANSWERING, Cause.PROBE_MISCONFIGURED})
_SCALING = frozenset({Cause.HPA_AT_MAXIMUM, Cause.HPA_CANNOT_SCALE})
_ENDS = frozenset({Cause.CRASH_LOOP, Cause.JOB_FAILED, Cause.CRON_JOB_FAILING}) | _SCALING | _NOT_ANSWERING
_OF_NODES = frozenset({Cause.DEPENDENCY_DOWN, Cause.UNSCHEDULABLE_TAINT, Cause.CRASH_LOOP, Cause.APP_NOT_ANSWERING})
_ROUTING = frozenset({Cause.DEPENDENCY_SLOW, Cause.DEPENDENCY_DOWN, Cause.APP_NOT_ANSWERING, Cause.CRASH_LOOP})

_STORE = _ENDS | {Cause.CRASH_AFTER_ROLLOUT, Cause.DEPENDENCY_DOWN, Cause.DEPENDENCY_ADDRESS_WRONG}
"""Of a store that answers, though not as it should: it was reached, so its address is right."""

_OF_REVISIONS = _ENDS | {
    Cause.IMAGE_NOT_FOUND,
    Cause.IMAGE_PULL_UNAUTHORIZED,
    Cause.CONFIG_MISSING,
    Cause.BAD_COMMAND,
    Cause.CRASH_AFTER_ROLLOUT,
    Cause.VOLUME_MOUNT_FAILED,
    Cause.MEMORY_LIMIT_TOO_LOW,
}
"""What a revision brings that is not wanted any more."""

EXPLAINS: Mapping[Cause, frozenset[Cause]] = {
    Cause.KUBELET_DOWN: _OF_NODES | {Cause.NODE_NOT_READY, Cause.NODE_CORDONED, Cause.POD_SANDBOX_FAILED},
    Cause.CONTAINER_RUNTIME_DOWN: _OF_NODES | {Cause.NODE_NOT_READY, Cause.NODE_CORDONED, Cause.POD_SANDBOX_FAILED},
    Cause.NETWORK_PLUGIN_DOWN: _OF_NODES | {Cause.NODE_NOT_READY, Cause.POD_SANDBOX_FAILED},
    Cause.NODE_NOT_READY: _OF_NODES | {Cause.NODE_CORDONED},
    Cause.NODE_PRESSURE: _OF_NODES,
    Cause.VOLUME_FULL: _ENDS | {Cause.CRASH_AFTER_ROLLOUT, Cause.DEPENDENCY_DOWN},
    Cause.VOLUME_CLAIM_PENDING: frozenset({Cause.UNSCHEDULABLE_VOLUME}),
    Cause.QUOTA_EXCEEDED: _ENDS
    | {Cause.UNSCHEDULABLE_VOLUME, Cause.DEPENDENCY_DOWN, Cause.DNS_RESOLUTION_FAILURE, Cause.DEPENDENCY_ADDRESS_WRONG},
    Cause.IMAGE_NOT_FOUND: _ENDS,
    Cause.IMAGE_PULL_UNAUTHORIZED: _ENDS,
    Cause.IMAGE_REGISTRY_UNREACHABLE: _ENDS,
    Cause.CONFIG_MISSING: _ENDS | {Cause.CRASH_AFTER_ROLLOUT},
    Cause.BAD_COMMAND: _ENDS | {Cause.CRASH_AFTER_ROLLOUT},
    Cause.VOLUME_MOUNT_FAILED: _ENDS | {Cause.BAD_COMMAND, Cause.CRASH_AFTER_ROLLOUT},
    Cause.POD_SANDBOX_FAILED: _ENDS,
    Cause.PORT_CONFLICT: _ENDS | {Cause.CRASH_AFTER_ROLLOUT, Cause.SERVICE_WRONG_PORT, Cause.DEPENDENCY_DOWN},
    Cause.VOLUME_PERMISSION_DENIED: _ENDS | {Cause.CRASH_AFTER_ROLLOUT, Cause.BAD_COMMAND},
    Cause.RBAC_FORBIDDEN: _ENDS | {Cause.CRASH_AFTER_ROLLOUT},
    Cause.SERVICE_ACCOUNT_MISSING: _ENDS | {Cause.DEPENDENCY_DOWN},
    Cause.POD_SECURITY_REFUSED: _ENDS | {Cause.BAD_COMMAND, Cause.CRASH_AFTER_ROLLOUT},
    Cause.ADMISSION_REFUSED: _ENDS,
    Cause.NAMESPACE_TERMINATING: _ENDS,
    Cause.SCHEDULER_DOWN: _ENDS,
    Cause.UNSCHEDULABLE_RESOURCES: _ENDS,
    Cause.UNSCHEDULABLE_TAINT: _ENDS,
    Cause.UNSCHEDULABLE_AFFINITY: _ENDS,
    Cause.UNSCHEDULABLE_VOLUME: _ENDS,
    Cause.RESOURCE_LIMIT_REACHED: _ENDS
    | {Cause.CRASH_AFTER_ROLLOUT, Cause.DEPENDENCY_DOWN, Cause.DEPENDENCY_SLOW, Cause.NETWORK_LATENCY},
    Cause.ROLLOUT_STUCK: _OF_REVISIONS,
    Cause.MEMORY_LIMIT_TOO_LOW: _ENDS,
    Cause.MEMORY_LEAK: _ENDS | {Cause.NETWORK_LATENCY},
    Cause.CPU_THROTTLED: _NOT_ANSWERING | {Cause.DEPENDENCY_SLOW, Cause.CPU_SATURATED, Cause.NETWORK_LATENCY},
    Cause.CPU_SATURATED: _NOT_ANSWERING | {Cause.DEPENDENCY_SLOW, Cause.NETWORK_LATENCY},
    Cause.TRAFFIC_SURGE: _NOT_ANSWERING | {Cause.DEPENDENCY_SLOW, Cause.CPU_SATURATED, Cause.HPA_AT_MAXIMUM},
    Cause.DISK_SATURATED: _NOT_ANSWERING | {Cause.DEPENDENCY_SLOW, Cause.REPLICATION_LAG, Cause.NETWORK_LATENCY},
    Cause.NETWORK_LATENCY: frozenset({Cause.DEPENDENCY_SLOW}),
    Cause.DEPENDENCY_SLOW: frozenset({Cause.NETWORK_LATENCY, Cause.APP_NOT_ANSWERING}),
    Cause.PACKET_LOSS: frozenset({Cause.DEPENDENCY_SLOW, Cause.NETWORK_LATENCY}),
    Cause.TLS_CERTIFICATE_INVALID: _ROUTING | _ENDS,
    Cause.SERVICE_SELECTS_NOTHING: _ROUTING | {Cause.SERVICE_WRONG_PORT},
    Cause.SERVICE_WRONG_PORT: _ROUTING,
    Cause.SERVICE_PROTOCOL_MISMATCH: _ROUTING | {Cause.SERVICE_WRONG_PORT},
    Cause.DEPENDENCY_ADDRESS_WRONG: _ROUTING
    | _ENDS
    | {Cause.CRASH_AFTER_ROLLOUT, Cause.SERVICE_WRONG_PORT, Cause.DATABASE_READ_ONLY},
    Cause.GATEWAY_MISROUTED: _ROUTING,
    Cause.DNS_RESOLUTION_FAILURE: _ROUTING | _ENDS | {Cause.CRASH_AFTER_ROLLOUT},
    Cause.NETWORK_POLICY_BLOCKS: _ROUTING | _ENDS | {Cause.DNS_RESOLUTION_FAILURE},
    Cause.KUBE_PROXY_DOWN: _ROUTING | {Cause.DNS_RESOLUTION_FAILURE},
    Cause.DATABASE_CREDENTIALS_INVALID: _STORE,
    Cause.DATABASE_CONNECTIONS_EXHAUSTED: _STORE | {Cause.NETWORK_LATENCY},
    Cause.DATABASE_READ_ONLY: _STORE,
    Cause.DATABASE_LOCK_CONTENTION: _STORE | {Cause.DEPENDENCY_SLOW, Cause.NETWORK_LATENCY},
    Cause.CACHE_MEMORY_EXHAUSTED: _STORE,
    Cause.REPLICATION_LAG: frozenset({Cause.DEPENDENCY_SLOW}),
    Cause.MESSAGE_QUEUE_BACKLOG: frozenset({Cause.DEPENDENCY_SLOW}),
    Cause.FAULT_INJECTED: _ROUTING | _NOT_ANSWERING | {Cause.NETWORK_LATENCY, Cause.PACKET_LOSS},
    Cause.CONTROL_PLANE_DOWN: _ENDS,
    Cause.SCALED_TO_ZERO: _ROUTING | _ENDS | {Cause.SERVICE_SELECTS_NOTHING},
    Cause.DEPENDENCY_DOWN: _ENDS | {Cause.CRASH_AFTER_ROLLOUT, Cause.CPU_THROTTLED, Cause.NETWORK_LATENCY},
    Cause.CRASH_AFTER_ROLLOUT: _ENDS,
    Cause.PROBE_MISCONFIGURED: frozenset({Cause.CRASH_LOOP, Cause.CRASH_AFTER_ROLLOUT, Cause.APP_NOT_ANSWERING}),
    Cause.CRASH_LOOP: _NOT_ANSWERING | _SCALING,
    Cause.APP_NOT_ANSWERING: _SCALING,
}
"""Which causes, on the same objects, are mere effects of which."""


_AT_CALLERS = frozenset(
    {
        Cause.CRASH_LOOP,
        Cause.JOB_FAILED,
        Cause.CRON_JOB_FAILING,
        Cause.APP_NOT_ANSWERING,
        Cause.DEPENDENCY_SLOW,
        Cause.NETWORK_LATENCY,
    }
)
"""Effects that go up the calls: who calls what fails ends, does not answer, or is slow itself."""

_IN_CHAINS = frozenset({Cause.DEPENDENCY_DOWN, Cause.DEPENDENCY_SLOW, Cause.DATABASE_CONNECTIONS_EXHAUSTED})
"""Who waits for somebody that waits himself, and whose pool is empty because the database is full."""

Callers = Mapping[str, frozenset[str]]
"""For each workload (by its reference) everybody who calls it, directly or through others."""


def explains(cause: Finding, effect: Finding, callers: Callers | None = None) -> bool:
    """Whether ``effect`` needs no cause of its own when ``cause`` is true."""
    if cause is effect:
        return False
    if effect.depends_on & cause.about and not cause.depends_on & effect.about:
        return cause.cause is not effect.cause or effect.cause in _IN_CHAINS
    if effect.cause not in EXPLAINS.get(cause.cause, frozenset()):
        return False
    return bool(cause.about & effect.about) or (
        effect.cause in _AT_CALLERS and any((callers or {}).get(ref, frozenset()) & effect.about for ref in cause.about)
    )


def rank(
    findings: Sequence[Finding], target: frozenset[str], near: frozenset[str], callers: Callers | None = None
) -> list[Finding]:
    """Findings with their final confidence, the best first. ``target`` empty: every object counts as the target."""
    effects = _effects(findings, callers)
    ranked = [_weighed(n, findings, effects, target, near) for n in range(len(findings))]
    below = [_reached(n, effects) for n in range(len(effects))]
    # Effects are lowered after their causes have their final value, the deepest cause first.
    explained: set[int] = set()
    for n in _causes_first(effects, ranked):
        sure = ranked[n].confidence
        if sure >= BAR:
            explained |= below[n]
            for m in below[n]:
                _lower(ranked, m, min(sure - _DROP, 100 - sure), n, "explains it")
        elif n in explained:
            for m in (m for m in below[n] if n not in below[m]):
                _lower(ranked, m, sure - 1, n, "explains it")
    _lower_rivals(ranked, below)
    order = sorted(range(len(ranked)), key=lambda n: (-ranked[n].confidence, n))
    above = _above(below, order)
    return _distinct([replace(ranked[n], explained_by=frozenset(ranked[m].key for m in above[n])) for n in order])


def _lower(ranked: list[Finding], n: int, most: int, other: int, why: str) -> None:
    most = max(1, most)
    if ranked[n].confidence > most:
        reasons = (*ranked[n].reasons, f"{most} at most: {_name(ranked[other])} {why}")
        ranked[n] = replace(ranked[n], confidence=most, reasons=reasons)


def _lower_rivals(ranked: list[Finding], below: Sequence[set[int]]) -> None:
    """What a better finding does not explain, and leaves no room for."""
    order = sorted(range(len(ranked)), key=lambda n: (-ranked[n].confidence, n))
    for place, n in enumerate(order):
        best = ranked[n]
        if best.confidence < BAR:
            break
        for m in order[place + 1 :]:
            other, less = ranked[m], best.confidence - ranked[m].confidence
            if n in below[m] or m in below[n] or (best.cause, best.object) == (other.cause, other.object):
                continue
            if {best.cause, other.cause} <= _ONE_PLACE:
                if less >= _EQUAL:
                    _lower(ranked, m, 100 - best.confidence, n, "is another place, and explains as much")
                else:
                    _lower(ranked, m, 50, n, "is another place, and explains it as well")
                    _lower(ranked, n, 50, m, "is another place, and explains it as well")
            elif best.cause is not other.cause and best.about & other.about and less >= _DROP:
                _lower(ranked, m, 100 - best.confidence, n, "is surer of the same object")


def _above(below: Sequence[set[int]], order: Sequence[int]) -> list[set[int]]:
    """For each finding those that explain it, at any distance; of two that explain each other the better one does."""
    place = {n: at for at, n in enumerate(order)}
    found: list[set[int]] = [set() for _ in below]
    for n, reached in enumerate(below):
        for m in reached:
            if n not in below[m] or place[n] < place[m]:
                found[m].add(n)
    return found


def _reached(start: int, effects: list[list[int]]) -> set[int]:
    seen, todo = {start}, [start]
    while todo:
        fresh = [m for m in effects[todo.pop()] if m not in seen]
        seen.update(fresh)
        todo += fresh
    return seen - {start}


def _weighed(
    n: int, findings: Sequence[Finding], effects: list[list[int]], target: frozenset[str], near: frozenset[str]
) -> Finding:
    finding = findings[n]
    reasons = [f"{finding.confidence} by what it saw itself"]
    gained = min(_MOST_GAIN, _GAIN * len(effects[n]))
    if gained:
        names = ", ".join(dict.fromkeys(_name(findings[m]) for m in effects[n]))
        reasons.append(f"+{gained}: it explains {names}"[:300])
    own = finding.confidence + gained
    relevant = _relevant(own, _about_target(n, findings, effects, target), finding, near)
    if relevant != own:
        reasons.append(f"{relevant - own}: it is not about the target, nor does it explain what is")
    return replace(finding, confidence=max(1, min(_MOST, relevant)), reasons=tuple(reasons))


def _name(finding: Finding) -> str:
    return f"{finding.cause} of {finding.object.name}" if finding.object is not None else str(finding.cause)


def _effects(findings: Sequence[Finding], callers: Callers | None) -> list[list[int]]:
    return [
        [m for m, effect in enumerate(findings) if cause.confidence >= BAR and explains(cause, effect, callers)]
        for cause in findings
    ]


def _about_target(n: int, findings: Sequence[Finding], effects: list[list[int]], target: frozenset[str]) -> bool:
    """Whether the finding, or anything that it explains at any distance, is about the target."""
    if not target:
        return True
    return any(findings[m].about & target for m in {n, *_reached(n, effects)})


def _relevant(confidence: int, about_target: bool, finding: Finding, near: frozenset[str]) -> int:
    if about_target:
        return confidence
    if finding.about & near and not any(ref.startswith("Node/") for ref in finding.about):
        return confidence - _ATTACHED
    return min(confidence - _ELSEWHERE, ELSEWHERE)


def _causes_first(effects: list[list[int]], ranked: Sequence[Finding]) -> list[int]:
    """Indices so that an explaining finding comes before what it explains; in a cycle the surest comes first."""
    order: list[int] = []
    state = [0] * len(effects)
    for start in sorted(range(len(effects)), key=lambda n: -ranked[n].confidence):
        stack = [(start, iter(effects[start]))] if state[start] == 0 else []
        state[start] = max(state[start], 1)
        while stack:
            here, rest = stack[-1]
            below = next((m for m in rest if state[m] == 0), None)
            if below is None:
                order.append(here)
                stack.pop()
            else:
                state[below] = 1
                stack.append((below, iter(effects[below])))
    return order[::-1]


def _distinct(findings: Sequence[Finding]) -> list[Finding]:
    """The best one of each cause and object."""
    found: dict[Key, Finding] = {}
    for finding in findings:
        found.setdefault(finding.key, finding)
    return list(found.values())
