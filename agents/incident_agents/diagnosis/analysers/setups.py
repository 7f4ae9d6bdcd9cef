"""A container cannot be set up: a mount does not fit, a path within a volume is missing, or it may not run as root."""

from __future__ import annotations

import re
from collections.abc import Iterator

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.workload import Workload
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields, pods
from incident_commander.evidence.lines import clean_line
from incident_commander.ports import Object

_MOUNT = re.compile(
    r"failed to prepare subPath|error mounting \"|not a directory: unknown: are you trying to mount"
    r"|are you trying to mount a directory onto a file|rootfs_linux\.go[^\n]{0,200}mount",
    re.IGNORECASE,
)
_ROOT = re.compile(r"runAsNonRoot and image|container has runAsNonRoot|image will run as root", re.IGNORECASE)
_VOLUME = re.compile(r'(?:volumeMount|volume) "(?P<volume>[^"]{1,253})"')
_STATES = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError", "CrashLoopBackOff")


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload and container."""
    done: set[tuple[str, str]] = set()
    for workload, pod in case.sick:
        for container in pods.containers(pod):
            key = (workload.ref, container.name)
            if container.waiting in _STATES and key not in done:
                for text, cited in _words(case, pod, container):
                    if (found := _judge(workload, pod, container, text, cited)) is not None:
                        done.add(key)
                        yield found
                        break


def _words(case: Case, pod: Object, container: pods.Container) -> Iterator[tuple[str, Citation]]:
    yield container.waiting_message, citing.of_object(pod, f"{container.path}.state.waiting.message")
    if (ended := container.termination()) is not None:
        yield fields.text(ended[1], "message"), citing.of_object(pod, f"{ended[0]}.message")
    for event in case.events(pod, "Failed")[:6]:
        yield fields.text(event, "message"), citing.of_event(event)


def _judge(workload: Workload, pod: Object, container: pods.Container, text: str, cited: Citation) -> Finding | None:
    if _MOUNT.search(text):
        named = _VOLUME.search(text)
        facts = {"volume": named["volume"] if named is not None else "", "reason": clean_line(text)}
        cause, words = Cause.VOLUME_MOUNT_FAILED, "a mount of it does not fit"
    elif _ROOT.search(text):
        cause, words = Cause.POD_SECURITY_REFUSED, "it may not run as root, and its image does"
        facts = {"policy": "runAsNonRoot", "violation": clean_line(text)}
    else:
        return None
    return of_workload(
        cause,
        workload,
        [pod],
        container.name,
        confidence=90,
        summary=f"container {container.name} cannot be set up: {words}: {clean_line(text)}",
        evidence=[cited, citing.of_object(pod, f"{container.path}.state.waiting.reason")],
        facts=facts,
    )
