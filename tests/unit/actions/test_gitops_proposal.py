"""GitOpsProposal: what another action would write, shown and never written."""

from typing import Any

from incident_commander.api.plan import ActionName, Verb
from incident_commander.ports import Object
from tests.unit.actions.workloads import plan, pod, refusal, workload

PROPOSE = ActionName.GITOPS_PROPOSAL
OWNED = workload(annotations={"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/web"})
SCALE: dict[str, Any] = {"action": "ScaleWorkload", "replicas": "5"}
RELATED: dict[str, list[Object]] = {"horizontalpodautoscalers.autoscaling": []}


def test_the_step_carries_the_change_and_writes_nothing() -> None:
    step = plan(PROPOSE, OWNED, RELATED, **SCALE)
    assert (step.verb, step.undo.possible, step.undo.operations) == (Verb.NONE, False, [])
    assert [(op.path, op.value) for op in step.operations] == [("/spec/replicas", "5")]
    assert step.parameters == SCALE
    assert step.summary.startswith("propose to Argo CD application shop: scale Deployment/shop/web from 3 to 5")


def test_what_the_action_refuses_is_refused() -> None:
    assert refusal(PROPOSE, OWNED, RELATED, action="ScaleWorkload", replicas="500") == "AboveBound"
    assert refusal(PROPOSE, OWNED, RELATED, action="ScaleWorkload") == "MissingParameter"


def test_only_actions_that_write_can_be_proposed() -> None:
    for action in ("Reboot", "Escalate", "GitOpsProposal"):
        assert refusal(PROPOSE, OWNED, RELATED, action=action) == "BadParameter"
    assert refusal(PROPOSE, OWNED, RELATED) == "MissingParameter"


def test_what_nobody_would_revert_is_for_the_action_itself() -> None:
    assert refusal(PROPOSE, workload(), RELATED, **SCALE) == "NotReverted"
    assert refusal(PROPOSE, pod("web-0", workload("StatefulSet")), {"pods": []}, action="DeletePod") == "NotReverted"
