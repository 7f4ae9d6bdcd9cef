"""People with names and rights of their own: who may approve, who may not, and who pretends."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from e2e.harness.api import Api, Json
from e2e.harness.commands import Ran, run
from e2e.harness.identities import Identities
from e2e.harness.operator import PROGRAMS
from e2e.harness.waiting import Teller

REPORTER = "alertmanager"
"""ServiceAccount with whose token Alertmanager reports."""
_RBAC = "rbac.authorization.k8s.io"
_APPROVER, _COLLEAGUE, _STRANGER = "ada@example.com", "bob@example.com", "eve@example.com"


@dataclass(frozen=True)
class People:
    """Kubeconfigs. Approver and colleague may approve in the scenarios' namespaces; the stranger may only look."""

    administrator: Path
    approver: Path
    colleague: Path
    stranger: Path
    approver_name: str = _APPROVER

    async def kubectl_incident(self, *arguments: str, kubeconfig: Path | None, check: bool = True) -> Ran:
        """The plugin, found by kubectl as it finds any other."""
        env = {
            "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
            "KUBECONFIG": str(kubeconfig or self.administrator),
        }
        return await run("kubectl", "incident", *arguments, env=env, check=check)

    async def verify(self, incident: Path, agents: Path, kubeconfig: Path) -> Ran:
        """Offline: from two files."""
        arguments = ["verify", "--file", str(incident), "--keys", str(agents)]
        return await self.kubectl_incident(*arguments, kubeconfig=kubeconfig, check=False)

    async def patch_spec(self, namespace: str, incident: str, spec: Json, person: Path) -> Ran:
        """What somebody does who does not use the plugin."""
        patch = json.dumps({"spec": spec})
        command = ["kubectl", "--namespace", namespace, "patch", "incident", incident, "--type=merge", "--patch", patch]
        return await run(*command, env={"KUBECONFIG": str(person)}, check=False)


async def people(identities: Identities, administrator: Path, say: Teller) -> People:
    """Make them."""
    approver, colleague, stranger = [await identities.person(n, say) for n in (_APPROVER, _COLLEAGUE, _STRANGER)]
    return People(administrator, approver, colleague, stranger)


async def grant(api: Api, namespaces: Sequence[str]) -> None:
    """Bind the roles that the product ships, in these namespaces."""
    for namespace in namespaces:
        for role, users in {"incident-approver": [_APPROVER, _COLLEAGUE], "incident-viewer": [_STRANGER]}.items():
            subjects = [{"kind": "User", "name": user, "apiGroup": _RBAC} for user in users]
            await api.apply([_binding(namespace, role, subjects)])


async def grant_reporter(api: Api, namespaces: Sequence[str], home: str) -> str:
    """A ServiceAccount for Alertmanager, which may report incidents of these namespaces; answers its name."""
    name = REPORTER
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": home}}
    subject = {"kind": "ServiceAccount", "name": name, "namespace": home}
    await api.apply([account, *(_binding(namespace, "incident-reporter", [subject]) for namespace in namespaces)])
    return name


def _binding(namespace: str, role: str, subjects: list[dict[str, str]]) -> Json:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": f"e2e-{role}", "namespace": namespace},
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role},
        "subjects": subjects,
    }
