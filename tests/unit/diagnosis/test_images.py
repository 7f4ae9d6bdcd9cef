"""Why an image cannot be pulled."""

import pytest

from incident_agents.diagnosis.engine import diagnose
from incident_commander.api.causes import Cause
from incident_commander.ports import Object
from tests.unit.diagnosis.builders import (
    IMAGE,
    NOW,
    container,
    deployment,
    event,
    evidence,
    incident,
    pod,
    replica_set,
    template,
    told,
    waiting,
)

BAD = "registry.example.com/shop/web:1.5.0-denied"


def rollout_to(image: str, message: str, reason: str = "ImagePullBackOff") -> tuple[Object, list[Object]]:
    """The newest revision waits for its image; the one before runs."""
    web = deployment(revision=2, ready=2, template=template("web", container("web", image)))
    web["status"] |= {"updatedReplicas": 1, "replicas": 3}
    old = replica_set(web, "6d4b75cb6d", revision=1, template=template("web", container("web", IMAGE)))
    new = replica_set(web, "7f9c8d5b44", revision=2, replicas=1, ready=0, age=300)
    stuck = pod(new, "abcde", waiting(reason, f'Back-off pulling image "{image}"'), phase="Pending", age=290)
    failed = event(stuck, "Failed", message)
    return web, [old, new, pod(old, "fghij"), pod(old, "klmno"), stuck, failed]


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        (
            f'Failed to pull image "{BAD}": rpc error: code = NotFound desc = failed to pull and unpack image '
            f'"{BAD}": failed to resolve reference "{BAD}": {BAD}: not found',
            Cause.IMAGE_NOT_FOUND,
        ),
        (f'Failed to pull image "{BAD}": rpc error: code = Unknown desc = manifest unknown', Cause.IMAGE_NOT_FOUND),
        (
            f'Failed to pull image "{BAD}": failed to authorize: failed to fetch anonymous token: unexpected status '
            "from GET request to https://auth.example.com/token: 401 Unauthorized",
            Cause.IMAGE_PULL_UNAUTHORIZED,
        ),
        (
            f'Failed to pull image "{BAD}": failed to do request: Head "https://registry.example.com/v2/shop/web": '
            "dial tcp: lookup registry.example.com on 10.0.0.2:53: no such host",
            Cause.IMAGE_REGISTRY_UNREACHABLE,
        ),
        (
            f'Failed to pull image "{BAD}": dial tcp 203.0.113.9:443: i/o timeout',
            Cause.IMAGE_REGISTRY_UNREACHABLE,
        ),
        (
            f'Failed to pull image "{BAD}": toomanyrequests: You have reached your pull rate limit.',
            Cause.IMAGE_REGISTRY_UNREACHABLE,
        ),
    ],
)
def test_the_answer_of_the_registry_tells_the_cause(message: str, cause: Cause) -> None:
    web, objects = rollout_to(BAD, message)
    found = diagnose(evidence(web, *objects), incident(), NOW)
    top = found.hypotheses[0]
    assert (top.cause, top.object and top.object.name) == (cause, "web"), told(found)
    assert top.confidence >= 85
    assert top.facts["image"] == BAD
    assert top.facts["previousImage"] == IMAGE
    assert top.facts["previousRevision"] == "1"
    assert top.facts["previousHealthy"] == "true"
    assert top.facts["recentRollout"] == "true"


PULL = f'Failed to pull image "{BAD}": '


