"""GitOpsProposal: another action's change of what a GitOps controller keeps, for people to make in git."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from incident_commander.actions.action import Action, Bounds, Parameters, Situation
from incident_commander.actions.ownership import ownership_of
from incident_commander.actions.steps import check, required
from incident_commander.api.plan import ActionName, Step, Undo, Verb
from incident_commander.errors import Refusal
from incident_commander.evidence.evidence import reference


class GitOpsProposal:
    """Parameter ``action``, and the parameters of that action.

    The step carries the operations that the action would write, and the verb None. The proposal is the plan in the
    Incident's status: it needs no object of its own, nobody has to clean it up, and it is signed with the plan.
    ``kubectl incident show`` prints it as a diff, ``kubectl incident proposal`` as a patch for the repository.
    """

    name = ActionName.GITOPS_PROPOSAL
    takes = Parameters(needed=("action",))

    def __init__(self, actions: Mapping[ActionName, Action]) -> None:
        self._actions: dict[str, Action] = {
            name.value: action for name, action in actions.items() if name is not ActionName.ESCALATE
        }
        self.kinds: frozenset[str] = frozenset().union(*(action.kinds for action in self._actions.values()))

    def plan(
        self,
        situation: Situation,
        parameters: Mapping[str, str],
        *,
        bounds: Bounds,
        issued_at: datetime,
        step_name: str,
    ) -> Step:
        """See ``Action.plan``. Refuses what nobody would revert: that is for the action itself."""
        check(self, situation, {})
        name = required(self, parameters, "action")
        action = self._actions.get(name)
        if action is None:
            raise Refusal("BadParameter", f"GitOpsProposal: there is no action {name[:64]!r} that could be proposed")
        inner = {key: value for key, value in parameters.items() if key != "action"}
        step = action.plan(situation, inner, bounds=bounds, issued_at=issued_at, step_name=step_name)
        owner = ownership_of(situation.target)
        if not owner.reverts:
            raise Refusal("NotReverted", f"nobody keeps {reference(situation.target)} as it is: use {name} itself")
        return step.model_copy(
            update={
                "action": self.name,
                "parameters": dict(parameters),
                "verb": Verb.NONE,
                "undo": Undo(possible=False, reason="nothing is written"),
                "summary": f"propose to {owner}: {step.summary}"[:1024],
            }
        )
