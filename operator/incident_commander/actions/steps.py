"""What all actions share: refusing what they cannot act on, and spelling a step out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from incident_commander.actions.action import Action, Situation
from incident_commander.actions.fields import changes, field_value
from incident_commander.api.kinds import Kind
from incident_commander.api.plan import FieldValue, Risk, Step, Undo, Verb
from incident_commander.errors import Refusal
from incident_commander.evidence import fields
from incident_commander.evidence.evidence import reference, target_of
from incident_commander.ports import Object

NOTHING_TO_CHANGE = "NothingToChange"


@dataclass(frozen=True, slots=True)
class Draft:
    """What an action has decided; ``spell_out`` makes the step of it.

    ``values`` are the wanted values by JSON Pointer; ``pins`` are fields that must stay as they are because
    the paths depend on them (the name of the container at an index).
    """

    values: Mapping[str, object]
    risk: Risk
    summary: str
    pins: Sequence[str] = ()
    subresource: str | None = None


def check(action: Action, situation: Situation, parameters: Mapping[str, str]) -> Object:
    """The target, if the action may look at it at all.

    Raises ``Refusal``: ``KindNotSupported``, ``UnknownParameter`` or ``TargetTerminating``.
    """
    target = situation.target
    kind = fields.text(target, "kind")
    if kind not in action.kinds:
        wanted = ", ".join(sorted(action.kinds))
        raise Refusal("KindNotSupported", f"{action.name} acts on {wanted}; {reference(target)} is none of them")
    unknown = sorted(set(parameters) - set(action.takes.known))
    if unknown:
        allowed = ", ".join(action.takes.known) or "none"
        raise Refusal("UnknownParameter", f"{action.name} has no parameter {unknown[0]!r}; it knows: {allowed}")
    if fields.text(target, "metadata", "deletionTimestamp"):
        raise Refusal("TargetTerminating", f"{reference(target)} is being deleted")
    return target


def required(action: Action, parameters: Mapping[str, str], name: str) -> str:
    """A parameter that must be given. Raises ``Refusal`` (``MissingParameter``)."""
    value = parameters.get(name, "")
    if not value:
        raise Refusal("MissingParameter", f"{action.name} needs the parameter {name!r}")
    return value


def whole_number(action: Action, parameters: Mapping[str, str], name: str) -> int:
    """A parameter that is a count. Raises ``Refusal`` (``MissingParameter``, ``BadParameter``)."""
    text = required(action, parameters, name)
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Refusal("BadParameter", f"{action.name}: {name} is {text!r}; write a whole number, for example 3")
    return int(text)


def related(situation: Situation, kind: Kind) -> Sequence[Object]:
    """Related objects of a kind. Raises ``Refusal`` (``NotObserved``) when nobody looked for them."""
    if kind.resource not in situation.related:
        raise Refusal("NotObserved", f"the {kind.resource} of {reference(situation.target)} were not read")
    return situation.related[kind.resource]


def spell_out(
    action: Action, situation: Situation, parameters: Mapping[str, str], step_name: str, draft: Draft
) -> Step:
    """The step: operations, pre-image and undo of every field that changes.

    Raises ``Refusal``: ``NothingToChange``, or that a field cannot be recorded.
    """
    target = situation.target
    made = changes(target, draft.values)
    if not made.operations:
        raise Refusal(NOTHING_TO_CHANGE, f"{reference(target)} already is as {action.name} would make it")
    pins = [field_value(target, path) for path in draft.pins]
    return Step(
        name=step_name,
        action=action.name,
        target=target_of(target),
        parameters=dict(parameters),
        verb=Verb.PATCH,
        subresource=draft.subresource,
        operations=made.operations,
        pre_image=_distinct([*pins, *made.pre_image]),
        undo=Undo(possible=True, operations=made.undo),
        risk=draft.risk,
        summary=draft.summary[:1024],
    )


def _distinct(recorded: Sequence[FieldValue]) -> list[FieldValue]:
    return list({field.path: field for field in recorded}.values())
