"""What changed, and what was seen of it: rollouts and their diffs, edits, node events and symptoms in one timeline."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from incident_commander.api import kinds
from incident_commander.api.kinds import Kind
from incident_commander.api.statement import Citation, CitationKind
from incident_commander.consensus.canonical import digest
from incident_commander.evidence import citing, fields, pods
from incident_commander.evidence.evidence import Evidence, reference
from incident_commander.evidence.revisions import Revision, revisions
from incident_commander.evidence.trim import event_time
from incident_commander.ports import Object

WINDOW = timedelta(hours=24)
"""Older changes are history."""

_EDITED: tuple[Kind, ...] = (
    kinds.CONFIG_MAP,
    kinds.SECRET,
    kinds.SERVICE,
    kinds.INGRESS,
    kinds.HTTP_ROUTE,
    kinds.NETWORK_POLICY,
    kinds.HORIZONTAL_POD_AUTOSCALER,
    kinds.RESOURCE_QUOTA,
    kinds.LIMIT_RANGE,
    kinds.POD_DISRUPTION_BUDGET,
    kinds.ROLE,
    kinds.ROLE_BINDING,
)
"""Kinds whose edits are told by who wrote their fields, and when."""

_MAX_DIFF, _MAX_TEXT = 6, 80
_VERSION = 10
"""Characters of a hash."""

_RESTARTED = "kubectl.kubernetes.io/restartedAt"
_OF_CONTENT = re.compile(r"checksum|(?:^|[/.-])(?:hash|sha(?:1|256)?)(?:$|[/.-])|last-reloaded-from", re.IGNORECASE)
"""Annotations by which Helm charts, Kustomize and reloaders roll out when a ConfigMap or a Secret changed."""

_OF_THE_CLUSTER = frozenset({"kube-root-ca.crt", "openshift-service-ca.crt"})
"""ConfigMaps that are made in every namespace."""
_CHANGES = frozenset(
    {"ScalingReplicaSet", "SuccessfulRescale", "DeploymentRollback", "NodeNotSchedulable", "NodeSchedulable"}
    | {"Rebooted", "Starting", "RegisteredNode", "RemovingNode", "DeletingNode", "TaintManagerEviction"}
)
"""Reasons of events that tell of a change and not of a symptom, though some are warnings."""


@dataclass(frozen=True, slots=True)
class Change:
    """One entry. ``symptom``: it tells that something is wrong, not that something was changed."""

    at: datetime
    ref: str
    text: str
    symptom: bool = False
    evidence: Citation | None = None


def timeline(evidence: Evidence, window: timedelta = WINDOW) -> list[Change]:
    """All entries of the ``window`` before the capture, the oldest first; of repeated ones the first."""
    since = evidence.captured_at - window
    found = [c for c in _all(evidence) if since <= c.at <= evidence.captured_at + timedelta(minutes=5)]
    found.sort(key=lambda change: (change.at, change.symptom, change.ref))
    seen: dict[tuple[str, str], Change] = {}
    for change in found:
        # Of events with one reason about one object the messages differ in generated names only.
        told = change.evidence
        what = told.path if told is not None and told.kind is CitationKind.EVENT else change.text
        seen.setdefault((change.ref, what), change)
    return list(seen.values())


def _all(evidence: Evidence) -> Iterator[Change]:
    for kind in (kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.DAEMON_SET):
        for workload in evidence.of(kind):
            yield from _rollouts(workload, revisions(workload, evidence.objects))
    for kind in _EDITED:
        for obj in evidence.of(kind):
            yield from _edits(obj)
    for node in evidence.of(kinds.NODE):
        yield from _conditions(node)
    for pod in evidence.of(kinds.POD):
        yield from _ends(pod)
    for event in evidence.of(kinds.EVENT):
        yield from _event(event)
    for alert in evidence.alerts:
        where = alert.labels.get("service") or alert.labels.get("pod") or alert.labels.get("namespace") or ""
        yield Change(alert.starts_at, where, f"alert {alert.name}", symptom=True, evidence=citing.of_alert(alert))


def _rollouts(workload: Object, known: list[Revision]) -> Iterator[Change]:
    for newer, older in pairwise(known):
        if newer.since is not None:
            diff = ", ".join(differences(older.template, newer.template)) or "the same template"
            yield Change(newer.since, reference(workload), f"rolled out revision {newer.number}: {diff}")
    if known and known[-1].since is not None and len(known) == 1:
        number = known[-1].number
        said = f"rolled out revision {number}, the only one seen" if number > 1 else f"first revision {number}"
        yield Change(known[-1].since, reference(workload), said)


def differences(old: Any, new: Any) -> list[str]:
    """What differs between two pod templates, as ``path: old → new``, without secrets; at most six."""
    found = list(_differences(fields.mapping(old, "spec"), fields.mapping(new, "spec"), ""))
    found += _annotations(
        fields.strings(old, "metadata", "annotations"), fields.strings(new, "metadata", "annotations")
    )
    shown = found[:_MAX_DIFF]
    return shown if len(found) <= _MAX_DIFF else [*shown, f"and {len(found) - _MAX_DIFF} more"]


def _annotations(old: dict[str, str], new: dict[str, str]) -> Iterator[str]:
    """By these a roll-out is made that changes nothing else: a restart, and other content of what is mounted."""
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) == new.get(key):
            continue
        if key == _RESTARTED:
            yield "restarted by hand (kubectl rollout restart)"
        elif _OF_CONTENT.search(key):
            yield citing.spoken(f"{key}: other content of a ConfigMap or Secret", 2 * _MAX_TEXT)
        else:
            was, now = citing.setting(key, old.get(key)), citing.setting(key, new.get(key))
            yield citing.spoken(f"annotation {key}: {was[:_MAX_TEXT]} → {now[:_MAX_TEXT]}", 4 * _MAX_TEXT)


def _differences(old: Any, new: Any, path: str, depth: int = 0) -> Iterator[str]:
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict) and depth < 8:
        for key in sorted(old.keys() | new.keys(), key=str):
            yield from _differences(old.get(key), new.get(key), f"{path}.{key}" if path else str(key), depth + 1)
    elif isinstance(old, list) and isinstance(new, list) and depth < 8 and (_named(old) or _named(new)):
        before, after = {_name(o): o for o in old}, {_name(o): o for o in new}
        for name in sorted(before.keys() | after.keys()):
            yield from _differences(before.get(name), after.get(name), f"{path}[{name}]", depth + 1)
    else:
        was, now = citing.setting(path, old), citing.setting(path, new)
        yield citing.spoken(f"{path}: {was[:_MAX_TEXT]} → {now[:_MAX_TEXT]}", 4 * _MAX_TEXT)


def _named(items: list[Any]) -> bool:
    names = [_name(item) for item in items]
    return bool(names) and all(names) and len(set(names)) == len(names)


def _name(item: Any) -> str:
    return fields.text(item, "name") or fields.text(item, "mountPath")


def _edits(obj: Object) -> Iterator[Change]:
    if fields.name(obj) in _OF_THE_CLUSTER:
        return
    born = fields.created(obj)
    written = [
        (at, citing.spoken(fields.text(entry, "manager"), _MAX_TEXT) or "somebody")
        for entry in fields.items(obj, "metadata", "managedFields")
        if (at := fields.moment(entry, "time")) is not None
        and not fields.text(entry, "subresource")
        and (born is None or at - born >= timedelta(seconds=2))
    ]
    last = max((at for at, _ in written), default=born)
    if born is not None:
        yield Change(born, reference(obj), f"created{_version(obj) if born == last else ''}")
    for at, by in written:
        yield Change(at, reference(obj), f"edited by {by}{_version(obj) if at == last else ''}")


def _version(obj: Object) -> str:
    """The content of a ConfigMap by its hash. Its values are digests by now; those of a Secret are not kept."""
    content = {part: kept for part in ("data", "binaryData") if (kept := fields.strings(obj, part))}
    if fields.text(obj, "kind") != kinds.CONFIG_MAP.kind or not content:
        return ""
    return f", content {digest(content).removeprefix('sha256:')[:_VERSION]}"


def _conditions(node: Object) -> Iterator[Change]:
    for place, condition in enumerate(fields.items(node, "status", "conditions")):
        at, type_, status = (
            fields.moment(condition, "lastTransitionTime"),
            condition.get("type"),
            condition.get("status"),
        )
        if at is None:
            continue
        wrong = status != ("True" if type_ == "Ready" else "False")
        told = citing.of_object(node, f"status.conditions[{place}].status")
        yield Change(at, reference(node), citing.spoken(f"{type_} became {status}", _MAX_TEXT), wrong, told)
    if fields.flag(node, "spec", "unschedulable"):
        for taint in fields.items(node, "spec", "taints"):
            if at := fields.moment(taint, "timeAdded"):
                yield Change(at, reference(node), "cordoned")


def _ends(pod: Object) -> Iterator[Change]:
    for container in pods.containers(pod):
        ended = container.termination()
        at = fields.moment(ended[1], "finishedAt") if ended is not None else None
        if ended is None or at is None or fields.integer(ended[1], "exitCode") == 0:
            continue
        reason = fields.text(ended[1], "reason") or "Error"
        code = fields.integer(ended[1], "exitCode")
        text = citing.spoken(f"container {container.name} ended: {reason}, exit code {code}", 2 * _MAX_TEXT)
        yield Change(at, reference(pod), text, symptom=True, evidence=citing.of_object(pod, f"{ended[0]}.reason"))


def _event(event: Object) -> Iterator[Change]:
    first = fields.moment(event, "firstTimestamp") or fields.parse_moment(event_time(event))
    reason = fields.text(event, "reason")
    warning = fields.text(event, "type") == "Warning"
    if first is None or not (warning or reason in _CHANGES):
        return
    told = citing.of_event(event)
    symptom = warning and reason not in _CHANGES
    yield Change(first, told.ref, citing.spoken(f"{reason}: {told.value}", 3 * _MAX_TEXT), symptom, told)
