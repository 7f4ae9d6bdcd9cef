"""Least privilege, seen in the audit log: RBAC refused no request of ours, and no right is granted for nothing."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml

from e2e.harness.manifests import ROOT
from incident_commander.api.names import OPERATOR_NAMESPACE

REASONS = ROOT / "e2e" / "unused-grants.yaml"
_SHIPPED = ROOT / "deploy" / "rbac"


@dataclass(frozen=True, order=True)
class Right:
    """``resource`` is ``plural[/subresource][.group]``, as kubectl writes it."""

    identity: str
    verb: str
    resource: str

    def __str__(self) -> str:
        return f"{self.identity} {self.verb} {self.resource}"


@dataclass(frozen=True)
class Reason:
    """Why rights are granted that a run need not use. All three are patterns.

    ``core``: it holds for the core scenarios; after all of them it is no reason.
    """

    identities: Sequence[str]
    verbs: Sequence[str]
    resources: Sequence[str]
    why: str
    core: bool = False

    def covers(self, right: Right) -> bool:
        """Whether it is about that right."""
        pairs = ((right.identity, self.identities), (right.verb, self.verbs), (right.resource, self.resources))
        return all(any(fnmatch(value, pattern) for pattern in patterns) for value, patterns in pairs)


@dataclass(frozen=True)
class Finding:
    """What is wrong with the shipped RBAC, as a run has shown."""

    refused: tuple[Right, ...]
    """Asked for, and not granted."""
    unused: tuple[Right, ...]
    """Granted, never asked for, and no reason is listed."""
    excused: tuple[Right, ...] = ()
    """Granted and never asked for, with a reason."""

    def __str__(self) -> str:
        parts = []
        if self.refused:
            parts.append(f"RBAC refused what was asked: {', '.join(map(str, self.refused))}")
        if self.unused:
            named = ", ".join(map(str, self.unused))
            parts.append(f"granted and never used, without a reason in {REASONS.name}: {named}")
        return "; ".join(parts)


def examine(granted: Iterable[Right], asked: Iterable[tuple[Right, bool]], reasons: Sequence[Reason]) -> Finding:
    """Compare. ``asked``: each request's right, and whether RBAC allowed it."""
    used: set[Right] = set()
    refused: set[Right] = set()
    for right, allowed in asked:
        (used if allowed else refused).add(right)
    unused = set(granted) - used
    excused = {right for right in unused if any(reason.covers(right) for reason in reasons)}
    return Finding(tuple(sorted(refused)), tuple(sorted(unused - excused)), tuple(sorted(excused)))


def granted(
    roles: Iterable[dict[str, Any]], bindings: Iterable[dict[str, Any]], namespace: str, but: Collection[str] = ()
) -> set[Right]:
    """Every right that bindings give to a ServiceAccount of that namespace, ``but`` those of some names."""
    rules = {(role["kind"], role["metadata"].get("namespace", ""), role["metadata"]["name"]): role for role in roles}
    found: set[Right] = set()
    for binding in bindings:
        ref, place = binding["roleRef"], binding["metadata"].get("namespace", "")
        role = rules.get((ref["kind"], place if ref["kind"] == "Role" else "", ref["name"]), {})
        for subject in binding.get("subjects") or []:
            ours = subject["kind"] == "ServiceAccount" and subject.get("namespace") == namespace
            if ours and subject["name"] not in but:
                found |= {
                    Right(subject["name"], verb, _named(resource, group))
                    for rule in role.get("rules") or []
                    for group in rule.get("apiGroups") or []
                    for resource in rule.get("resources") or []
                    for verb in rule["verbs"]
                }
    return found


def shipped() -> set[Right]:
    """Those of ``deploy/``."""
    documents = [d for f in sorted(_SHIPPED.glob("*.yaml")) for d in yaml.safe_load_all(f.read_text()) if d]
    bindings = [d for d in documents if d["kind"].endswith("Binding")]
    return granted((d for d in documents if d["kind"].endswith("Role")), bindings, OPERATOR_NAMESPACE)


def listed(text: str | None = None) -> list[Reason]:
    """The reasons that are written down. Raises ``TypeError`` for an entry with other keys."""
    found = yaml.safe_load(REASONS.read_text() if text is None else text)
    return [Reason(**entry) for entry in found]


def asked(log: Path, start: int, namespace: str) -> Iterator[tuple[Right, bool]]:
    """What ServiceAccounts of the namespace have asked for since the log was ``start`` bytes long."""
    prefix = f"system:serviceaccount:{namespace}:"
    with log.open("rb") as lines:
        lines.seek(start)
        for line in lines:
            if prefix.encode() not in line:
                continue
            event = json.loads(line)
            user = (event.get("impersonatedUser") or event["user"])["username"]
            target = event.get("objectRef")
            if not user.startswith(prefix) or target is None or "resource" not in target:
                continue
            part = f"/{target['subresource']}" if target.get("subresource") else ""
            right = Right(
                user.removeprefix(prefix), event["verb"], _named(target["resource"] + part, target.get("apiGroup", ""))
            )
            decision = (event.get("annotations") or {}).get("authorization.k8s.io/decision")
            yield right, decision != "forbid"


def _named(resource: str, group: str) -> str:
    return f"{resource}.{group}" if group else resource
