"""SuspendCronJob: no new Jobs; those that run go on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from incident_commander.actions.action import Bounds, Parameters, Situation
from incident_commander.actions.fields import pointer
from incident_commander.actions.steps import Draft, check, spell_out
from incident_commander.api.plan import ActionName, Risk, Step
from incident_commander.evidence.evidence import reference


class SuspendCronJob:
    """No parameters. Medium risk: work that is due is not done until somebody resumes it."""

    name = ActionName.SUSPEND_CRON_JOB
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
        """See ``Action.plan``."""
        target = check(self, situation, parameters)
        draft = Draft(
            values={pointer("spec", "suspend"): True},
            risk=Risk.MEDIUM,
            summary=f"suspend {reference(target)}: no new Jobs until somebody resumes it",
        )
        return spell_out(self, situation, parameters, step_name, draft)
