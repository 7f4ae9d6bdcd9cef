"""What the scheduler says of a pod that finds no node, clause by clause ("0/4 nodes are available: ...")."""

from __future__ import annotations

import re
from dataclasses import dataclass

from incident_commander.api.causes import Cause

CORDONED = "node.kubernetes.io/unschedulable"
_BACKGROUND = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
"""Taints that keep ordinary pods away on purpose: no reason while any other node is named."""

TAINT = re.compile(r"taints? \{(?P<taint>[^}]*)\}")
MISSING_CLAIM = re.compile(r'persistentvolumeclaim "(?P<claim>[^"]{1,253})" (?:not found|is being deleted)')
_CLAUSE = re.compile(r"(?:^|[:,.] )(?:(?P<count>\d{1,6}) )?(?P<why>[^,:{]*(?:\{[^}]*\}[^,:{]*)*)")


@dataclass(frozen=True, slots=True)
class Reason:
    """One clause: why so many nodes would not do. ``nodes`` 0: it is the same on all of them."""

    cause: Cause
    nodes: int
    detail: str
    background: bool = False
    taint: str = ""
    """Key of the taint, when there is one."""


def parse(message: str) -> list[Reason]:
    """The scheduler's reasons; what preemption would bring ("preemption: ...") is left out."""
    head = message[:4000].split("preemption:", 1)[0]
    if (missing := MISSING_CLAIM.search(head)) is not None:
        return [Reason(Cause.UNSCHEDULABLE_VOLUME, 0, missing[0])]
    found = []
    for clause in _CLAUSE.finditer(head.split("nodes are available:", 1)[-1].strip()):
        why, nodes = clause["why"].strip(" ."), int(clause["count"] or 0)
        if why and "nodes are available" not in why and (reason := reason_of(why, nodes)) is not None:
            found.append(reason)
    return found


def reason_of(why: str, nodes: int) -> Reason | None:
    """A single clause; None when it names no reason that is known."""
    taint = TAINT.search(why)
    named = taint["taint"] if taint is not None else ""
    cause = _cause(why, named)
    if cause is None:
        return None
    key = re.split(r"[:=]", named, maxsplit=1)[0].strip()
    return Reason(cause, nodes, why, named.startswith(_BACKGROUND), key)


def _cause(why: str, taint: str) -> Cause | None:
    text = why.lower()
    if taint or "taint" in text:
        return Cause.NODE_CORDONED if taint.startswith(CORDONED) else Cause.UNSCHEDULABLE_TAINT
    if "were unschedulable" in text:
        return Cause.NODE_CORDONED
    if "insufficient" in text or "too many pods" in text:
        return Cause.UNSCHEDULABLE_RESOURCES
    if any(word in text for word in ("volume", "persistentvolumeclaim", "unbound immediate")):
        return Cause.UNSCHEDULABLE_VOLUME
    if any(word in text for word in ("affinity", "selector", "topology spread", "free ports")):
        return Cause.UNSCHEDULABLE_AFFINITY
    return None
