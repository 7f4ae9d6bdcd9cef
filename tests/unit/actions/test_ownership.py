"""Who else keeps an object as it is."""

import pytest

from incident_commander.actions.ownership import OwnershipKind, ownership_of
from tests.unit.actions.workloads import owned_by, pod, workload


@pytest.mark.parametrize(
    ("labels", "annotations", "kind", "owner"),
    [
        ({}, {}, OwnershipKind.NONE, ""),
        ({"app.kubernetes.io/instance": "shop"}, {}, OwnershipKind.NONE, ""),
        (
            {"app.kubernetes.io/instance": "shop"},
            {"argocd.argoproj.io/sync-wave": "1"},
            OwnershipKind.GITOPS,
            "Argo CD application shop",
        ),
        (
            {},
            {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/web"},
            OwnershipKind.GITOPS,
            "Argo CD application shop",
        ),
        ({"argocd.argoproj.io/instance": "shop"}, {}, OwnershipKind.GITOPS, "Argo CD application shop"),
        (
            {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"},
            {},
            OwnershipKind.GITOPS,
            "Flux Kustomization flux-system/apps",
        ),
        (
            {"kustomize.toolkit.fluxcd.io/name": "apps"},
            {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"},
            OwnershipKind.NONE,
            "",
        ),
        (
            {"helm.toolkit.fluxcd.io/name": "web"},
            {"meta.helm.sh/release-name": "web"},
            OwnershipKind.GITOPS,
            "Flux HelmRelease web",
        ),
        ({}, {"meta.helm.sh/release-name": "web"}, OwnershipKind.HELM, "Helm release web"),
    ],
)
def test_labels_and_annotations_tell(
    labels: dict[str, str], annotations: dict[str, str], kind: OwnershipKind, owner: str
) -> None:
    found = ownership_of(workload(labels=labels, annotations=annotations))
    assert (found.kind, str(found)) == (kind, owner)
    assert found.reverts is (kind is OwnershipKind.GITOPS)


def test_a_workload_that_another_controller_made_would_be_reverted() -> None:
    maker = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "web", "uid": "u"}}
    found = ownership_of(workload(ownerReferences=owned_by(maker)))
    assert (found.kind, str(found), found.reverts) == (OwnershipKind.CONTROLLER, "Rollout web", True)


def test_a_pod_is_its_controllers_business() -> None:
    target = pod("web-0", workload("StatefulSet"))
    target["metadata"]["annotations"] = {"argocd.argoproj.io/tracking-id": "shop:/Pod:shop/web-0"}
    assert ownership_of(target).kind is OwnershipKind.NONE
