"""etcd, API server, controller-manager and scheduler of the cluster, started as the tests' control plane is."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from e2e.cluster.parts import processes
from e2e.cluster.parts.layout import (
    APISERVER_SERVICE,
    APISERVER_URL,
    AUDIT_FOLDER,
    KUBECONFIG,
    NODE_ADDRESS,
    NODE_NAME,
    PKI_FOLDER,
    POD_RANGE,
    PORTS,
    SCHEDULER_PORT,
    SERVICE_RANGE,
    STATE,
    module_bin,
    run,
)
from tests.controlplane import commands, kubeconfig
from tests.controlplane.pki import Authority, KeyPair, service_account_keys


class Identities:
    """Every certificate of the cluster and the kubeconfigs made of them; what exists already is kept."""

    def __init__(self) -> None:
        self.authority = Authority(PKI_FOLDER)
        self.tokens = service_account_keys(PKI_FOLDER)
        # The API server shows this one to the API servers behind it (metrics-server).
        self.front_proxy_authority = Authority(PKI_FOLDER / "front-proxy")
        self.front_proxy = self.front_proxy_authority.issue("client", "front-proxy-client")
        service = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
        names = [f"IP:{address}" for address in (NODE_ADDRESS, APISERVER_SERVICE, "127.0.0.1")]
        names += [f"DNS:{name}" for name in ("localhost", *service)]
        self.apiserver = self.authority.issue("apiserver", "kube-apiserver", alternative_names=names)
        self.apiserver_to_kubelet = self.authority.issue("apiserver-to-kubelet", "kube-apiserver", ["system:masters"])
        self.kubelet = self.authority.issue(
            "kubelet", f"system:node:{NODE_NAME}", ["system:nodes"], [f"DNS:{NODE_NAME}", f"IP:{NODE_ADDRESS}"]
        )
        self.kwok = self.authority.issue("kwok", "kwok", ["system:masters"])
        self.prometheus = self.authority.issue("prometheus", "prometheus")
        admin = self.authority.issue("admin", "admin", ["system:masters"])
        kubeconfig.write(KUBECONFIG, APISERVER_URL, self.authority.certificate, admin)

    def kubeconfig(self, name: str, user: str | KeyPair) -> Path:
        """A kubeconfig for one of the cluster's own processes, by its certificate or its user's name."""
        pair = self.authority.issue(name, user) if isinstance(user, str) else user
        return kubeconfig.write(STATE / "kubeconfigs" / name, APISERVER_URL, self.authority.certificate, pair)


def start(identities: Identities) -> None:
    """Start what does not run yet, and wait until it is ready. Raises ClusterError with the log of what failed."""
    programs = module_bin("kubernetes")
    etcd = shutil.which("etcd") or "etcd"
    processes.ensure(
        "etcd",
        commands.etcd(Path(etcd), STATE / "etcd", PORTS),
        lambda: processes.answers(f"http://127.0.0.1:{PORTS.etcd}/health"),
    )
    processes.ensure(
        "kube-apiserver", _apiserver(programs, identities), lambda: kubectl_says("get", "--raw", "/readyz")
    )
    processes.ensure("kube-controller-manager", _controller_manager(programs, identities), _has_default_service_account)
    processes.ensure(
        "kube-scheduler",
        _scheduler(programs, identities),
        lambda: processes.answers(f"https://127.0.0.1:{SCHEDULER_PORT}/healthz"),
    )


def kubectl(*arguments: str, stdin: str | None = None) -> str:
    """Run kubectl as the administrator. Raises ClusterError with what it said when it fails."""
    return run([str(module_bin("kubernetes") / "kubectl"), f"--kubeconfig={KUBECONFIG}", *arguments], stdin=stdin)


def kubectl_says(*arguments: str) -> bool:
    """Whether kubectl succeeds; for things that are waited for."""
    command = [str(module_bin("kubernetes") / "kubectl"), f"--kubeconfig={KUBECONFIG}", *arguments]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def _apiserver(programs: Path, identities: Identities) -> list[str]:
    proxy = identities.front_proxy
    return [
        *commands.apiserver(
            programs / "kube-apiserver",
            PORTS,
            identities.authority.certificate,
            identities.apiserver,
            identities.tokens,
            AUDIT_FOLDER,
        ),
        f"--bind-address={NODE_ADDRESS}",
        f"--advertise-address={NODE_ADDRESS}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        "--kubelet-preferred-address-types=InternalIP",
        f"--kubelet-client-certificate={identities.apiserver_to_kubelet.certificate}",
        f"--kubelet-client-key={identities.apiserver_to_kubelet.key}",
        f"--kubelet-certificate-authority={identities.authority.certificate}",
        f"--proxy-client-cert-file={proxy.certificate}",
        f"--proxy-client-key-file={proxy.key}",
        f"--requestheader-client-ca-file={identities.front_proxy_authority.certificate}",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-username-headers=X-Remote-User",
    ]


def _controller_manager(programs: Path, identities: Identities) -> list[str]:
    config = identities.kubeconfig("kube-controller-manager", "system:kube-controller-manager")
    return [
        *commands.controller_manager(
            programs / "kube-controller-manager",
            PORTS,
            config,
            identities.authority.pair,
            identities.tokens,
            STATE / "scratch",
        ),
        "--allocate-node-cidrs=true",
        f"--cluster-cidr={POD_RANGE}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
    ]


def _scheduler(programs: Path, identities: Identities) -> list[str]:
    config = identities.kubeconfig("kube-scheduler", "system:kube-scheduler")
    return [
        str(programs / "kube-scheduler"),
        "--bind-address=127.0.0.1",
        f"--secure-port={SCHEDULER_PORT}",
        f"--cert-dir={STATE / 'scratch'}",
        f"--kubeconfig={config}",
        f"--authentication-kubeconfig={config}",
        f"--authorization-kubeconfig={config}",
        "--leader-elect=false",
    ]


def _has_default_service_account() -> bool:
    return kubectl_says("get", "serviceaccount", "default", "--namespace=default")
