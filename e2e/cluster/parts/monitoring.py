"""Prometheus and Alertmanager beside the cluster: host processes on loopback, configured from a folder.

They see the cluster's DNS, so an Alertmanager webhook may name a Service; Pods reach them as
`prometheus.monitoring.svc:9090` and `alertmanager.monitoring.svc:9093`.
"""

from __future__ import annotations

import json
import re
import signal
import urllib.request
from pathlib import Path

from e2e.cluster.parts import processes
from e2e.cluster.parts.controlplane import Identities, kubectl
from e2e.cluster.parts.layout import (
    ALERTMANAGER_PORT,
    ALERTMANAGER_URL,
    APISERVER_URL,
    DNS_SERVICE,
    HERE,
    KUBELET_PORT,
    MANIFESTS,
    MONITORING_CONFIG,
    NODE_ADDRESS,
    PORTS,
    PROMETHEUS_PORT,
    PROMETHEUS_URL,
    PROXY_METRICS_PORT,
    SCHEDULER_PORT,
    STATE,
    ClusterError,
    module_bin,
)
from e2e.cluster.parts.progress import step, wait_for

DEFAULT_CONFIG = HERE / "monitoring"
_SCRAPE_SECONDS = 3
_URLS = {"prometheus": PROMETHEUS_URL, "alertmanager": ALERTMANAGER_URL}


def use_config(folder: Path | None) -> None:
    """Take rules and routes from this folder from now on (none: stay with what is used, at first the defaults).

    Raises ClusterError when the folder has no alertmanager.yml.
    """
    if folder is None and MONITORING_CONFIG.exists():
        return
    chosen = (folder or DEFAULT_CONFIG).resolve()
    if not (chosen / "alertmanager.yml").is_file():
        raise ClusterError(f"{chosen} has no alertmanager.yml (and its rules belong in prometheus-rules/*.yaml)")
    MONITORING_CONFIG.unlink(missing_ok=True)
    MONITORING_CONFIG.symlink_to(chosen)


