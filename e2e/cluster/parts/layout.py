"""Where the cluster lives: its folder, addresses, ports and names. Everything else asks here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.controlplane.commands import Ports

ROOT = Path(__file__).resolve().parents[3]
HERE = ROOT / "e2e" / "cluster"
MANIFESTS = HERE / "manifests"
STATE = Path(os.environ.get("INCIDENT_COMMANDER_CLUSTER") or "/var/lib/incident-commander-cluster")

NODE_NAME = "ic-node"
# An address that only this machine has (on `lo`), so that Pods can reach the API server and nobody outside can.
NODE_ADDRESS = "10.250.0.1"
SERVICE_RANGE, APISERVER_SERVICE, DNS_SERVICE = "10.96.0.0/16", "10.96.0.1", "10.96.0.10"
POD_RANGE, NODE_POD_RANGE, FAKE_POD_RANGE = "10.244.0.0/16", "10.244.0.0/24", "10.244.128.0/17"

PORTS = Ports(etcd=12379, etcd_peer=12380, apiserver=16443, controller_manager=12257)
SCHEDULER_PORT, PROXY_METRICS_PORT, PROXY_HEALTH_PORT = 12259, 12249, 12256
KUBELET_PORT, KUBELET_HEALTH_PORT = 10250, 12248
PROMETHEUS_PORT, ALERTMANAGER_PORT, KWOK_PORT = 19090, 19093, 12247

APISERVER_URL = f"https://{NODE_ADDRESS}:{PORTS.apiserver}"
PROMETHEUS_URL = f"http://127.0.0.1:{PROMETHEUS_PORT}"
ALERTMANAGER_URL = f"http://127.0.0.1:{ALERTMANAGER_PORT}"

# With `up --disk` the folder is a file system of its own, in this file.
DISK = STATE.with_name(f"{STATE.name}.disk")
KUBECONFIG = STATE / "kubeconfig"
AUDIT_FOLDER = STATE / "audit"
PKI_FOLDER = STATE / "pki"
LOG_FOLDER = STATE / "logs"
PID_FOLDER = STATE / "pids"
MONITORING_CONFIG = STATE / "monitoring-config"

# cAdvisor looks for containerd only here; without it container metrics lose their labels.
CONTAINERD_RUN = Path("/run/containerd")
CONTAINERD_SOCKET = CONTAINERD_RUN / "containerd.sock"


class ClusterError(Exception):
    """A step could not be done; the message says which, why, and what to do."""


def cache_folder() -> Path:
    """Where what outlives a cluster is kept: beside the built programs, outside the work tree."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "incident-commander"


def module_bin(module: str) -> Path:
    """The bin folder of a module of `binaries`, whether or not it is built."""
    command = [sys.executable, str(HERE / "binaries"), module, "--where"]
    return Path(run(command).strip())


def run(command: list[str], *, stdin: str | None = None) -> str:
    """The output of a command. Raises ClusterError with what it said when it fails, or when it is missing."""
    try:
        return subprocess.run(command, input=stdin, check=True, capture_output=True, text=True).stdout
    except FileNotFoundError as error:
        raise ClusterError(f"{command[0]} is not installed") from error
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout or "").strip()[-2000:]
        raise ClusterError(f"`{' '.join(command[:6])}` failed with {error.returncode}: {said}") from error
