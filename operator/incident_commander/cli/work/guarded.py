"""keys guarded: the chart's hook proves that its right to create Secrets reaches no further than the agents' keys.

RBAC cannot restrict a create by name, so an admission policy does. Without it the hook could have every token of its
namespace; so it asks for one first, as a dry-run, and goes on only when that is refused.
"""

from __future__ import annotations

import asyncio

from incident_commander.api import kinds
from incident_commander.cli.work.desk import Desk
from incident_commander.cli.work.patience import progress
from incident_commander.errors import Forbidden
from incident_commander.ports import Object

POLICY = "setup-keys-and-crds-only.incidentcommander.io"
ATTEMPTS = 30
PAUSE_SECONDS = 1.0
"""API servers take a new policy over within seconds; Helm made it just before."""
_ACCOUNT = "kubernetes.io/service-account.name"


async def prove(desk: Desk) -> None:
    """Raises CommandError (exit code 1) when the Secret would have been made, or something else refused it."""
    desk.trying(f"prove that admission policy {POLICY} holds this identity (a dry-run; nothing is written)")
    with progress(desk.out, f"waiting for admission policy {POLICY}"):
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(PAUSE_SECONDS)
            if await _refused(desk):
                desk.out.print("guarded: no Secret can be made here but the agents' keys")
                return
    raise desk.no(
        f"a Secret with the token of another ServiceAccount of {desk.namespace} could have been made",
        f"the policy and its binding must be there and in force: kubectl get validatingadmissionpolicies,"
        f"validatingadmissionpolicybindings {POLICY}; the chart's hooks make them (helm install without --no-hooks). "
        "An administrator is not held by it, and does not need this",
    )


async def _refused(desk: Desk) -> bool:
    try:
        await desk.cluster.create(kinds.SECRET, desk.namespace, _forbidden(desk.namespace), dry_run=True)
    except Forbidden as refused:
        if POLICY in str(refused):
            return True
        raise desk.no(
            f"the Secret was refused, but not by that policy: {refused}",
            "give this identity the right to create Secrets here, or run this as the chart's hook does",
        ) from None
    return False


def _forbidden(namespace: str) -> Object:
    """What Kubernetes would put the token of ServiceAccount ``executor`` into."""
    meta = {"generateName": "setup-proof-", "namespace": namespace, "annotations": {_ACCOUNT: "executor"}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": "kubernetes.io/service-account-token"}
