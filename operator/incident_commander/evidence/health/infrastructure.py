"""What workloads stand on: nodes, claims, autoscalers, Services."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from incident_commander.api import kinds
from incident_commander.api.meta import TargetRef
from incident_commander.evidence import fields
from incident_commander.evidence.health.state import WorkloadHealth
from incident_commander.evidence.owners import Objects
from incident_commander.ports import Object

PRESSURES = ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")
"""Node conditions that are bad when True."""


def node(target: TargetRef, obj: Object, objects: Objects, since: datetime | None) -> WorkloadHealth:
    """Ready and without pressure; being cordoned is no illness."""
    status = fields.text(fields.condition(obj, "Ready"), "status")
    health = WorkloadHealth(target, exists=True, healthy=None, reason="NoStatus", message="no condition Ready reported")
    if not status:
        return health
    if status != "True":
        found = fields.condition(obj, "Ready")
        message = fields.text(found, "message") or f"Ready is {status}"
        return replace(health, healthy=False, reason=fields.text(found, "reason") or "NotReady", message=message)
    for pressure in PRESSURES:
        found = fields.condition(obj, pressure)
        if found.get("status") == "True":
            message = fields.text(found, "message") or f"{pressure} is True"
            return replace(health, healthy=False, reason=pressure, message=message)
    cordoned = ", cordoned" if fields.flag(obj, "spec", "unschedulable") else ""
    return replace(health, healthy=True, reason="Ready", message=f"ready{cordoned}")


def claim(target: TargetRef, obj: Object, objects: Objects, since: datetime | None) -> WorkloadHealth:
    """Bound, and as large as it asks to be; a lost claim stays lost."""
    phase = fields.text(obj, "status", "phase")
    asked = fields.quantity(obj, "spec", "resources", "requests", "storage")
    has = fields.quantity(obj, "status", "capacity", "storage")
    if phase == "Bound" and asked is not None and has is not None and has < asked:
        told = [c for c in fields.items(obj, "status", "conditions") if fields.text(c, "status") == "True"]
        why = ", ".join(fields.text(c, "message") or fields.text(c, "type") for c in told)
        message = f"has {has:f} of the {asked:f} bytes it asks for{f': {why}' if why else ''}"
        return WorkloadHealth(target, True, False, "Resizing", message)
    healthy = {"Bound": True, "Pending": False, "Lost": False}.get(phase)
    message = f"phase {phase or 'not reported'}"
    return WorkloadHealth(target, True, healthy, phase or "NoStatus", message, failed=phase == "Lost")


def hpa(target: TargetRef, obj: Object, objects: Objects, since: datetime | None) -> WorkloadHealth:
    """Able to scale, and not held back by its maximum."""
    current, desired = (
        fields.integer(obj, "status", "currentReplicas"),
        fields.integer(obj, "status", "desiredReplicas"),
    )
    health = WorkloadHealth(
        target, exists=True, healthy=None, reason="NoStatus", message="no conditions reported", desired=desired
    )
    if not fields.items(obj, "status", "conditions"):
        return health
    for type_ in ("AbleToScale", "ScalingActive"):
        found = fields.condition(obj, type_)
        if found.get("status") == "False" and found.get("reason") != "ScalingDisabled":
            message = fields.text(found, "message")
            return replace(health, healthy=False, reason=fields.text(found, "reason") or type_, message=message)
    limited = fields.condition(obj, "ScalingLimited")
    if limited.get("status") == "True" and limited.get("reason") == "TooManyReplicas":
        message = fields.text(limited, "message") or "more replicas are wanted than maxReplicas allows"
        return replace(health, healthy=False, reason="TooManyReplicas", message=message)
    return replace(health, healthy=True, reason="Scaling", message=f"{current} replicas, {desired} wanted")


def service(target: TargetRef, obj: Object, objects: Objects, since: datetime | None) -> WorkloadHealth:
    """At least one ready endpoint; a Service outside of the cluster cannot be judged."""
    health = WorkloadHealth(target, exists=True, healthy=None, reason="NotObserved", message="")
    if fields.text(obj, "spec", "type") == "ExternalName":
        return replace(health, reason="ExternalName", message="points outside of the cluster")
    if kinds.ENDPOINT_SLICE.resource not in objects:
        return replace(health, message="endpointslices could not be read")
    count = ready_endpoints(obj, objects)
    reason = "EndpointsReady" if count else "NoReadyEndpoints"
    return replace(health, healthy=count > 0, reason=reason, message=f"{count} ready endpoints", ready=count)


def ready_endpoints(service: Object, objects: Objects) -> int:
    """Ready addresses of a Service over all of its EndpointSlices (``ready`` unset counts as ready)."""
    count = 0
    for part in objects.get(kinds.ENDPOINT_SLICE.resource, ()):
        labels = fields.strings(part, "metadata", "labels")
        if labels.get("kubernetes.io/service-name") != fields.name(service):
            continue
        if fields.namespace(part) == fields.namespace(service):
            endpoints = fields.items(part, "endpoints")
            count += sum(fields.flag(e, "conditions", "ready") is not False for e in endpoints)
    return count
