"""The target is opted in to remediation."""

from __future__ import annotations

from incident_commander.api.kinds import kind_of
from incident_commander.api.names import LABEL_MANAGED
from incident_commander.evidence import fields
from incident_commander.evidence.evidence import reference
from incident_commander.evidence.owners import chain, controller, scale_target
from incident_commander.guards.guard import GuardInput, GuardVerdict
from incident_commander.guards.verdicts import allow, deny
from incident_commander.ports import Object


def opted_in(given: GuardInput) -> GuardVerdict:
    """``incidentcommander.io/managed``: ``"true"`` on the workload or its namespace, and nowhere ``"false"`` above it.

    Pods are judged together with their owners, and an HPA together with what it scales.
    """
    target = given.target
    above = _above(given)
    if isinstance(above, GuardVerdict):
        return above
    for obj in above:
        if _label(obj) == "false":
            return deny("OptedOut", f"{reference(obj)} is labelled {LABEL_MANAGED}=false; somebody wants it left alone")
    yes = next((obj for obj in above if _label(obj) == "true"), None)
    if yes is not None:
        return allow("OptedIn", f"{reference(yes)} is labelled {LABEL_MANAGED}=true")
    if not fields.namespace(target):
        return deny("NotOptedIn", f"{reference(target)} is not opted in; label it {LABEL_MANAGED}=true")
    if given.namespace is None or fields.name(given.namespace) != fields.namespace(target):
        return deny("NamespaceUnknown", f"Namespace {fields.namespace(target)} could not be read")
    if _label(given.namespace) == "true":
        return allow("OptedIn", f"{reference(given.namespace)} is labelled {LABEL_MANAGED}=true")
    return deny(
        "NotOptedIn",
        f"neither {reference(target)} nor its namespace is opted in; label one of them {LABEL_MANAGED}=true",
    )


def _above(given: GuardInput) -> list[Object] | GuardVerdict:
    """The target, its owners as far as this operator knows their kinds, and what an HPA scales."""
    found = chain(given.target, given.related)
    top = controller(found[-1])
    if top is not None and kind_of(top.api_version, top.kind) is not None and top.kind != "Node":
        return deny("OwnerUnknown", f"{top.kind} {top.name}, which owns {reference(found[-1])}, could not be read")
    if fields.text(given.target, "kind") == "HorizontalPodAutoscaler":
        scaled = scale_target(given.target, given.related)
        ref = fields.mapping(given.target, "spec", "scaleTargetRef")
        if scaled is not None:
            found.append(scaled)
        elif kind_of(fields.text(ref, "apiVersion"), fields.text(ref, "kind")) is not None:
            what = f"{fields.text(ref, 'kind')} {fields.text(ref, 'name')}"
            return deny("OwnerUnknown", f"{what}, which {reference(given.target)} scales, could not be read")
    return found


def _label(obj: Object) -> str:
    return fields.strings(obj, "metadata", "labels").get(LABEL_MANAGED, "")
