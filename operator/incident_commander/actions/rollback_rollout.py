"""RollbackRollout: the pod template of an earlier revision, as ``kubectl rollout undo`` does."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from incident_commander.actions import rollouts
from incident_commander.actions.action import Bounds, Parameters, Situation
from incident_commander.actions.fields import pointer, same
from incident_commander.actions.steps import NOTHING_TO_CHANGE, Draft, check, related, spell_out, whole_number
from incident_commander.api import kinds
from incident_commander.api.plan import ActionName, Step
from incident_commander.errors import Refusal
from incident_commander.evidence import fields
from incident_commander.evidence.evidence import reference
from incident_commander.evidence.revisions import Revision, revisions
from incident_commander.ports import Object

_TEMPLATE = pointer("spec", "template")
_HASH_LABEL = "pod-template-hash"


class RollbackRollout:
    """Parameter ``toRevision``: the number of a revision; without it, the one before the current.

    Deployments keep revisions as ReplicaSets, StatefulSets and DaemonSets as ControllerRevisions.
    """

    name = ActionName.ROLLBACK_ROLLOUT
    takes = Parameters(optional=("toRevision",))
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
        """See ``Action.plan``. Refuses when the revision does not exist any more or cannot be read."""
        target = check(self, situation, parameters)
        rollouts.require_rolling(target)
        number = whole_number(self, parameters, "toRevision") if "toRevision" in parameters else None
        current, wanted = pick(situation, number)
        draft = Draft(
            values={_TEMPLATE: template_of(wanted)},
            risk=rollouts.risk_of_rollout(target),
            summary=f"roll {reference(target)} back from revision {current.number} to revision {wanted.number}:"
            f" {_images(current)} → {_images(wanted)}",
        )
        return spell_out(self, situation, parameters, step_name, draft)


def pick(situation: Situation, number: int | None = None) -> tuple[Revision, Revision]:
    """The current revision, and the one to go back to.

    Raises ``Refusal``: ``NotObserved``, ``RolloutNotObserved`` (the controller has not seen the last change),
    ``NoSuchRevision``, ``NoPreviousRevision``, ``RevisionUnreadable``, ``NothingToChange``.
    """
    target = situation.target
    deployment = fields.text(target, "kind") == "Deployment"
    related(situation, kinds.REPLICA_SET if deployment else kinds.CONTROLLER_REVISION)
    known = revisions(target, situation.related)
    current = _current(target, known)
    if number is not None:
        wanted = next((r for r in known if r.number == number), None)
        if wanted is None:
            have = ", ".join(str(r.number) for r in known)
            raise Refusal("NoSuchRevision", f"{reference(target)} has no revision {number} any more, only {have}")
    else:
        live = template_of(current)
        older = [r for r in known if r.number < current.number and not same(_TEMPLATE, template_of(r), live)]
        if not older:
            raise Refusal(
                "NoPreviousRevision",
                f"{reference(target)} has no earlier revision than {current.number} to go back to"
                " (see spec.revisionHistoryLimit)",
            )
        wanted = older[0]
    if same(_TEMPLATE, template_of(wanted), template_of(current)):
        raise Refusal(NOTHING_TO_CHANGE, f"{reference(target)} already runs the template of revision {wanted.number}")
    return current, wanted


def template_of(revision: Revision) -> dict[str, Any]:
    """The pod template of a revision as it stood in the workload.

    Raises ``Refusal`` (``RevisionUnreadable``) when it holds no containers.
    """
    template = copy.deepcopy(revision.template)
    template.pop("$patch", None)  # a ControllerRevision is stored as a strategic merge patch
    labels = fields.mapping(template, "metadata", "labels")
    labels.pop(_HASH_LABEL, None)
    if not fields.items(template, "spec", "containers"):
        raise Refusal("RevisionUnreadable", f"revision {revision.number} ({revision.name}) holds no pod template")
    return template


def _current(target: Object, known: list[Revision]) -> Revision:
    if not known:
        raise Refusal("NoPreviousRevision", f"{reference(target)} has no recorded revisions")
    live = fields.mapping(target, "spec", "template")
    found = next((r for r in known if same(_TEMPLATE, template_of(r), live)), None)
    if found is not None:
        return found
    if fields.integer(target, "status", "observedGeneration") != fields.integer(target, "metadata", "generation"):
        raise Refusal("RolloutNotObserved", f"the controller has not yet seen the last change of {reference(target)}")
    return known[0]


def _images(revision: Revision) -> str:
    containers = fields.items(revision.template, "spec", "containers")
    return ", ".join(f"{fields.text(c, 'name')}={fields.text(c, 'image')}" for c in containers)[:300]