def start_prometheus(identities: Identities) -> None:
    kubectl("apply", "--server-side", "--filename", str(MANIFESTS / "monitoring.yaml"))
    config = STATE / "prometheus.json"
    config.write_text(json.dumps(_prometheus_configuration(identities), indent=1))
    command = [
        str(module_bin("prometheus") / "prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={STATE / 'prometheus'}",
        "--storage.tsdb.retention.time=1d",
        f"--web.listen-address=127.0.0.1:{PROMETHEUS_PORT}",
        f"--web.listen-address={NODE_ADDRESS}:{PROMETHEUS_PORT}",
        f"--web.external-url={PROMETHEUS_URL}",
        "--log.level=warn",
    ]
    processes.ensure("prometheus", _with_cluster_dns(command), lambda: processes.answers(f"{PROMETHEUS_URL}/-/ready"))


def start_alertmanager() -> None:
    kubectl("apply", "--server-side", "--filename", str(MANIFESTS / "monitoring.yaml"))
    command = [
        "prometheus-alertmanager",
        f"--config.file={MONITORING_CONFIG / 'alertmanager.yml'}",
        f"--storage.path={STATE / 'alertmanager'}",
        "--cluster.listen-address=",
        f"--web.listen-address=127.0.0.1:{ALERTMANAGER_PORT}",
        f"--web.listen-address={NODE_ADDRESS}:{ALERTMANAGER_PORT}",
        f"--web.external-url={ALERTMANAGER_URL}",
        "--log.level=warn",
    ]
    processes.ensure(
        "alertmanager", _with_cluster_dns(command), lambda: processes.answers(f"{ALERTMANAGER_URL}/-/ready")
    )


def reload() -> None:
    """Make both read their files again. Raises ClusterError with the log when one of them refuses what it read."""
    for name, url in _URLS.items():
        if processes.pid_of(name) is not None:
            _reload_one(name, url)


def _reload_one(name: str, url: str) -> None:
    with step(f"reloading {name}"):
        before = _last_reload(name, url)
        processes.signal_to(name, signal.SIGHUP)
        accepted = f"{name} to accept its configuration"
        wait_for(accepted, lambda: _last_reload(name, url) > before, 5, lambda: processes.tail(name, 6))


def _last_reload(name: str, url: str) -> float:
    """When the configuration was last accepted, in seconds since 1970."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    found = re.search(rf"^{name}_config_last_reload_success_timestamp_seconds (\S+)$", text, re.MULTILINE)
    return float(found.group(1)) if found else 0.0


def _with_cluster_dns(command: list[str]) -> list[str]:
    """The command with the cluster's name server in place of the machine's, for this process alone."""
    resolver = STATE / "cluster-resolv.conf"
    resolver.write_text(f"nameserver {DNS_SERVICE}\nsearch svc.cluster.local cluster.local\noptions ndots:5\n")
    script = 'mount --bind "$0" "$(readlink --canonicalize /etc/resolv.conf)" && exec "$@"'
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, str(resolver), *command]


def _prometheus_configuration(identities: Identities) -> dict[str, object]:
    pair = identities.prometheus
    tls = {
        "ca_file": str(identities.authority.certificate),
        "cert_file": str(pair.certificate),
        "key_file": str(pair.key),
    }
    return {
        "global": {
            "scrape_interval": f"{_SCRAPE_SECONDS}s",
            "scrape_timeout": "3s",
            "evaluation_interval": f"{_SCRAPE_SECONDS}s",
        },
        "rule_files": [f"{MONITORING_CONFIG}/prometheus-rules/*.yaml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{ALERTMANAGER_PORT}"]}]}]},
        "scrape_configs": [
            {
                "job_name": "kube-state-metrics",
                "honor_labels": True,
                "static_configs": [{"targets": ["kube-state-metrics.monitoring.svc.cluster.local:8080"]}],
            },
            # Processes beside the cluster, when whoever starts them says where they are.
            {
                "job_name": "incident-commander",
                "file_sd_configs": [
                    {"files": [f"{MONITORING_CONFIG}/scrape-targets/*.json"], "refresh_interval": "5s"}
                ],
            },
            *[_kubelet_job(tls, path) for path in ("/metrics", "/metrics/cadvisor", "/metrics/resource")],
            _pods_job(tls),
            _control_plane_job("apiserver", f"{NODE_ADDRESS}:{PORTS.apiserver}", tls),
            _control_plane_job("etcd", f"127.0.0.1:{PORTS.etcd}"),
            _control_plane_job("kube-controller-manager", f"127.0.0.1:{PORTS.controller_manager}", tls),
            _control_plane_job("kube-scheduler", f"127.0.0.1:{SCHEDULER_PORT}", tls),
            _control_plane_job("kube-proxy", f"127.0.0.1:{PROXY_METRICS_PORT}"),
        ],
    }


def _kubelet_job(tls: dict[str, str], path: str) -> dict[str, object]:
    """One of the kubelet's pages; all have the job `kubelet`, as rules in the wild expect, and a metrics_path each."""
    return {
        "job_name": f"kubelet{path}",
        "scheme": "https",
        "metrics_path": path,
        "honor_timestamps": False,
        "tls_config": tls,
        "kubernetes_sd_configs": [{"role": "node", "api_server": APISERVER_URL, "tls_config": tls}],
        "relabel_configs": [
            # Fake nodes have no kubelet to be asked.
            {
                "source_labels": ["__meta_kubernetes_node_annotation_kwok_x_k8s_io_node"],
                "regex": "fake",
                "action": "drop",
            },
            {"target_label": "__address__", "replacement": f"{NODE_ADDRESS}:{KUBELET_PORT}"},
            {"target_label": "job", "replacement": "kubelet"},
            {"target_label": "metrics_path", "replacement": path},
            {"target_label": "node", "source_labels": ["__meta_kubernetes_node_name"]},
        ],
    }


def _control_plane_job(name: str, address: str, tls: dict[str, str] | None = None) -> dict[str, object]:
    """Whether a component is up. Of its own metrics only the process's are kept: they are many, and nobody asks."""
    # The scheduler and the controller-manager have certificates of their own making.
    secure = {"scheme": "https", "tls_config": {**tls, "insecure_skip_verify": True}} if tls else {}
    return {
        "job_name": name,
        "scrape_interval": "15s",
        **secure,
        "static_configs": [{"targets": [address]}],
        "metric_relabel_configs": [{"source_labels": ["__name__"], "regex": "process_.*", "action": "keep"}],
    }


def _pods_job(tls: dict[str, str]) -> dict[str, object]:
    """Every Pod annotated prometheus.io/scrape=true, at prometheus.io/port (else its ports) and prometheus.io/path."""
    annotation = "__meta_kubernetes_pod_annotation_prometheus_io"
    return {
        "job_name": "pods",
        "kubernetes_sd_configs": [{"role": "pod", "api_server": APISERVER_URL, "tls_config": tls}],
        "relabel_configs": [
            {"source_labels": [f"{annotation}_scrape"], "regex": "true", "action": "keep"},
            {"source_labels": ["__meta_kubernetes_pod_phase"], "regex": "Pending|Succeeded|Failed", "action": "drop"},
            {"source_labels": [f"{annotation}_path"], "regex": "(.+)", "target_label": "__metrics_path__"},
            {
                "source_labels": ["__meta_kubernetes_pod_ip", f"{annotation}_port"],
                "regex": r"(.+);(\d+)",
                "replacement": "$1:$2",
                "target_label": "__address__",
            },
            {"source_labels": ["__meta_kubernetes_namespace"], "target_label": "namespace"},
            {"source_labels": ["__meta_kubernetes_pod_name"], "target_label": "pod"},
            {"source_labels": ["__meta_kubernetes_pod_container_name"], "target_label": "container"},
            {"source_labels": ["__meta_kubernetes_pod_label_app"], "regex": "(.+)", "target_label": "app"},
            {
                "source_labels": ["__meta_kubernetes_pod_label_app_kubernetes_io_name"],
                "regex": "(.+)",
                "target_label": "app",
            },
        ],
    }
