"""Who may do what: RBAC and the admission policies of the chart, as rules over one request.

The chart's YAML is the authority; functional tests hold the real one to the same behaviour.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from incident_commander import errors
from incident_commander.api.names import (
    GROUP,
    OPERATOR_NAMESPACE,
    statement_annotation,
    vote_annotation,
)
from incident_commander.ports import Object
from incident_commander.rehearsal.faults import Call
from incident_commander.rehearsal.objects import annotations_of, dig

_ACCOUNT = f"system:serviceaccount:{OPERATOR_NAMESPACE}:"
_INCIDENTS = f"incidents.{GROUP}"
_AGENTS = f"agents.{GROUP}"
_POLICIES = f"remediationpolicies.{GROUP}"
_EVENTS = "events"
_LEASES = "leases.coordination.k8s.io"

_PATCHABLE = frozenset(
    {
        "deployments.apps",
        "statefulsets.apps",
        "daemonsets.apps",
        "cronjobs.batch",
        "horizontalpodautoscalers.autoscaling",
        "pods",
        "nodes",
        "persistentvolumeclaims",
    }
)
_MAKEABLE = frozenset({"jobs.batch", "networkpolicies.networking.k8s.io"})
"""What actions may make, and take away again."""


def service_account(name: str) -> str:
    """User name of a ServiceAccount of the operator's namespace."""
    return f"{_ACCOUNT}{name}"


def agent_account(agent: str) -> str:
    """User name of an agent's ServiceAccount."""
    return service_account(f"agent-{agent}")


def authorize(call: Call) -> None:
    """RBAC: raises ``Forbidden`` when the identity has no right to this verb on this resource."""
    if not call.user.startswith(_ACCOUNT):
        return
    component = call.user.removeprefix(_ACCOUNT)
    reads = call.verb in ("get", "list", "logs")
    allowed = call.resource != "secrets" if reads else _may_write(component, call)
    if not allowed:
        sub = f"/{call.subresource}" if call.subresource else ""
        raise errors.Forbidden(
            f'{call.resource} "{call.name}" is forbidden: User "{call.user}" cannot {call.verb} resource '
            f'"{call.resource.split(".")[0]}{sub}" in the namespace "{call.namespace}"'
        )


def _may_write(component: str, call: Call) -> bool:
    request = (call.verb, call.resource, call.subresource)
    if call.resource == _LEASES:
        return call.namespace == OPERATOR_NAMESPACE
    if component.startswith("agent-"):
        if component == "agent-verification" and _changes_workloads(call):
            return call.dry_run
        return request == ("patch", _INCIDENTS, None)
    if request == ("create", _EVENTS, None):
        return True
    if component == "gateway":
        return request in (("create", _INCIDENTS, None), ("patch", _INCIDENTS, None))
    if component == "coordinator":
        return (
            call.verb == "patch" and call.subresource == "status" and call.resource in (_INCIDENTS, _AGENTS, _POLICIES)
        )
    if component == "executor":
        return _executor_may_write(call)
    return False


def _executor_may_write(call: Call) -> bool:
    request = (call.verb, call.resource, call.subresource)
    if request == ("patch", _INCIDENTS, "status"):
        return True
    if call.resource == "configmaps":
        return call.namespace == OPERATOR_NAMESPACE and call.verb in ("create", "patch")
    return _changes_workloads(call)


def _changes_workloads(call: Call) -> bool:
    """What the actions of the catalogue need."""
    if call.verb == "patch":
        return call.resource in _PATCHABLE and call.subresource in (None, "resize")
    if call.resource in _MAKEABLE:
        return call.verb in ("create", "delete") and call.subresource is None
    return (call.verb, call.resource, call.subresource) in (("delete", "pods", None), ("create", "pods", "eviction"))


def admit(call: Call, new: Object, old: Object | None) -> None:
    """The admission policies on Incidents: raises ``Invalid`` (422) as a ValidatingAdmissionPolicy does."""
    if call.resource != _INCIDENTS:
        return
    refusal = _refusal(call, new, old or {})
    if refusal:
        raise errors.Invalid(f'incidents.{GROUP} "{call.name}" is forbidden: {refusal}')


def _refusal(call: Call, new: Object, old: Object) -> str:
    if not call.user.startswith(_ACCOUNT):
        return _of_people(call, new, old)
    component = call.user.removeprefix(_ACCOUNT)
    if call.subresource == "status":
        execution_changed = dig(new, "status", "execution") != dig(old, "status", "execution")
        rest_changed = _without_execution(new) != _without_execution(old)
        if component == "coordinator" and execution_changed:
            return "status.execution is written by the executor only"
        if component == "executor" and rest_changed:
            return "the executor writes status.execution only"
        return ""
    if component.startswith("agent-"):
        return _of_agent(component.removeprefix("agent-"), new, old)
    if component == "gateway":
        if any(dig(new, "spec", field) != dig(old, "spec", field) for field in ("approval", "undo")):
            return "spec.approval and spec.undo are written by people only"
        if any(key.startswith(f"{GROUP}/") and key.endswith(("-statement", "-vote")) for key in _changed(new, old)):
            return "statements are written by agents only"
    return ""


def _of_agent(agent: str, new: Object, old: Object) -> str:
    if new.get("spec") != old.get("spec"):
        return "an agent may not change the spec of an Incident"
    if any(dig(new, "metadata", field) != dig(old, "metadata", field) for field in ("labels", "finalizers")):
        return "an agent may change its own two annotations only"
    foreign = _changed(new, old) - {statement_annotation(agent), vote_annotation(agent)}
    if foreign:
        return f"agent {agent} may not write the annotations {', '.join(sorted(foreign))}"
    return ""


def _of_people(call: Call, new: Object, old: Object) -> str:
    for field, author in (("approval", "approver"), ("undo", "requester")):
        value = dig(new, "spec", field)
        if value is not None and value != dig(old, "spec", field) and value.get(author) != call.user:
            return f"spec.{field}.{author} must be {call.user}, the user who asks"
    return ""


def _changed(new: Object, old: Object) -> set[str]:
    after = annotations_of(new)
    before: Mapping[str, Any] = annotations_of(old) if old else {}
    return {key for key in after.keys() | before.keys() if after.get(key) != before.get(key)}


def _without_execution(obj: Object) -> dict[str, Any]:
    return {key: value for key, value in (obj.get("status") or {}).items() if key != "execution"}
