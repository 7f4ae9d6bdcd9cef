"""The one node: containerd with runc and the bridge CNI, kubelet, kube-proxy."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from e2e.cluster.parts import images, processes
from e2e.cluster.parts.controlplane import Identities, kubectl, kubectl_says
from e2e.cluster.parts.layout import (
    CONTAINERD_RUN,
    CONTAINERD_SOCKET,
    DNS_SERVICE,
    FAKE_POD_RANGE,
    KUBELET_HEALTH_PORT,
    KUBELET_PORT,
    KWOK_PORT,
    MANIFESTS,
    NODE_ADDRESS,
    NODE_NAME,
    NODE_POD_RANGE,
    POD_RANGE,
    PROXY_HEALTH_PORT,
    PROXY_METRICS_PORT,
    STATE,
    module_bin,
)
from e2e.cluster.parts.progress import wait_for

_NETWORK = {
    "cniVersion": "0.4.0",
    "name": "incident-commander",
    "plugins": [
        {
            "type": "bridge",
            "bridge": "cni0",
            "isGateway": True,
            "ipMasq": True,
            "hairpinMode": True,
            "ipam": {"type": "host-local", "ranges": [[{"subnet": NODE_POD_RANGE}]], "routes": [{"dst": "0.0.0.0/0"}]},
        },
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ],
}
# No CAP_SYS_RESOURCE in a sandboxed machine: without restrict_oom_score_adj every Pod would die there.
_CONTAINERD = f"""\
version = 2
root = "{STATE}/containerd"
state = "{CONTAINERD_RUN}"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[grpc]
address = "{CONTAINERD_SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{images.PAUSE}"
restrict_oom_score_adj = true
stream_server_address = "127.0.0.1"
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"
default_runtime_name = "runc"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{STATE}/cni"
"""


def start_runtime() -> None:
    """containerd with the sandbox image; after it images can be loaded."""
    _write("cni/10-incident-commander.conflist", json.dumps(_NETWORK, indent=1))
    config = _write("containerd.toml", _CONTAINERD)
    command = ["containerd", "--config", str(config), "--log-level", "warn"]
    processes.ensure("containerd", command, _containerd_answers)
    images.ensure(images.PAUSE)


def start(identities: Identities) -> None:
    """kubelet and kube-proxy; returns when the node is Ready."""
    programs = module_bin("kubernetes")
    kubelet = [
        str(programs / "kubelet"),
        f"--config={_write('kubelet.json', json.dumps(_kubelet_configuration(identities), indent=1))}",
        f"--kubeconfig={identities.kubeconfig('kubelet', identities.kubelet)}",
        f"--hostname-override={NODE_NAME}",
        f"--node-ip={NODE_ADDRESS}",
        f"--root-dir={STATE / 'kubelet'}",
        "--housekeeping-interval=5s",
    ]
    proxy = [
        str(programs / "kube-proxy"),
        f"--kubeconfig={identities.kubeconfig('kube-proxy', 'system:kube-proxy')}",
        f"--hostname-override={NODE_NAME}",
        "--proxy-mode=iptables",
        # NodePorts on the node's own address only, which nobody outside can reach.
        "--nodeport-addresses=primary",
        f"--cluster-cidr={POD_RANGE}",
        f"--metrics-bind-address=127.0.0.1:{PROXY_METRICS_PORT}",
        f"--healthz-bind-address=127.0.0.1:{PROXY_HEALTH_PORT}",
        # Zero leaves the machine's own connection tracking settings alone.
        "--conntrack-max-per-core=0",
        "--conntrack-tcp-timeout-established=0",
        "--conntrack-tcp-timeout-close-wait=0",
    ]
    processes.ensure("kubelet", kubelet, lambda: kubectl_says("get", "node", NODE_NAME))
    processes.ensure("kube-proxy", proxy, lambda: processes.answers(f"http://127.0.0.1:{PROXY_HEALTH_PORT}/healthz"))
    ready = ("wait", "--for=condition=Ready", f"node/{NODE_NAME}", "--timeout=5s")
    wait_for(f"node {NODE_NAME} to be Ready", lambda: kubectl_says(*ready), 90, lambda: kubectl("describe", "nodes"))


def start_fake_nodes(identities: Identities) -> None:
    """kwok, which plays the kubelet of every Node annotated kwok.x-k8s.io/node=fake."""
    command = [
        str(module_bin("kwok") / "kwok"),
        f"--kubeconfig={identities.kubeconfig('kwok', identities.kwok)}",
        f"--config={MANIFESTS / 'fake-node-stages.yaml'}",
        "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
        f"--cidr={FAKE_POD_RANGE}",
        "--node-lease-duration-seconds=40",
        f"--server-address=127.0.0.1:{KWOK_PORT}",
    ]
    processes.ensure("kwok", command, lambda: processes.answers(f"http://127.0.0.1:{KWOK_PORT}/healthz"))


def _kubelet_configuration(identities: Identities) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": NODE_ADDRESS,
        "port": KUBELET_PORT,
        "healthzPort": KUBELET_HEALTH_PORT,
        "tlsCertFile": str(identities.kubelet.certificate),
        "tlsPrivateKeyFile": str(identities.kubelet.key),
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(identities.authority.certificate)},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "failSwapOn": False,
        "clusterDNS": [DNS_SERVICE],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "resolvConf": "/etc/resolv.conf",
        "serializeImagePulls": False,
        "nodeStatusUpdateFrequency": "5s",
        "podLogsDir": str(STATE / "pod-logs"),
        "volumePluginDir": str(STATE / "volume-plugins"),
        # How full a volume is, is measured each minute by default.
        "volumeStatsAggPeriod": "10s",
        "imageGCHighThresholdPercent": 99,
        "imageGCLowThresholdPercent": 98,
        "evictionHard": {"memory.available": "200Mi", "nodefs.available": "2%", "imagefs.available": "2%"},
    }


def _write(name: str, text: str) -> Path:
    path = STATE / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def _containerd_answers() -> bool:
    command = ["ctr", "--address", str(CONTAINERD_SOCKET), "version"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
