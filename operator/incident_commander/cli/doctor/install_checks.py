"""What was installed: does every part run, count and stay within its rights?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from pydantic import ValidationError

from incident_commander.api import kinds
from incident_commander.api.agent import Agent
from incident_commander.api.names import ANNOTATION_KEY_ID, ROLES
from incident_commander.cli.doctor import needs
from incident_commander.cli.doctor.facts import ADMISSION_POLICIES, Facts, Unread, policy_of
from incident_commander.cli.doctor.finding import Finding, fail, ok, unknown, warn
from incident_commander.cli.doctor.runbooks import runbooks
from incident_commander.cli.doctor.scope import scope, system_namespaces
from incident_commander.consensus.envelope import key_counts
from incident_commander.consensus.membership import MIN_MEMBERS, is_quarantined, members_of, quorum
from incident_commander.ports import Object

_EXPIRES_SOON = timedelta(days=30)
_LEASE_GRACE = timedelta(seconds=30)
"""Over the Lease's own duration, for clocks that differ."""


def processes(facts: Facts) -> Iterator[Finding]:
    """Every part renews a Lease while it works; where Deployments are there, their Pods are counted too."""
    deployments, leases = facts.of(kinds.DEPLOYMENT), facts.of(kinds.LEASE)
    if isinstance(deployments, Unread):
        yield unknown("Deployments", deployments.why, f"ask for `list` on deployments in {facts.namespace}")
    else:
        short = [d for d in deployments if _ready(d) < _wanted(d)]
        names = ", ".join(f"{d['metadata']['name']} ({_ready(d)}/{_wanted(d)})" for d in short)
        if short:
            yield fail("Deployments", f"not ready: {names}", f"kubectl describe pods -n {facts.namespace}")
        elif deployments:
            yield ok("Deployments", f"all {len(deployments)} are ready")
    if isinstance(leases, Unread):
        yield unknown("Heartbeats", leases.why, f"ask for `list` on leases in {facts.namespace}")
        return
    expected = ["coordinator", "executor", *(f"agent-{role}" for role in ROLES)]
    at = facts.server_time or facts.now
    beating = {lease["metadata"]["name"]: _beats(lease, at) for lease in leases}
    silent = [name for name in expected if not beating.get(name)]
    if silent:
        yield fail(
            "Heartbeats",
            f"none from: {', '.join(silent)}",
            f"look at their logs: kubectl logs deployment/{silent[0]} -n {facts.namespace}",
        )
    else:
        yield ok("Heartbeats", f"coordinator, executor and {len(ROLES)} agents hold their Leases")


def agents(facts: Facts) -> Iterator[Finding]:
    """Keys that count, and enough of them for a quorum."""
    found = facts.of(kinds.AGENT)
    if isinstance(found, Unread):
        yield unknown("Agents", found.why, "ask for `list` on agents.incidentcommander.io")
        return
    read, broken = _parsed(found)
    if broken:
        yield fail("Agents", f"not readable: {', '.join(broken)}", "kubectl get agents -o yaml; correct the field")
    members = members_of(read, facts.now)
    away = [a.metadata.name for a in read if is_quarantined(a, facts.now)]
    silenced = sorted({m.agent for m in members} & {*away, *_keys_in_use(facts, read)[0]})
    roles = {str(member.role) for member in members}
    if len(members) < MIN_MEMBERS:
        yield fail(
            "Quorum",
            f"{len(members)} agents have a key that counts now; {MIN_MEMBERS} are needed",
            "no plan can be certified: renew or add keys (docs/operations.md, keys)",
        )
    elif silenced:
        can, needed = len(members) - len(silenced), quorum(len(members))
        said = warn if can >= needed else fail
        yield said(
            "Quorum",
            f"{needed} of {len(members)} agents decide, and {can} can: the votes of {', '.join(silenced)} do not count",
            "see Keys and Quarantine" if can >= needed else "no plan can be certified: see Keys and Quarantine",
        )
    elif set(ROLES) - roles:
        yield warn(
            "Quorum",
            f"{quorum(len(members))} of {len(members)} decide; no agent is {', '.join(sorted(set(ROLES) - roles))}",
            "each role asks a question of its own: install the missing agents",
        )
    else:
        yield ok("Quorum", f"{quorum(len(members))} of {len(members)} agents decide, in all six roles")
    if away:
        yield fail(
            "Quarantine",
            f"{', '.join(away)} lost the vote for provable misbehaviour",
            f"read the proof: kubectl get agent {away[0]} -o yaml; then rotate its key and clear status.quarantine",
        )
    soon = [a.metadata.name for a in read if _last_day(a) <= facts.now + _EXPIRES_SOON]
    if soon and len(members) >= MIN_MEMBERS:
        yield warn("Keys", f"run out within 30 days: {', '.join(soon)}", "rotate them (docs/operations.md, keys)")


def signing(facts: Facts) -> Iterator[Finding]:
    """An agent whose process signs with a key that does not count has no say, however well it seems to work."""
    found, leases = facts.of(kinds.AGENT), facts.of(kinds.LEASE)
    if isinstance(found, Unread) or isinstance(leases, Unread):
        return  # said by the checks of agents and heartbeats
    useless, untold, checked = _keys_in_use(facts, _parsed(found)[0])
    if useless:
        signed = ", ".join(f"{name} (signs with {key_id[:12]})" for name, key_id in useless.items())
        first, *others = useless
        yield fail(
            "Keys",
            f"votes count for nothing, the key is not one of the Agent's that count now: {signed}",
            f"incident-commander keys rotate {first} -n {facts.namespace}"
            + (f"; then the same for {', '.join(others)}" if others else ""),
        )
    if untold:
        yield unknown(
            "Keys",
            f"not told which key signs: {', '.join(untold)}",
            f"its Lease lacks {ANNOTATION_KEY_ID}: let it run this version (upgrade the release)",
        )
    if checked and not useless and not untold:
        yield ok("Keys", f"{checked} agents sign with a key that counts")


