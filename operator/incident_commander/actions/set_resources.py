"""SetResources: other limits or requests of one container; of a bare Pod in place (KEP-1287)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_CEILING, Decimal

from incident_commander.actions import rollouts
from incident_commander.actions.action import Bounds, Parameters, Situation
from incident_commander.actions.containers import Place, find_container
from incident_commander.actions.steps import Draft, check, spell_out
from incident_commander.api.plan import ActionName, Risk, Step
from incident_commander.api.quantity import format_cpu, format_memory, parse_quantity
from incident_commander.errors import Refusal
from incident_commander.evidence import fields
from incident_commander.evidence.evidence import reference
from incident_commander.ports import Object


class SetResources:
    """Parameters ``memory`` and ``cpu`` (limits), ``memoryRequest`` and ``cpuRequest``, and ``container``
    (needed when there are several).

    A workload's pod template is changed, which rolls out; a Pod is resized in place through the ``resize``
    subresource, where the API server offers it. A request that equals its limit moves with it, so that the
    QoS class stays. A limit that was never set is not introduced.
    """

    name = ActionName.SET_RESOURCES
    takes = Parameters(some=("memory", "cpu", "memoryRequest", "cpuRequest"), optional=("container",))
    kinds = rollouts.KINDS | {"Pod"}

    def plan(
        self,
        situation: Situation,
        parameters: Mapping[str, str],
        *,
        bounds: Bounds,
        issued_at: datetime,
        step_name: str,
    ) -> Step:
        """See ``Action.plan``. Refuses limits below the request or above the policy's bounds."""
        target = check(self, situation, parameters)
        in_place = fields.text(target, "kind") == "Pod"
        if in_place:
            _require_resize(situation)
        else:
            rollouts.require_rolling(target)
        place = find_container(target, parameters.get("container", ""))
        values: dict[str, object] = {}
        said: list[str] = []
        for resource, most in (("memory", bounds.max_memory), ("cpu", bounds.max_cpu)):
            for field, amount in _wanted(place, resource, parameters, most, target).items():
                text = _text(resource, amount)
                values[place.pointer("resources", field, resource)] = text
                old = fields.text(place.body, "resources", field, resource) or "unset"
                said.append(f"{resource} {field.removesuffix('s')} {old} → {text}")
        if not said:
            raise Refusal("MissingParameter", f"SetResources needs one of {', '.join(self.takes.some)}")
        how = " in place (until the pod is replaced)" if in_place else ""
        draft = Draft(
            values=values,
            pins=[place.pointer("name")],
            risk=_risk(target, place, in_place),
            subresource="resize" if in_place else None,
            summary=f"set resources of container {place.name} of {reference(target)}{how}: {', '.join(said)}",
        )
        return spell_out(self, situation, parameters, step_name, draft)


def _wanted(
    place: Place, resource: str, parameters: Mapping[str, str], most: str, target: Object
) -> dict[str, Decimal]:
    """The amounts of one resource that are to be set, by field."""
    limit = fields.quantity(place.body, "resources", "limits", resource)
    request = fields.quantity(place.body, "resources", "requests", resource)
    new_limit = _amount(parameters, resource, resource)
    new_request = _amount(parameters, f"{resource}Request", resource)
    if new_limit is None and new_request is None:
        return {}
    where = f"container {place.name} of {reference(target)}"
    if new_limit is not None and limit is None:
        raise Refusal("NoLimitSet", f"{where} has no {resource} limit, so no limit is in its way; none is introduced")
    if new_limit is not None and new_request is None and request is not None and request == limit:
        new_request = new_limit
    final_limit, final_request = new_limit or limit, new_request or request
    if final_limit is not None and final_request is not None and final_request > final_limit:
        raise Refusal(
            "BelowRequest",
            f"{where}: {resource} limit {_text(resource, final_limit)} would be below the request"
            f" {_text(resource, final_request)}",
        )
    for new, old in ((new_limit, limit), (new_request, request)):
        if new is not None and new > max(_bound(most, resource), old or Decimal(0)):
            raise Refusal(
                "AboveBound",
                f"{where}: {resource} {_text(resource, new)} is more than the policy allows ({most},"
                f" spec.limits.max{'CPU' if resource == 'cpu' else 'Memory'})",
            )
    found = {"limits": new_limit, "requests": new_request}
    return {field: amount for field, amount in found.items() if amount is not None}


def _require_resize(situation: Situation) -> None:
    pod = situation.target
    if not situation.resize_offered:
        raise Refusal(
            "ResizeNotOffered",
            f"the API server does not offer in-place resize (pods/resize, Kubernetes 1.33), and {reference(pod)} has"
            " no template to change",
        )
    if fields.text(pod, "status", "phase") != "Running":
        raise Refusal("PodNotRunning", f"{reference(pod)} is not running, so it cannot be resized in place")


def _risk(target: Object, place: Place, in_place: bool) -> Risk:
    if not in_place:
        return rollouts.risk_of_rollout(target)
    policies = fields.items(place.body, "resizePolicy")
    restarts = any(fields.text(p, "restartPolicy") == "RestartContainer" for p in policies)
    return Risk.MEDIUM if restarts else Risk.LOW


def _amount(parameters: Mapping[str, str], name: str, resource: str) -> Decimal | None:
    if name not in parameters:
        return None
    try:
        amount = parse_quantity(parameters[name])
    except ValueError as error:
        raise Refusal("BadParameter", f"SetResources: {name}: {error}") from error
    if amount <= 0:
        raise Refusal("BadParameter", f"SetResources: {name} is {parameters[name]!r}; it must be more than zero")
    return parse_quantity(_text(resource, amount))


def _bound(text: str, resource: str) -> Decimal:
    try:
        return parse_quantity(text)
    except ValueError as error:
        raise Refusal("BadBound", f"the policy's bound for {resource} cannot be read: {error}") from error


def _text(resource: str, amount: Decimal) -> str:
    """As the API server would store it."""
    if resource == "cpu":
        return format_cpu(amount)
    return format_memory(int(amount.to_integral_value(ROUND_CEILING)))
