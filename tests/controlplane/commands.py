"""How etcd, kube-apiserver and kube-controller-manager are started: one way, for tests and for the local cluster."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from tests.controlplane.pki import KeyPair

SERVICE_ACCOUNT_ISSUER = "https://kubernetes.default.svc.cluster.local"
# Every request once, when it is done: who, what verb, which object, what answer. No bodies.
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted"],
    "rules": [{"level": "Metadata"}],
}


@dataclass(frozen=True)
class Ports:
    """The loopback ports of one control plane."""

    etcd: int
    etcd_peer: int
    apiserver: int
    controller_manager: int

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.apiserver}"


def etcd(program: Path, data: Path, ports: Ports) -> list[str]:
    """etcd for a cluster that nobody will miss: nothing is synced to disk."""
    client, peer = f"http://127.0.0.1:{ports.etcd}", f"http://127.0.0.1:{ports.etcd_peer}"
    return [
        str(program),
        "--name=default",
        f"--data-dir={data}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
        "--logger=zap",
        "--log-level=warn",
    ]


def apiserver(
    program: Path, ports: Ports, authority: Path, serving: KeyPair, tokens: KeyPair, audit_folder: Path
) -> list[str]:
    """kube-apiserver with RBAC and an audit log; makes `audit_folder` with the policy, where `audit.log` will be."""
    audit_folder.mkdir(parents=True, exist_ok=True)
    policy = audit_folder / "policy.json"
    policy.write_text(json.dumps(AUDIT_POLICY))
    return [
        str(program),
        f"--etcd-servers=http://127.0.0.1:{ports.etcd}",
        # Debian's etcd 3.4 cannot tell how far a watch has come: a stream that is to begin with a list never begins,
        # and not every client lists instead. Without the feature all do.
        "--feature-gates=WatchList=false",
        f"--secure-port={ports.apiserver}",
        f"--client-ca-file={authority}",
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
        f"--service-account-issuer={SERVICE_ACCOUNT_ISSUER}",
        f"--service-account-key-file={tokens.certificate}",
        f"--service-account-signing-key-file={tokens.key}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        f"--audit-policy-file={policy}",
        f"--audit-log-path={audit_folder / 'audit.log'}",
        "--audit-log-maxsize=2048",
        "--audit-log-maxbackup=1",
    ]


def controller_manager(
    program: Path, ports: Ports, kubeconfig: Path, authority: KeyPair, tokens: KeyPair, scratch: Path
) -> list[str]:
    """kube-controller-manager with all its default controllers, each under its own ServiceAccount."""
    return [
        str(program),
        "--bind-address=127.0.0.1",
        f"--secure-port={ports.controller_manager}",
        f"--cert-dir={scratch}",
        f"--flex-volume-plugin-dir={scratch / 'volume-plugins'}",
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--root-ca-file={authority.certificate}",
        f"--cluster-signing-cert-file={authority.certificate}",
        f"--cluster-signing-key-file={authority.key}",
        f"--service-account-private-key-file={tokens.key}",
        "--use-service-account-credentials=true",
        "--leader-elect=false",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
    ]