def rights(facts: Facts) -> Iterator[Finding]:
    """What each ServiceAccount must and must not be able to do."""
    if not facts.installed:
        return
    hook = needs.of_the_setup_hook(facts.namespace)
    answers = {r: a for r, a in facts.rights.items() if r.user and r not in hook}
    unread = next((a for a in answers.values() if isinstance(a, Unread)), None)
    if unread is not None:
        yield unknown("RBAC", unread.why, "ask for `create` on subjectaccessreviews, or for system:auth-delegator")
        return
    needed, forbidden = needs.needed(facts.namespace), needs.forbidden(facts.namespace)
    lacking = [f"{_short(r.user)}: {r.verb} {r.resource}" for r in needed if answers.get(r) is False]
    beyond = [f"{_short(r.user)}: {r.verb} {r.resource}" for r in forbidden if answers.get(r) is True]
    if lacking:
        yield fail(
            "RBAC",
            f"missing: {'; '.join(lacking[:4])}{_more(lacking)}",
            "apply the roles again (upgrade the release)",
        )
    if beyond:
        yield fail(
            "RBAC",
            f"too much: {'; '.join(beyond[:4])}{_more(beyond)}",
            "find the binding that grants it: kubectl get clusterrolebindings -o wide; nobody may decide and act",
        )
    if not lacking and not beyond:
        yield ok("RBAC", f"{len(needed)} rights are there, {len(forbidden)} that must not be are not")


def admission(facts: Facts) -> Iterator[Finding]:
    """RBAC says which resources, admission policies say which fields."""
    if not facts.installed:
        return
    bindings = facts.of(kinds.VALIDATING_ADMISSION_POLICY_BINDING)
    if isinstance(bindings, Unread):
        yield unknown("Admission", bindings.why, "ask for `list` on validatingadmissionpolicybindings")
        return
    enforced = {
        policy_of(binding)
        for binding in bindings
        if "Deny" in ((binding.get("spec") or {}).get("validationActions") or [])
    }
    missing = [name for name in ADMISSION_POLICIES if name not in enforced]
    if missing:
        yield fail(
            "Admission",
            f"not enforced: {', '.join(missing)}",
            "apply the ValidatingAdmissionPolicies and their bindings again (upgrade the release)",
        )
    else:
        yield ok("Admission", f"all {len(ADMISSION_POLICIES)} policies are enforced")


def breaker(facts: Facts) -> Iterator[Finding]:
    """Tripped: nothing is carried out until a person closes it."""
    if not facts.installed:
        return
    if isinstance(facts.breaker, Unread):
        yield unknown("Breaker", facts.breaker.why, f"ask for `get` on configmaps in {facts.namespace}")
    elif facts.breaker.get("state") == "Tripped":
        yield fail(
            "Breaker",
            f"tripped at {facts.breaker.get('trippedAt', 'an unknown time')}: {facts.breaker.get('reason', '')}",
            "look at the Incidents named, then: incident-commander breaker reset --reason ...",
        )
    else:
        yield ok("Breaker", "closed")


CHECKS = (processes, agents, signing, rights, admission, runbooks, scope, system_namespaces, breaker)


def _parsed(items: Sequence[Object]) -> tuple[list[Agent], list[str]]:
    read, broken = [], []
    for item in items:
        try:
            read.append(Agent.model_validate(item))
        except ValidationError:
            broken.append(str((item.get("metadata") or {}).get("name", "?")))
    return read, broken


def _keys_in_use(facts: Facts, agents: Sequence[Agent]) -> tuple[dict[str, str], list[str], int]:
    """Of the agents at work: those that sign with a key that does not count, and it; those not told; how many."""
    leases = facts.of(kinds.LEASE)
    at = facts.server_time or facts.now
    beating = {str(x["metadata"]["name"]): x for x in ([] if isinstance(leases, Unread) else leases) if _beats(x, at)}
    useless, untold, checked = {}, [], 0
    for agent in agents:
        name = agent.metadata.name
        lease = beating.get(f"agent-{name}")
        if lease is None:
            continue
        checked += 1
        key_id = str((lease["metadata"].get("annotations") or {}).get(ANNOTATION_KEY_ID) or "")
        if not key_id:
            untold.append(name)
        elif not any(key.key_id == key_id and key_counts(key, facts.now) for key in agent.spec.public_keys):
            useless[name] = key_id
    return useless, untold, checked


def _last_day(agent: Agent) -> datetime:
    return max(key.not_after for key in agent.spec.public_keys)


def _beats(lease: Object, at: datetime) -> bool:
    spec = lease.get("spec") or {}
    renewed, holder = spec.get("renewTime"), spec.get("holderIdentity")
    if not isinstance(renewed, str) or not holder:
        return False
    seconds = int(spec.get("leaseDurationSeconds") or 15)
    return at - datetime.fromisoformat(renewed) <= timedelta(seconds=seconds) + _LEASE_GRACE


def _ready(deployment: Object) -> int:
    return int((deployment.get("status") or {}).get("readyReplicas") or 0)


def _wanted(deployment: Object) -> int:
    return int((deployment.get("spec") or {}).get("replicas", 1))


def _short(user: str) -> str:
    return user.rpartition(":")[2]


def _more(items: Sequence[str]) -> str:
    return f" and {len(items) - 4} more" if len(items) > 4 else ""
