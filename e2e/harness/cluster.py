"""Which cluster: the one that KUBECONFIG names, or the project's local one, which is then brought up and taken down."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster.parts import layout
from e2e.harness.api import Api
from e2e.harness.commands import run
from e2e.harness.streaming import stream
from e2e.harness.waiting import Failure, NotYet, Teller, wait_for

MONITORING = Path(__file__).resolve().parents[1] / "monitoring"
OUTAGE_IMAGE = "docker.io/local/outage:1"
_COMMANDS = layout.HERE
_UP_SECONDS = 45 * 60
"""With a cold cache Kubernetes is built first."""
MARK = {"incidentcommander.io/e2e": "true"}
"""Label of what the suite made, on namespaces."""


@dataclass(frozen=True)
class Cluster:
    """Where the scenarios play. ``audit_log`` is None where the API server's cannot be read."""

    kubeconfig: Path
    local: bool
    ours: bool
    """Whether we started it, and so end it."""
    image: str
    outage_image: str
    """With PostgreSQL and Python in it: ``images/outage``."""
    missing_image: str | None
    """An image that its registry does not have; None: our own empty registry answers."""
    audit_log: Path | None


async def bring_up(say: Teller) -> Cluster:
    """The cluster to use. Raises ``Failure`` with the reason when there is none to be had."""
    named = os.environ.get("KUBECONFIG")
    if named and Path(named).resolve() != layout.KUBECONFIG.resolve():
        context = (await run("kubectl", "config", "current-context")).out.strip()
        server = (
            await run("kubectl", "config", "view", "--minify", "--output=jsonpath={.clusters[0].cluster.server}")
        ).out
        say(f"cluster: {server}, context {context} of KUBECONFIG={named}")
        audit = os.environ.get("E2E_AUDIT_LOG")
        return Cluster(
            kubeconfig=Path(named.split(os.pathsep)[0]),
            local=False,
            ours=False,
            image=os.environ.get("E2E_IMAGE", "docker.io/library/busybox:1.37"),
            outage_image=os.environ.get("E2E_OUTAGE_IMAGE", OUTAGE_IMAGE),
            missing_image=os.environ.get("E2E_MISSING_IMAGE", "docker.io/library/busybox:no-such-tag"),
            audit_log=Path(audit) if audit else None,
        )
    ours = not layout.STATE.exists()
    say("cluster: the project's local one" + ("" if ours else ", which is up already"))
    extras = "prometheus,alertmanager,kube-state-metrics,metrics-server,fake-nodes"
    command = [str(_COMMANDS / "up"), "--with", extras, "--monitoring-config", str(MONITORING)]
    cluster = Cluster(
        kubeconfig=layout.KUBECONFIG,
        local=True,
        ours=ours,
        image="docker.io/local/busybox:1",
        outage_image=OUTAGE_IMAGE,
        missing_image=None,
        audit_log=layout.AUDIT_FOLDER / "audit.log",
    )
    complete = False
    try:
        if code := await stream(*command, seconds=_UP_SECONDS):
            raise Failure(f"the local cluster does not come up (exit code {code}); the reason is above")
        complete = True
    finally:
        if not complete:
            await take_down(cluster, say)
    os.environ["KUBECONFIG"] = str(layout.KUBECONFIG)
    return cluster


async def have_outage_image(cluster: Cluster, say: Teller) -> None:
    """Build and load it into the local cluster; elsewhere it is pulled, or was loaded (`kind load`)."""
    if not cluster.local:
        return
    say(f"building {OUTAGE_IMAGE}, where the node does not have it")
    context = Path(__file__).resolve().parents[1] / "images" / "outage"
    if code := await stream(str(_COMMANDS / "load-image"), OUTAGE_IMAGE, "--build", str(context), seconds=_UP_SECONDS):
        raise Failure(f"{OUTAGE_IMAGE} cannot be had (exit code {code}); the reason is above")


async def take_down(cluster: Cluster, say: Teller) -> None:
    """End it if we started it and nobody asked to keep it."""
    if not cluster.ours:
        return
    if os.environ.get("KEEP"):
        say(f"KEEP is set: the cluster stays, KUBECONFIG={cluster.kubeconfig}; `e2e/cluster/down` ends it")
        return
    await stream(str(_COMMANDS / "down"), seconds=180)


async def take_possession(api: Api, namespace: str, say: Teller) -> None:
    """Refuse a cluster on which somebody else's Incident Commander lives; mark the namespace as the suite's."""

    async def ended() -> None:
        found = await api.find(f"/api/v1/namespaces/{namespace}")
        if found is not None and "deletionTimestamp" in found["metadata"]:
            raise NotYet("it is being deleted")

    await wait_for(f"namespace {namespace} of an earlier run to be gone", ended, seconds=120, say=say)
    found = await api.find(f"/api/v1/namespaces/{namespace}")
    crd = await api.find("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/incidents.incidentcommander.io")
    ours = found is not None and MARK.items() <= (found["metadata"].get("labels") or {}).items()
    if not ours and (found is not None or crd is not None):
        raise Failure(
            f"somebody uses Incident Commander on this cluster: its CRDs, or namespace {namespace}, are there and the "
            "suite did not make them. Name another cluster in KUBECONFIG, or remove that installation"
        )
    labels = {**MARK, "pod-security.kubernetes.io/enforce": "restricted"}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}}
    await api.apply([body])
