"""Pods that the API server refuses."""

import pytest

from incident_agents.diagnosis.engine import diagnose
from incident_agents.diagnosis.ranking import BAR
from incident_commander.api.causes import Cause
from incident_commander.ports import Object
from tests.unit.diagnosis.builders import NOW, deployment, event, evidence, incident, meta, replica_set, template, told


def refused(message: str, *others: Object, **spec: str) -> list[Object]:
    web = deployment(replicas=1, ready=0, template=template("web", **spec))
    owner = replica_set(web, "6d4b75cb6d", replicas=1, ready=0, age=120)
    return [web, owner, event(owner, "FailedCreate", f"Error creating: {message}"), *others]


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        (
            'pods "web-6d4b75cb6d-" is forbidden: error looking up service account shop/web: '
            'serviceaccount "web" not found',
            Cause.SERVICE_ACCOUNT_MISSING,
        ),
        (
            'pods "web-6d4b75cb6d-abcde" is forbidden: violates PodSecurity "restricted:latest": '
            'allowPrivilegeEscalation != false (container "web" must set securityContext...)',
            Cause.POD_SECURITY_REFUSED,
        ),
        (
            'admission webhook "validate.kyverno.svc-fail" denied the request: require-labels',
            Cause.ADMISSION_REFUSED,
        ),
        (
            'Internal error occurred: failed calling webhook "inject.example.com": failed to call webhook: '
            'Post "https://inject.mesh.svc:443/inject": dial tcp 10.96.8.8:443: connect: connection refused',
            Cause.ADMISSION_REFUSED,
        ),
        (
            'pods "web-6d4b75cb6d-abcde" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi',
            Cause.ADMISSION_REFUSED,
        ),
        (
            'pods "web-6d4b75cb6d-abcde" is forbidden: unable to create new content in namespace shop because it is '
            "being terminated",
            Cause.NAMESPACE_TERMINATING,
        ),
    ],
)
def test_the_servers_words_are_the_cause(message: str, cause: Cause) -> None:
    found = diagnose(evidence(None, *refused(message)), incident(), NOW)
    top = found.hypotheses[0]
    assert (top.cause, top.confidence >= 85) == (cause, True), told(found)
    assert top.object is not None
    assert top.object.name == "web"


def test_an_account_that_exists_by_now_was_only_late() -> None:
    account: Object = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta("web")}
    message = 'pods "web-" is forbidden: error looking up service account shop/web: serviceaccount "web" not found'
    found = diagnose(evidence(None, *refused(message, account)), incident(), NOW)
    assert all(h.confidence < BAR for h in found.hypotheses), told(found)
