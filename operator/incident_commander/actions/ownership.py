"""Who else keeps an object as it is: a GitOps controller, another controller, or Helm."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from incident_commander.evidence import fields
from incident_commander.evidence.owners import controller
from incident_commander.ports import Object


class OwnershipKind(enum.StrEnum):
    """What happens to a change that is made beside the owner."""

    NONE = "None"
    """Nobody else claims the object."""
    GITOPS = "GitOps"
    """It is reverted from git."""
    CONTROLLER = "Controller"
    """It is reverted by the controller that made the object."""
    HELM = "Helm"
    """It stays until the next ``helm upgrade``."""


@dataclass(frozen=True, slots=True)
class Ownership:
    """``controller``: the program; ``name``: the application, release or object that it manages this with."""

    kind: OwnershipKind
    controller: str = ""
    name: str = ""

    @property
    def reverts(self) -> bool:
        """Whether a patch would be taken back behind our back."""
        return self.kind in (OwnershipKind.GITOPS, OwnershipKind.CONTROLLER)

    def __str__(self) -> str:
        """``Argo CD application shop``."""
        return f"{self.controller} {self.name}".strip()


_ARGO_TRACKING = "argocd.argoproj.io/tracking-id"
_ARGO_LABEL = "argocd.argoproj.io/instance"
_INSTANCE = "app.kubernetes.io/instance"
_FLUX_KUSTOMIZE = "kustomize.toolkit.fluxcd.io"
_FLUX_HELM = "helm.toolkit.fluxcd.io"
_NO_RECONCILE = f"{_FLUX_KUSTOMIZE}/reconcile"
_HELM_RELEASE = "meta.helm.sh/release-name"
_REPLACED = frozenset({"Pod", "ReplicaSet", "Job"})
"""What these hold is not what git describes: their controllers make them."""


def ownership_of(obj: Object) -> Ownership:
    """Sources: Argo CD "Resource Tracking", Flux "Kustomization" and "HelmRelease" labels, Helm 3 annotations.

    Pods and other objects that a controller replaces are nobody's in this sense: deleting one is no drift.
    """
    owner = controller(obj)
    if owner is not None:
        if fields.text(obj, "kind") in _REPLACED:
            return Ownership(OwnershipKind.NONE)
        return Ownership(OwnershipKind.CONTROLLER, owner.kind, owner.name)
    return _argo(obj) or _flux(obj) or _helm(obj) or Ownership(OwnershipKind.NONE)


def _argo(obj: Object) -> Ownership | None:
    labels = fields.strings(obj, "metadata", "labels")
    annotations = fields.strings(obj, "metadata", "annotations")
    tracking = annotations.get(_ARGO_TRACKING, "")
    name = tracking.split(":", 1)[0] or labels.get(_ARGO_LABEL, "")
    if not name and any(key.startswith("argocd.argoproj.io/") for key in annotations):
        # The default tracking label is also used by others; Argo CD's own annotations tell.
        name = labels.get(_INSTANCE, "")
    return Ownership(OwnershipKind.GITOPS, "Argo CD application", name) if name else None


def _flux(obj: Object) -> Ownership | None:
    labels = fields.strings(obj, "metadata", "labels")
    annotations = fields.strings(obj, "metadata", "annotations")
    for prefix, what in ((_FLUX_KUSTOMIZE, "Flux Kustomization"), (_FLUX_HELM, "Flux HelmRelease")):
        name = labels.get(f"{prefix}/name")
        if name is None:
            continue
        if prefix == _FLUX_KUSTOMIZE and "disabled" in (labels.get(_NO_RECONCILE), annotations.get(_NO_RECONCILE)):
            continue
        return Ownership(OwnershipKind.GITOPS, what, "/".join(filter(None, (labels.get(f"{prefix}/namespace"), name))))
    return None


def _helm(obj: Object) -> Ownership | None:
    release = fields.strings(obj, "metadata", "annotations").get(_HELM_RELEASE)
    return Ownership(OwnershipKind.HELM, "Helm release", release) if release else None
