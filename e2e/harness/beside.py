"""Prometheus, Alertmanager and kube-state-metrics beside any cluster: processes here that ask through its API server.

For a cluster that KUBECONFIG names, of which nothing is known but how to log in.
"""

from __future__ import annotations

import base64
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import yaml

from e2e.cluster.parts import layout
from e2e.harness.api import Api, Json
from e2e.harness.cluster import MARK, MONITORING
from e2e.harness.commands import find_program
from e2e.harness.identities import Identities
from e2e.harness.monitoring import Monitoring
from e2e.harness.ports import free_port
from e2e.harness.processes import Program
from e2e.harness.streaming import stream
from e2e.harness.waiting import Failure, NotYet, Teller, wait_for
from incident_commander.api.names import OPERATOR_NAMESPACE

_ACCOUNT = "e2e-monitoring"
_BUILD_SECONDS = 20 * 60
_RESOURCES = "deployments,horizontalpodautoscalers,jobs,namespaces,nodes,pods,replicasets,statefulsets"
_TIMEOUT = aiohttp.ClientTimeout(total=10)


@dataclass(frozen=True)
class Beside:
    """What is made for them: addresses, and a folder that nobody else may read."""

    private: Path
    prometheus: str
    alertmanager: str
    exporter: str
    token: Path

    async def reload(self, folder: Path) -> None:
        """Take rules and routes from this folder from now on."""
        current = self.private / "current"
        current.unlink(missing_ok=True)
        current.symlink_to(folder)
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
            for address in (self.prometheus, self.alertmanager):
                async with session.post(f"http://{address}/-/reload") as answer:
                    if answer.status != 200:
                        raise Failure(f"{address} refuses its configuration: {await answer.text()}")


async def start(stack: AsyncExitStack, api: Api, identities: Identities, logs: Path, say: Teller) -> Monitoring:
    """Start all three; the stack ends them."""
    alertmanager = find_program("prometheus-alertmanager", "alertmanager")
    say("building Prometheus and kube-state-metrics, where they are not in the cache")
    if await stream(str(layout.HERE / "binaries"), "prometheus", "kube-state-metrics", seconds=_BUILD_SECONDS):
        raise Failure("Prometheus could not be built; the reason is above")
    await api.apply(_account())
    kubeconfig = await identities.service_account(OPERATOR_NAMESPACE, _ACCOUNT)
    private = identities.folder
    token = private / "monitoring-token"
    token.touch(mode=0o600)
    token.write_text(await identities.token(OPERATOR_NAMESPACE, _ACCOUNT))
    prometheus, manager, exporter = (f"127.0.0.1:{free_port()}" for _ in range(3))
    here = Beside(private, prometheus, manager, exporter, token)
    (private / "current").symlink_to(MONITORING)
    config = private / "prometheus.yml"
    config.write_text(yaml.safe_dump(_prometheus(here, identities.cluster, private)))
    host, port = here.exporter.split(":")
    commands = {
        "kube-state-metrics": [
            str(layout.module_bin("kube-state-metrics") / "kube-state-metrics"),
            f"--kubeconfig={kubeconfig}",
            f"--host={host}",
            f"--port={port}",
            "--telemetry-host=127.0.0.1",
            f"--telemetry-port={free_port()}",
            f"--resources={_RESOURCES}",
        ],
        "prometheus": [
            str(layout.module_bin("prometheus") / "prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={private / 'prometheus'}",
            f"--web.listen-address={here.prometheus}",
            "--web.enable-lifecycle",
            "--log.level=warn",
        ],
        "alertmanager": [
            alertmanager,
            f"--config.file={private / 'current' / 'alertmanager.yml'}",
            f"--storage.path={private / 'alertmanager'}",
            f"--web.listen-address={here.alertmanager}",
            "--cluster.listen-address=",
            "--log.level=warn",
        ],
    }
    programs = [Program(name, command, {}, logs / f"{name}.log") for name, command in commands.items()]
    for program in programs:
        stack.push_async_callback(program.end)
        await program.start()
    await wait_for("monitoring to answer", lambda: _answering(here, programs), seconds=60, say=say)
    return Monitoring(private, here.reload, f"http://{here.prometheus}", f"http://{here.alertmanager}")


async def _answering(here: Beside, programs: list[Program]) -> None:
    for program in programs:
        program.check()
    try:
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
            for address in (here.prometheus, here.alertmanager):
                async with session.get(f"http://{address}/-/ready") as answer:
                    if answer.status != 200:
                        raise NotYet(f"{address}: {answer.status}")
    except (aiohttp.ClientError, TimeoutError) as error:
        raise NotYet(str(error)) from error


def _account() -> list[Json]:
    name = {"name": _ACCOUNT, "labels": MARK}
    everything = ["", "apps", "autoscaling", "batch"]
    rules = [
        {"apiGroups": everything, "resources": _RESOURCES.split(","), "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["nodes/metrics", "nodes/proxy"], "verbs": ["get"]},
    ]
    rbac = "rbac.authorization.k8s.io"
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {**name, "namespace": OPERATOR_NAMESPACE}},
        {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": name, "rules": rules},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": name,
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": _ACCOUNT},
            "subjects": [{"kind": "ServiceAccount", "name": _ACCOUNT, "namespace": OPERATOR_NAMESPACE}],
        },
    ]


async def remove_account(api: Api) -> None:
    """What lives outside of the operator's namespace."""
    for kind in ("clusterroles", "clusterrolebindings"):
        await api.delete(f"/apis/rbac.authorization.k8s.io/v1/{kind}/{_ACCOUNT}")


def _prometheus(here: Beside, cluster: Json, private: Path) -> Json:
    server = urlsplit(cluster["server"])
    tls: Json = {"insecure_skip_verify": bool(cluster.get("insecure-skip-tls-verify"))}
    if "certificate-authority-data" in cluster:
        authority = private / "ca.crt"
        authority.write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
        tls["ca_file"] = str(authority)
    login = {"authorization": {"credentials_file": str(here.token)}, "tls_config": tls}
    return {
        "global": {"scrape_interval": "3s", "scrape_timeout": "3s", "evaluation_interval": "3s"},
        "rule_files": [f"{private / 'current'}/prometheus-rules/*.yaml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [here.alertmanager]}]}]},
        "scrape_configs": [
            {
                "job_name": "kube-state-metrics",
                "honor_labels": True,
                "static_configs": [{"targets": [here.exporter]}],
            },
            {
                "job_name": "incident-commander",
                "file_sd_configs": [
                    {"files": [str(here.private / "current" / "scrape-targets" / "*.json")], "refresh_interval": "5s"}
                ],
            },
            {
                "job_name": "kubelet",
                "scheme": server.scheme,
                **login,
                "honor_timestamps": False,
                "kubernetes_sd_configs": [{"role": "node", "api_server": cluster["server"], **login}],
                "relabel_configs": [
                    {"target_label": "__address__", "replacement": server.netloc},
                    {
                        "source_labels": ["__meta_kubernetes_node_name"],
                        "target_label": "__metrics_path__",
                        "replacement": "/api/v1/nodes/$1/proxy/metrics/cadvisor",
                    },
                    {"source_labels": ["__meta_kubernetes_node_name"], "target_label": "node"},
                ],
            },
        ],
    }
