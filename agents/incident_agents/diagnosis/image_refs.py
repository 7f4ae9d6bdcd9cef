"""What an image's reference alone tells of why it cannot be pulled, next to the images that do run.

For when the registry's answer was not kept: the kubelet's status says no more than that it waits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from incident_agents.diagnosis.case import Case
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.evidence import fields, pods
from incident_commander.ports import Object

_ANSWERS = re.compile(
    r"(?:^|\.)(?:docker\.io|ghcr\.io|quay\.io|gcr\.io|registry\.k8s\.io|mcr\.microsoft\.com|public\.ecr\.aws|icr\.io"
    r"|pkg\.dev|amazonaws\.com|azurecr\.io|gitlab\.com)$"
)
"""Registries of the public Internet, or of a cloud: their names resolve wherever a cluster has a resolver."""
_OPEN = re.compile(r"(?:^|\.)(?:docker\.io|registry\.k8s\.io|mcr\.microsoft\.com|public\.ecr\.aws)$")
"""Those among them whose images may, as a rule, be pulled by anybody."""


@dataclass(frozen=True, slots=True)
class Reference:
    """``repository`` without the host; ``tag`` with what separates it, or empty."""

    host: str
    repository: str
    tag: str


def parsed(image: str) -> Reference:
    """As the container runtimes read it: a first part without dot, colon or "localhost" is no host."""
    first, slash, rest = image.partition("/")
    host, name = (
        (first, rest) if slash and ("." in first or ":" in first or first == "localhost") else ("docker.io", image)
    )
    repository, at, digest = name.partition("@")
    repository, colon, tag = repository.partition(":")
    return Reference(host, repository, at + digest or colon + tag)


def guessed(case: Case, pod: Object, image: str, previous: str) -> list[tuple[Cause, int, str]]:
    """Causes, how sure (never very), and why, when nobody's words were kept; the likeliest first."""
    own = parsed(image)
    missing = [s for s in _pull_secrets(pod) if _absent(case, pod, s) and not _does_without(case, s)]
    if missing:
        return [(Cause.IMAGE_PULL_UNAUTHORIZED, 74, f"its pull secret {missing[0]} does not exist")]
    known = [parsed(i) for i in [*_running(case), previous] if i]
    if any(k == own for k in known):
        words = "the same image runs elsewhere, so this node cannot reach the registry, or may not"
        return [(Cause.IMAGE_REGISTRY_UNREACHABLE, 58, words), (Cause.IMAGE_PULL_UNAUTHORIZED, 52, words)]
    if any((k.host, k.repository) == (own.host, own.repository) for k in known):
        return [
            (Cause.IMAGE_NOT_FOUND, 72, f"other images of {own.repository} were pulled, not {own.tag or 'its tag'}")
        ]
    if any(k.host == own.host for k in known):
        return [(Cause.IMAGE_NOT_FOUND, 66, f"other images of {own.host} were pulled")]
    if not _ANSWERS.search(own.host):
        words = f"nothing else comes from {own.host}, which is no public registry"
        return [(Cause.IMAGE_REGISTRY_UNREACHABLE, 60, words), (Cause.IMAGE_PULL_UNAUTHORIZED, 52, words)]
    words = f"nothing else comes from {own.host}"
    if _OPEN.search(own.host):
        return [(Cause.IMAGE_NOT_FOUND, 56, words)]
    return [
        (Cause.IMAGE_PULL_UNAUTHORIZED, 58, f"{words}, and no pull secret is named"),
        (Cause.IMAGE_NOT_FOUND, 52, words),
    ]


def problem(image: str) -> str:
    """Why the registry most likely does not answer: a name of no public registry most often does not resolve."""
    return "Network" if _ANSWERS.search(parsed(image).host) else "DNS"


def _pull_secrets(pod: Object) -> list[str]:
    return [fields.text(s, "name") for s in fields.items(pod, "spec", "imagePullSecrets")]


def _absent(case: Case, pod: Object, name: str) -> bool:
    return case.evidence.asked(kinds.SECRET) and case.find(kinds.SECRET, fields.namespace(pod), name) is None


def _does_without(case: Case, secret: str) -> bool:
    """Whether somebody runs who names the same Secret: then it was not needed, or Secrets were not recorded."""
    return any(
        secret in _pull_secrets(p)
        for w in case.workloads
        for p in w.living
        if any(c.running for c in pods.containers(p))
    )


def _running(case: Case) -> list[str]:
    def images() -> list[str]:
        return sorted(
            {
                fields.text(c.spec, "image")
                for w in case.workloads
                for p in w.living
                for c in pods.containers(p)
                if c.running or c.termination() is not None
            }
        )

    return case.once("images that were pulled", images)
