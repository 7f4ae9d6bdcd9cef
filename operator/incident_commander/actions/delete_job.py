"""DeleteJob: a Job that has failed, or that is stuck, out of the way."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from incident_commander.actions.action import Bounds, Parameters, Situation
from incident_commander.actions.fields import encode
from incident_commander.actions.objects import WHOLE, make, mark_of, marked, remove, sanitized
from incident_commander.actions.steps import check
from incident_commander.api.plan import ActionName, FieldValue, Risk, Step, Undo, Verb
from incident_commander.errors import Refusal
from incident_commander.evidence import fields
from incident_commander.evidence.evidence import reference, target_of
from incident_commander.ports import Object

_OF_THE_CONTROLLER = (
    "controller-uid",
    "job-name",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
)
"""Labels that the API server puts on a Job's pods, and selects them by."""
_STUCK_AFTER = timedelta(minutes=10)
"""How long a Job may have no ready pod before it is called stuck."""


class DeleteJob:
    """No parameters. Its pods, and with them their logs, are deleted, too.

    The undo makes the Job again as it was, but suspended: it would start from its beginning, and whether that does
    harm is for its owners to say. Medium risk for that, and because nobody can read the old pods' logs any more.
    """

    name = ActionName.DELETE_JOB
    takes = Parameters()
    kinds = frozenset({"Job"})

    def plan(
        self,
        situation: Situation,
        parameters: Mapping[str, str],
        *,
        bounds: Bounds,
        issued_at: datetime,
        step_name: str,
    ) -> Step:
        """See ``Action.plan``. Refuses Jobs that are complete, suspended, or have a pod that works."""
        job = check(self, situation, parameters)
        state = _state(job, issued_at)
        again = _again(job, mark_of(job, issued_at, step_name))
        return Step(
            name=step_name,
            action=self.name,
            target=target_of(job),
            parameters=dict(parameters),
            verb=Verb.DELETE,
            operations=[remove()],
            pre_image=[FieldValue(path=WHOLE, value=encode(sanitized(job), "the Job"))],
            undo=Undo(
                possible=True,
                reason="it is made again, suspended: resuming it starts it from its beginning",
                operations=[make(again)],
            ),
            risk=Risk.MEDIUM,
            summary=f"delete {reference(job)} ({state}) with its pods and their logs",
        )


def _state(job: Object, now: datetime) -> str:
    """Why it may go. Raises ``Refusal``: ``JobComplete``, ``JobSuspended``, ``JobWorking`` or ``JobStarting``."""
    if fields.condition(job, "Failed").get("status") == "True":
        return f"failed: {fields.text(fields.condition(job, 'Failed'), 'reason') or 'no reason told'}"
    if fields.condition(job, "Complete").get("status") == "True":
        raise Refusal("JobComplete", f"{reference(job)} has completed; it is in nobody's way")
    if fields.flag(job, "spec", "suspend"):
        raise Refusal("JobSuspended", f"{reference(job)} was suspended by somebody; it is left alone")
    ready = fields.integer(job, "status", "ready") or 0
    if ready:
        raise Refusal("JobWorking", f"{reference(job)} has {ready} ready pods: it works, perhaps slowly")
    started = fields.moment(job, "status", "startTime")
    if started is None or now - started < _STUCK_AFTER:
        raise Refusal("JobStarting", f"{reference(job)} is younger than {_STUCK_AFTER}; it may still be starting")
    return "stuck: none of its pods is ready"


def _again(job: Object, mark: str) -> Object:
    made = marked(sanitized(job), mark)
    made["spec"]["suspend"] = True
    if not fields.flag(job, "spec", "manualSelector"):
        made["spec"].pop("selector", None)
        for meta in (made["metadata"], fields.mapping(made, "spec", "template", "metadata")):
            labels = meta.get("labels") or {}
            for key in _OF_THE_CONTROLLER:
                labels.pop(key, None)
    return made
