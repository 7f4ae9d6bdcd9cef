"""The image cannot be pulled: not found, not allowed, or the registry does not answer.

The kubelet's message is the registry's own: containerd, CRI-O and dockershim word it differently, but all pass on
the HTTP status or the dial error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from incident_agents.diagnosis import image_refs
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.workload import Workload
from incident_commander.api.causes import Cause
from incident_commander.evidence import citing, fields, pods
from incident_commander.ports import Object

_REASONS = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "RegistryUnavailable",
        "ImageInspectError",
    }
)
_UNREACHABLE = re.compile(
    r"no such host|server misbehaving|i/o timeout|connection (refused|reset|timed out)|network is unreachable|no route"
    r"|TLS handshake timeout|x509|context deadline exceeded|toomanyrequests|too many requests|50[0234] |bad gateway"
    r"|temporary failure in name resolution|RegistryUnavailable|unexpected EOF|: EOF\b"
    r"|gave HTTP response to HTTPS client|proxyconnect|request canceled|Client\.Timeout|pull rate limit|rate exceeded"
    r"|RESOURCE_EXHAUSTED|data limit exceeded",
    re.IGNORECASE,
)
_AMBIGUOUS = re.compile(r"repository does not exist or may require|may require 'docker login'", re.IGNORECASE)
_UNAUTHORIZED = re.compile(
    r"unauthorized|authentication required|authorization failed|no basic auth credentials|access denied"
    r"|access forbidden|\b40[13]\b|denied:|insufficient_scope|failed to fetch (anonymous|oauth) token"
    r"|authorization token has expired|invalid username/password|incorrect username or password"
    r"|error getting credentials",
    re.IGNORECASE,
)
_NOT_FOUND = re.compile(
    r"not found|manifest unknown|name unknown|does not exist|invalid reference format|couldn't parse image|\b404\b"
    r"|no such image|no match(?:ing manifest)? for |manifest_unknown|name_unknown|repository name not known"
    r"|short[- ]name (?:resolution|mode|\S+ did not resolve)|no image found in (?:manifest|image index)",
    re.IGNORECASE,
)
_PLATFORM = re.compile(
    r"no match(?:ing manifest)? for (?:platform|linux|windows)|no image found in (?:manifest list|image index)",
    re.IGNORECASE,
)
"""The image exists, for other machines than the node."""


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload and container that waits for its image."""
    waiting: dict[tuple[str, str], tuple[Workload, list[Object], pods.Container]] = {}
    for workload, pod in case.sick:
        for container in pods.containers(pod):
            if container.waiting in _REASONS:
                waiting.setdefault((workload.ref, container.name), (workload, [], container))[1].append(pod)
    for workload, sick, container in waiting.values():
        yield from _findings(case, workload, sick, container)


def _findings(case: Case, workload: Workload, sick: list[Object], container: pods.Container) -> Iterator[Finding]:
    pod = sick[0]
    image = fields.text(container.spec, "image") or fields.text(container.status, "image")
    events = [
        e
        for e in case.events(pod, "Failed", "InspectFailed", "ErrImageNeverPull")
        if "image" in fields.text(e, "message").lower() and (not image or image in fields.text(e, "message"))
    ]
    said = " ".join([container.waiting_message, *(fields.text(e, "message") for e in events[:4])])
    # Names of images may hold words such as "denied": they say nothing about the answer.
    said = said.replace(image, " ") if image else said
    secret_missing = case.events(pod, "FailedToRetrieveImagePullSecret")
    previous = fields.text(workload.previous_container(container.name), "image")
    changed = bool(previous) and previous != image

    evidence = [citing.of_object(pod, f"{container.path}.state.waiting.reason")]
    if container.waiting_message:
        evidence.append(citing.of_object(pod, f"{container.path}.state.waiting.message"))
    evidence += [citing.of_event(e) for e in events[:2] + secret_missing[:1]]
    facts = {"image": image, "previousImage": previous if changed else ""}

    causes = [(c, sure, "") for c, sure in _causes(container.waiting, said, bool(secret_missing))]
    told = bool(causes)
    causes = causes or image_refs.guessed(case, pod, image, previous)
    facts["problem"] = _problem(said) if told else image_refs.problem(image)
    for cause, confidence, why in causes:
        raised = confidence + (5 if changed and workload.recent_rollout else 0)
        tail = f": {why}" if why else ""
        tail += f"; the newest revision changed it from {previous}" if changed else ""
        yield of_workload(
            cause,
            workload,
            sick,
            container.name,
            confidence=raised,
            summary=f"image {image or '?'} of container {container.name} {_say(cause, container.waiting, said)}{tail}",
            evidence=evidence,
            facts=facts
            if cause is Cause.IMAGE_REGISTRY_UNREACHABLE
            else {k: facts[k] for k in ("image", "previousImage")},
        )


_PROBLEMS = (
    (
        "DNS",
        re.compile(
            r"no such host|server misbehaving|name resolution|could not resolve|dial tcp: lookup", re.IGNORECASE
        ),
    ),
    ("TLS", re.compile(r"x509|TLS handshake|certificate|HTTP response to HTTPS client", re.IGNORECASE)),
    (
        "RateLimit",
        re.compile(
            r"toomanyrequests|too many requests|rate limit|rate exceeded|RESOURCE_EXHAUSTED|data limit exceeded",
            re.IGNORECASE,
        ),
    ),
)


def _problem(said: str) -> str:
    """Why the registry does not answer."""
    return next((name for name, pattern in _PROBLEMS if pattern.search(said)), "Network")


_SAY = {
    Cause.IMAGE_NOT_FOUND: "does not exist in its registry",
    Cause.IMAGE_PULL_UNAUTHORIZED: "may not be pulled: the registry wants other credentials",
    Cause.IMAGE_REGISTRY_UNREACHABLE: "cannot be pulled: its registry does not answer",
}


def _say(cause: Cause, reason: str, said: str) -> str:
    if cause is not Cause.IMAGE_NOT_FOUND:
        return _SAY[cause]
    if reason == "InvalidImageName":
        return "has a name that is no reference to an image"
    if reason == "ErrImageNeverPull":
        return "is not on the node, and its imagePullPolicy Never keeps it from being pulled"
    return "has no variant for the platform of the node" if _PLATFORM.search(said) else _SAY[cause]


def _causes(reason: str, said: str, secret_missing: bool) -> list[tuple[Cause, int]]:
    """Candidate causes with confidence, by what the registry said; none when its words were not kept."""
    if reason in ("InvalidImageName", "ErrImageNeverPull"):
        return [(Cause.IMAGE_NOT_FOUND, 88)]
    if secret_missing and not _UNREACHABLE.search(said):
        sure = 90 if _UNAUTHORIZED.search(said) or _AMBIGUOUS.search(said) else 70
        return [(Cause.IMAGE_PULL_UNAUTHORIZED, sure)]
    if _AMBIGUOUS.search(said):
        return [(Cause.IMAGE_NOT_FOUND, 72), (Cause.IMAGE_PULL_UNAUTHORIZED, 58)]
    if _UNREACHABLE.search(said):
        return [(Cause.IMAGE_REGISTRY_UNREACHABLE, 88)]
    if _UNAUTHORIZED.search(said):
        return [(Cause.IMAGE_PULL_UNAUTHORIZED, 88)]
    if _NOT_FOUND.search(said):
        return [(Cause.IMAGE_NOT_FOUND, 90)]
    return []  # only "Back-off pulling image": the reason is in an event that was not kept
