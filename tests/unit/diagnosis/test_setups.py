"""Containers that cannot be set up."""

import pytest

from incident_agents.diagnosis.engine import diagnose
from incident_commander.api.causes import Cause
from tests.unit.diagnosis.builders import (
    NOW,
    crash_looping,
    deployment,
    ended,
    evidence,
    incident,
    pod,
    replica_set,
    told,
    waiting,
)

ONTO_A_FILE = (
    "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: "
    'unable to start container process: error during container init: error mounting "/var/lib/kubelet/pods/x/'
    'volume-subpaths/settings/web/0" to rootfs at "/etc/web.yaml": not a directory: unknown: Are you trying to mount a '
    "directory onto a file (or vice-versa)?"
)


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (
            waiting(
                "CreateContainerConfigError", 'failed to prepare subPath for volumeMount "data" of container "web"'
            ),
            Cause.VOLUME_MOUNT_FAILED,
        ),
        (
            waiting("CreateContainerConfigError", "container has runAsNonRoot and image will run as root (pod: ...)"),
            Cause.POD_SECURITY_REFUSED,
        ),
        (crash_looping(code=128, last=ended(128, "StartError", message=ONTO_A_FILE)), Cause.VOLUME_MOUNT_FAILED),
    ],
    ids=["sub path", "root", "a directory onto a file"],
)
def test_the_kubelets_words_tell_why(status: dict[str, object], cause: Cause) -> None:
    web = deployment(replicas=1, ready=0)
    owner = replica_set(web, "6d4b75cb6d", ready=0)
    found = diagnose(evidence(web, owner, pod(owner, "abcde", status, phase="Pending")), incident(), NOW)
    assert found.hypotheses[0].cause is cause, told(found)
    assert found.hypotheses[0].evidence[0].value
