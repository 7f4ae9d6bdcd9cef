"""Which logs are worth the calls: those of sick pods first."""

from __future__ import annotations

from collections.abc import Sequence

from incident_commander.evidence import fields, pods
from incident_commander.evidence.owners import controller
from incident_commander.evidence.scope import Limits
from incident_commander.ports import LogPlace, Object


def worth_reading(
    everything: Sequence[Object], own: Sequence[Object], targeted: bool, limits: Limits, namespace: str | None = None
) -> tuple[list[LogPlace], list[str]]:
    """Logs in the order of their worth, and what was left out.

    Of sick pods, the target's (``own``) first, and of one that is well, to compare with; without a target
    (``targeted`` False) of one healthy pod of each controller of the ``namespace``, because a caller may complain
    about the sick.
    """
    names = {(fields.namespace(p), fields.name(p)) for p in own}
    sick = sorted((p for p in own if _sickness(p)), key=_sickness, reverse=True)
    well = [p for p in own if not _sickness(p) and pods.phase(p) == "Running"]
    others = [p for p in everything if (fields.namespace(p), fields.name(p)) not in names and _sickness(p)]
    others.sort(key=_sickness, reverse=True)
    chosen = sick[: limits.sick_pods] + well[:1] + others[: limits.other_pods]
    left_out = []
    if len(sick) > limits.sick_pods:
        left_out.append(f"{limits.sick_pods} of {len(sick)} sick pods of the target were read")
    if not targeted:
        here = [p for p in everything if namespace is None or fields.namespace(p) == namespace]
        running = _one_of_each([p for p in here if not _sickness(p) and pods.phase(p) == "Running"])
        chosen += running[: limits.well_pods]
        if len(others) > limits.other_pods:
            left_out.append(f"{limits.other_pods} of {len(others)} sick pods were read")
    return [
        LogPlace(fields.namespace(pod), fields.name(pod), c.name, previous)
        for pod in chosen
        for c in pods.containers(pod)
        for previous in _readable(c)
    ], left_out


def _one_of_each(running: Sequence[Object]) -> list[Object]:
    """One pod of each controller."""
    found: dict[str, Object] = {}
    for pod in running:
        owner = controller(pod)
        found.setdefault(owner.name if owner is not None else fields.name(pod), pod)
    return list(found.values())


def _sickness(pod: Object) -> int:
    """0 for a pod that is well; higher the more there is to read in its logs."""
    if pods.phase(pod) == "Succeeded" or pods.terminating(pod):
        return 0
    found = pods.troubles(pod)
    restarts = sum(c.restarts for c in pods.containers(pod))
    crashed = any(t.exit_code not in (None, 0) for t in found)
    return 4 * crashed + 2 * bool(found) + (restarts > 0) + (not pods.ready(pod))


def _readable(container: pods.Container) -> tuple[bool, ...]:
    """Which logs exist: the current one once it has started, the previous one after a restart."""
    ended = container.termination()
    if not container.running and ended is None:
        return ()
    return (False, True) if container.restarts else (False,)
