"""What runs in the cluster to make it one: DNS, kube-state-metrics, metrics-server. Each from an image made here."""

from __future__ import annotations

from e2e.cluster.parts import images
from e2e.cluster.parts.controlplane import kubectl, kubectl_says
from e2e.cluster.parts.layout import MANIFESTS, ClusterError
from e2e.cluster.parts.progress import step, wait_for


def coredns() -> None:
    _deploy("coredns", images.COREDNS, "kube-system")


def kube_state_metrics() -> None:
    _deploy("kube-state-metrics", images.KUBE_STATE_METRICS, "monitoring")


def metrics_server() -> None:
    """Returns when the API is served; figures come with its second round, ≈ 20 s later."""
    _deploy("metrics-server", images.METRICS_SERVER, "kube-system")


def _deploy(name: str, image: str, namespace: str) -> None:
    """Load the image, apply manifests/NAME.yaml, wait until available. Raises ClusterError with what its Pods say."""
    images.ensure(image)
    with step(f"deploying {name}"):
        kubectl("apply", "--server-side", "--filename", str(MANIFESTS / f"{name}.yaml"))
        deployment, where = f"deployment/{name}", f"--namespace={namespace}"
        available = ("wait", "--for=condition=Available", deployment, where, "--timeout=5s")
        wait_for(name, lambda: kubectl_says(*available), 90, lambda: _trouble(deployment, where))


def _trouble(deployment: str, where: str) -> str:
    """What the cluster and the program itself say of a Deployment that does not become available."""
    events = kubectl("get", "events", where, "--sort-by=.lastTimestamp")
    try:
        log = kubectl("logs", deployment, where, "--tail=15", "--previous")
    except ClusterError as error:
        log = str(error)
    return f"{kubectl('get', 'pods', where)}\n{events[-2000:]}\n{log[-2000:]}"
