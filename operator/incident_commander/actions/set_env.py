"""SetEnv: an environment variable of one container, to a given value or back to what it was."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from incident_commander.actions import rollouts
from incident_commander.actions.action import Bounds, Parameters, Situation
from incident_commander.actions.containers import Place, find_container
from incident_commander.actions.fields import ABSENT
from incident_commander.actions.rollback_rollout import pick
from incident_commander.actions.steps import NOTHING_TO_CHANGE, Draft, check, spell_out
from incident_commander.api.plan import ActionName, Step
from incident_commander.errors import Refusal
from incident_commander.evidence import fields
from incident_commander.evidence.evidence import reference
from incident_commander.ports import Object

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_SECRET = re.compile(r"(?i)pass(word|wd|phrase)?|secret|token|credential|api_?key|private_?key|_key$|auth")


class SetEnv:
    """Parameters ``container`` (needed when there are several), ``name`` and ``value``.

    With a value, that variable is set to it. Without, it becomes again what it was in the revision before the current
    one; without a name, too, all variables of the container do. Everything else of the template stays as it is.
    Values stand in plans for everyone to read: a variable that is named like a secret, or that is taken from a Secret
    or a ConfigMap, is refused.
    """

    name = ActionName.SET_ENV
    takes = Parameters(optional=("container", "name", "value"))
    kinds = rollouts.KINDS

    def plan(
        self,
        situation: Situation,
        parameters: Mapping[str, str],
        *,
        bounds: Bounds,
        issued_at: datetime,
        step_name: str,
    ) -> Step:
        """See ``Action.plan``. Refuses paused rollouts, and a revision before that has no such container."""
        target = check(self, situation, parameters)
        rollouts.require_rolling(target)
        name = parameters.get("name", "")
        if name and not _NAME.fullmatch(name):
            raise Refusal("BadParameter", f"SetEnv: {name[:64]!r} is no name of an environment variable")
        if "value" in parameters and not name:
            raise Refusal("MissingParameter", "SetEnv: a value needs the name of the variable")
        place = find_container(target, parameters.get("container", ""))
        where = f"container {place.name} of {reference(target)}"
        if "value" in parameters:
            wanted = _replaced(_env(place), {"name": name, "value": parameters["value"]})
            origin = ""
        else:
            current, before = pick(situation)
            wanted = _restored(_env(place), _env_of(before.template, place, target), name)
            origin = f", as in revision {before.number} before revision {current.number}"
        changed = _changed(_env(place), wanted)
        if not changed:
            raise Refusal(NOTHING_TO_CHANGE, f"the environment of {where} already is so")
        _require_open(changed, [*_env(place), *wanted], where)
        draft = Draft(
            values=_values(place, wanted),
            pins=[place.pointer("name")],
            risk=rollouts.risk_of_rollout(target),
            summary=f"set the environment of {where}{origin}: {_said(changed, _env(place), wanted)}",
        )
        return spell_out(self, situation, parameters, step_name, draft)


_Env = list[dict[str, Any]]


def _env(place: Place) -> _Env:
    return fields.items(place.body, "env")


def _env_of(template: Mapping[str, Any], place: Place, target: Object) -> _Env:
    key = place.path[-2]
    found = next((c for c in fields.items(template, "spec", key) if fields.text(c, "name") == place.name), None)
    if found is None:
        raise Refusal("NoSuchContainer", f"the revision before had no container {place.name} in {reference(target)}")
    return fields.items(found, "env")


def _replaced(env: _Env, entry: dict[str, Any]) -> _Env:
    if any(e.get("name") == entry["name"] for e in env):
        return [entry if e.get("name") == entry["name"] else e for e in env]
    return [*env, entry]


def _restored(env: _Env, before: _Env, name: str) -> _Env:
    """As it was before: all of it in that order, or one variable in its place."""
    if not name:
        return before
    old = next((e for e in before if e.get("name") == name), None)
    return _replaced(env, old) if old is not None else [e for e in env if e.get("name") != name]


def _changed(env: _Env, wanted: _Env) -> list[str]:
    old, new = ({str(e.get("name")): e for e in entries} for entries in (env, wanted))
    names = [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    return names or (["order"] if env != wanted else [])


def _require_open(changed: Sequence[str], entries: _Env, where: str) -> None:
    """Raises ``Refusal``: ``FromReference`` or ``LooksLikeSecret``."""
    for entry in entries:
        name = str(entry.get("name"))
        if name not in changed:
            continue
        if "valueFrom" in entry:
            raise Refusal(
                "FromReference", f"{name} in {where} is taken from elsewhere (valueFrom): change it there, not here"
            )
        if _SECRET.search(name):
            raise Refusal(
                "LooksLikeSecret", f"{name} in {where} is named like a secret, and many read a plan; set it by hand"
            )


def _values(place: Place, wanted: _Env) -> dict[str, object]:
    """The whole list: a variable may refer to those before it (``$(NAME)``), so that the order is part of it."""
    return {place.pointer("env"): wanted or ABSENT}


def _said(changed: Sequence[str], env: _Env, wanted: _Env) -> str:
    before, after = ({e.get("name"): e.get("value", "") for e in entries} for entries in (env, wanted))
    return ", ".join(
        f"{name} {before.get(name)!r} → {after[name]!r}" if name in after else f"{name} is removed" for name in changed
    )
