"""RunJob: a CronJob's Job once more, now."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import datetime

from incident_commander.actions.action import Bounds, Parameters, Situation
from incident_commander.actions.objects import MANAGED_BY, WHOLE, make, mark_of, marked, name_of, remove
from incident_commander.actions.steps import check
from incident_commander.api import kinds
from incident_commander.api.names import ANNOTATION_RERUN
from incident_commander.api.plan import ActionName, FieldValue, Risk, Step, Undo, Verb
from incident_commander.errors import Refusal
from incident_commander.evidence import fields
from incident_commander.evidence.evidence import reference, target_of
from incident_commander.ports import Object

TTL_SECONDS = 86_400
"""A finished Job is kept so long at least: for people, and so that a restarted executor finds that it ran."""
_KUBECTL_MARK = {"cronjob.kubernetes.io/instantiate": "manual"}


class RunJob:
    """No parameters. As ``kubectl create job --from=cronjob/NAME``, under a name that the plan determines.

    Whether work may be done twice is known to its owners only, so the CronJob has to carry the annotation
    ``incidentcommander.io/rerun: allowed``. A suspended CronJob serves as a template for Jobs on demand.
    Medium risk: the undo deletes the Job, and what it has done until then stays done.
    """

    name = ActionName.RUN_JOB
    takes = Parameters()
    kinds = frozenset({"CronJob"})

    def plan(
        self,
        situation: Situation,
        parameters: Mapping[str, str],
        *,
        bounds: Bounds,
        issued_at: datetime,
        step_name: str,
    ) -> Step:
        """See ``Action.plan``. Refuses what is not rerunnable, or runs already and must not run beside itself."""
        cron_job = check(self, situation, parameters)
        if fields.text(cron_job, "metadata", "annotations", ANNOTATION_RERUN) != "allowed":
            raise Refusal(
                "NotRerunnable",
                f"nobody says that {reference(cron_job)} may run twice; annotate it {ANNOTATION_RERUN}=allowed if so",
            )
        policy = fields.text(cron_job, "spec", "concurrencyPolicy") or "Allow"
        active = fields.items(cron_job, "status", "active")
        if active and policy != "Allow":
            name = fields.text(active[0], "name")
            raise Refusal(
                "AlreadyRunning", f"Job {name} of {reference(cron_job)} is running; its concurrencyPolicy is {policy}"
            )
        job = _job(cron_job, mark_of(cron_job, issued_at, step_name))
        return Step(
            name=step_name,
            action=self.name,
            target=target_of(cron_job),
            parameters=dict(parameters),
            verb=Verb.CREATE,
            operations=[make(job)],
            pre_image=[FieldValue(path=WHOLE)],
            undo=Undo(
                possible=True,
                reason="the Job and its pods are deleted; what it has done until then stays done",
                operations=[remove()],
            ),
            risk=Risk.MEDIUM,
            summary=f"run {reference(cron_job)} once, now, as Job {job['metadata']['name']}",
        )


def _job(cron_job: Object, mark: str) -> Object:
    template = fields.mapping(cron_job, "spec", "jobTemplate")
    spec = copy.deepcopy(fields.mapping(template, "spec"))
    spec["ttlSecondsAfterFinished"] = max(TTL_SECONDS, fields.integer(spec, "ttlSecondsAfterFinished") or 0)
    meta = cron_job["metadata"]
    body: Object = {
        "apiVersion": kinds.JOB.api_version,
        "kind": kinds.JOB.kind,
        "metadata": {
            "name": name_of(fields.name(cron_job), mark),
            "namespace": meta["namespace"],
            "labels": fields.strings(template, "metadata", "labels") | MANAGED_BY,
            "annotations": fields.strings(template, "metadata", "annotations") | _KUBECTL_MARK,
            # Not its controller: the CronJob controller would delete the Job for its history limit, perhaps before a
            # restarted executor has seen that it ran.
            "ownerReferences": [
                {
                    "apiVersion": kinds.CRON_JOB.api_version,
                    "kind": kinds.CRON_JOB.kind,
                    "name": meta["name"],
                    "uid": meta["uid"],
                }
            ],
        },
        "spec": spec,
    }
    return marked(body, mark)
