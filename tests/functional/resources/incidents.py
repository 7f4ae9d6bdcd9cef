"""An Incident in a namespace of its own, written to by different identities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.controlplane import ApiError
from tests.functional.installed import INCIDENTS, MERGE_PATCH, Client, Installed

GROUP = "incidentcommander.io"
API_VERSION = f"{GROUP}/v1alpha1"
DIGEST = "sha256:" + "1" * 64


def deployment(name: str = "web") -> dict[str, Any]:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": name, "image": "none"}]}}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


@dataclass(frozen=True)
class Scene:
    """A namespace with the Incident `example`."""

    installed: Installed
    namespace: str

    @property
    def collection(self) -> str:
        return INCIDENTS.format(self.namespace)

    @property
    def path(self) -> str:
        return f"{self.collection}/example"

    def ours(self, name: str) -> Client:
        return self.installed.service_account(name)

    def body(self, name: str = "another", **spec: Any) -> dict[str, Any]:
        return {"apiVersion": API_VERSION, "kind": "Incident", "metadata": {"name": name}, "spec": spec}

    def create(self, client: Client, name: str = "another", **spec: Any) -> Any:
        return client.request("POST", self.collection, self.body(name, **spec))

    def annotate(self, client: Client, **values: str | None) -> Any:
        """Annotations of our group, `_` for `-`."""
        annotations = {f"{GROUP}/{key.replace('_', '-')}": value for key, value in values.items()}
        return self.patch(client, {"metadata": {"annotations": annotations}})

    def patch(self, client: Client, body: object) -> Any:
        return client.request("PATCH", self.path, body, MERGE_PATCH)

    def tell(self, client: Client, **status: Any) -> Any:
        return client.request("PATCH", f"{self.path}/status", {"status": status}, MERGE_PATCH)

    def read(self) -> Any:
        return self.installed.plane.request("GET", self.path)


def refusal(attempt: Callable[..., Any], *arguments: Any, **options: Any) -> str:
    """The message with which admission (not RBAC) refuses; fails when it is allowed, or refused by something else."""
    with pytest.raises(ApiError, match="ValidatingAdmissionPolicy") as refused:
        attempt(*arguments, **options)
    return str(refused.value)
