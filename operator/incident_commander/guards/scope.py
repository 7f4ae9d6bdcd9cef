"""The kind, the namespace and the incarnation of the target are those that may be acted on."""

from __future__ import annotations

from incident_commander.actions.catalogue import CATALOGUE
from incident_commander.evidence import fields
from incident_commander.evidence.evidence import reference
from incident_commander.guards.guard import GuardInput, GuardVerdict
from incident_commander.guards.verdicts import allow, deny


def in_scope(given: GuardInput) -> GuardVerdict:
    """An Incident reaches its own namespace only, unless it lives in the operator's."""
    step, target, home = given.step, given.target, given.incident.metadata.namespace
    action = CATALOGUE.get(step.action)
    if action is None or fields.text(target, "kind") not in action.kinds:
        return deny("KindNotAllowed", f"{step.action} is not for {reference(target)}")
    ref = step.target
    there = (fields.text(target, "kind"), fields.namespace(target), fields.name(target))
    if there != (ref.kind, ref.namespace or "", ref.name):
        return deny("WrongTarget", f"the step is for {ref}, but {reference(target)} was read")
    if not ref.uid:
        return deny("TargetNotPinned", f"the step does not say which incarnation (UID) of {ref} it is for")
    if fields.text(target, "metadata", "uid") != ref.uid:
        return deny("TargetReplaced", f"{ref} is another object now than the one the plan was made for")
    namespace = fields.namespace(target)
    if home != given.operator_namespace and namespace != home:
        where = f"in namespace {namespace}" if namespace else "cluster-scoped"
        return deny(
            "OtherNamespace",
            f"{reference(target)} is {where}, but Incident {given.incident.key} may only act in {home}; Incidents that"
            f" reach further live in {given.operator_namespace}",
        )
    return allow("InScope")