@pytest.mark.parametrize(
    ("message", "cause", "problem"),
    [
        (
            "rpc error: code = Unknown desc = Error response from daemon: toomanyrequests: You have reached your "
            "unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit",
            Cause.IMAGE_REGISTRY_UNREACHABLE,
            "RateLimit",
        ),
        ("unexpected status code 429 Too Many Requests", Cause.IMAGE_REGISTRY_UNREACHABLE, "RateLimit"),
        ("pulling image: toomanyrequests: Rate exceeded", Cause.IMAGE_REGISTRY_UNREACHABLE, "RateLimit"),
        (
            'Head "https://10.0.0.5:5000/v2/shop/web": http: server gave HTTP response to HTTPS client',
            Cause.IMAGE_REGISTRY_UNREACHABLE,
            "TLS",
        ),
        (
            'Get "https://registry.example.com/v2/": x509: certificate signed by unknown authority',
            Cause.IMAGE_REGISTRY_UNREACHABLE,
            "TLS",
        ),
        (
            'Get "https://registry.example.com/v2/": net/http: request canceled while waiting for connection '
            "(Client.Timeout exceeded while awaiting headers)",
            Cause.IMAGE_REGISTRY_UNREACHABLE,
            "Network",
        ),
        (
            "denied: Your authorization token has expired. Reauthenticate.",
            Cause.IMAGE_PULL_UNAUTHORIZED,
            "",
        ),
        ("unable to retrieve auth token: invalid username/password", Cause.IMAGE_PULL_UNAUTHORIZED, ""),
        ("reading manifest 1.5.0 in registry.example.com/shop/web: manifest unknown", Cause.IMAGE_NOT_FOUND, ""),
        ("no matching manifest for linux/amd64 in the manifest list entries", Cause.IMAGE_NOT_FOUND, ""),
        ("no match for platform in manifest: not found", Cause.IMAGE_NOT_FOUND, ""),
        (
            'choosing image instance: no image found in manifest list for architecture "arm64", OS "linux"',
            Cause.IMAGE_NOT_FOUND,
            "",
        ),
        ("short-name resolution enforced but cannot prompt without a TTY", Cause.IMAGE_NOT_FOUND, ""),
    ],
)
def test_runtimes_and_registries_word_it_in_many_ways(message: str, cause: Cause, problem: str) -> None:
    web, objects = rollout_to(BAD, PULL + message)
    top = diagnose(evidence(web, *objects), incident(), NOW).hypotheses[0]
    assert (top.cause, top.facts.get("problem", "")) == (cause, problem)


@pytest.mark.parametrize(
    ("reason", "message", "words"),
    [
        ("ErrImageNeverPull", f'Container image "{BAD}" is not present with pull policy of Never', "pull"),
        ("InvalidImageName", f'Failed to apply default image tag "{BAD}": invalid reference format', "no reference"),
        ("ImagePullBackOff", PULL + "no matching manifest for linux/arm64/v8 in the manifest list entries", "platform"),
    ],
)
def test_an_image_that_is_missing_for_another_reason_is_not_said_to_be_missing_in_its_registry(
    reason: str, message: str, words: str
) -> None:
    web, objects = rollout_to(BAD, message, reason)
    top = diagnose(evidence(web, *objects), incident(), NOW).hypotheses[0]
    assert top.cause is Cause.IMAGE_NOT_FOUND
    assert words in top.summary
    assert "does not exist in its registry" not in top.summary


def test_a_word_in_the_name_of_the_image_is_no_answer_of_the_registry() -> None:
    web, objects = rollout_to(BAD, f'Failed to pull image "{BAD}": rpc error: {BAD}: not found')
    causes = {h.cause for h in diagnose(evidence(web, *objects), incident(), NOW).hypotheses}
    assert Cause.IMAGE_PULL_UNAUTHORIZED not in causes


def test_an_answer_that_means_either_gives_both_with_the_missing_image_first() -> None:
    said = "pull access denied, repository does not exist or may require authorization: server message: denied"
    web, objects = rollout_to(BAD, f'Failed to pull image "{BAD}": {said}')
    found = diagnose(evidence(web, *objects), incident(), NOW)
    assert [h.cause for h in found.hypotheses[:2]] == [Cause.IMAGE_NOT_FOUND, Cause.IMAGE_PULL_UNAUTHORIZED]


def test_a_pull_secret_that_does_not_exist_makes_it_a_matter_of_authorization() -> None:
    said = "pull access denied, repository does not exist or may require authorization"
    web, objects = rollout_to(BAD, f'Failed to pull image "{BAD}": {said}')
    stuck = objects[4]
    objects.append(event(stuck, "FailedToRetrieveImagePullSecret", "Unable to retrieve some image pull secrets (reg)"))
    top = diagnose(evidence(web, *objects), incident(), NOW).hypotheses[0]
    assert top.cause is Cause.IMAGE_PULL_UNAUTHORIZED


def test_a_name_that_is_no_image_reference_needs_no_registry_to_be_wrong() -> None:
    web, objects = rollout_to("web:::", "", reason="InvalidImageName")
    top = diagnose(evidence(web, *objects), incident(), NOW).hypotheses[0]
    assert (top.cause, top.confidence >= 85) == (Cause.IMAGE_NOT_FOUND, True)
