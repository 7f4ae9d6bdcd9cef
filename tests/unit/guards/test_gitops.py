"""What would be reverted is proposed, not patched."""

from dataclasses import replace

from incident_commander.guards.gitops import not_reverted
from tests.unit.actions.workloads import owned_by, workload
from tests.unit.guards.scene import pod_scene, policy, scene

ARGO = {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/web"}
PATCH = policy(gitOps="Patch")


def test_a_gitops_target_is_not_patched_unless_the_policy_says_so() -> None:
    given = scene(target=workload(annotations=ARGO))
    verdict = not_reverted(given)
    assert (verdict.allowed, verdict.reason) == (False, "OwnedByGitOps")
    assert "Argo CD application shop" in verdict.message
    assert not_reverted(replace(given, policy=PATCH)).allowed
    assert not not_reverted(replace(given, policy=None)).allowed


def test_a_target_that_a_controller_made_is_not_patched() -> None:
    maker = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "web", "uid": "u"}}
    assert not_reverted(scene(target=workload(ownerReferences=owned_by(maker)))).reason == "OwnedByGitOps"


def test_helm_and_pods_are_patched() -> None:
    assert not_reverted(scene(target=workload(annotations={"meta.helm.sh/release-name": "web"}))).allowed
    assert not_reverted(pod_scene()).allowed


def test_a_proposal_is_never_carried_out() -> None:
    given = scene(policy=PATCH)
    proposal = given.plan.model_copy(update={"proposal_only": True, "proposal_reason": "kept by Flux"})
    verdict = not_reverted(replace(given, plan=proposal))
    assert verdict.reason == "ProposalOnly"
    assert "kept by Flux" in verdict.message
