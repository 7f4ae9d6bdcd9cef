"""Pods that may go: what holds for deleting one, however it is done."""

from __future__ import annotations

from collections.abc import Mapping

from incident_commander.actions.action import Action, Situation
from incident_commander.actions.steps import NOTHING_TO_CHANGE, check
from incident_commander.errors import Refusal
from incident_commander.evidence import fields
from incident_commander.evidence.evidence import reference
from incident_commander.evidence.owners import Owner, controller
from incident_commander.ports import Object

_MIRROR = "kubernetes.io/config.mirror"


def replaceable(action: Action, situation: Situation, parameters: Mapping[str, str]) -> Owner:
    """Who makes the target anew when it is gone.

    Raises ``Refusal``: as ``check``, ``NothingToChange`` (it is being deleted), ``NotOwned`` or ``StaticPod``.
    """
    pod = situation.target
    if fields.text(pod, "kind") == "Pod" and fields.text(pod, "metadata", "deletionTimestamp"):
        raise Refusal(NOTHING_TO_CHANGE, f"{reference(pod)} is being deleted already")
    check(action, situation, parameters)
    owner = controller(pod)
    if owner is None:
        raise Refusal("NotOwned", f"{reference(pod)} has no controller: nothing would bring it back")
    if static(pod, owner):
        raise Refusal("StaticPod", f"{reference(pod)} is a static pod of a kubelet; deleting it does nothing")
    return owner


def static(pod: Object, owner: Owner | None) -> bool:
    """Whether a kubelet runs it from a file; the API server only shows its mirror."""
    return (owner is not None and owner.kind == "Node") or _MIRROR in fields.mapping(pod, "metadata", "annotations")
