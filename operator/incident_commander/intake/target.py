"""From labels to the objects that an alert may be about, likeliest first.

Labels that describe the exporter and not what it watches (``job``, ``instance``, its own pod, container, service and
namespace) are no targets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from incident_commander.api import kinds
from incident_commander.api.kinds import Kind
from incident_commander.api.meta import TargetRef

_WORKLOADS: tuple[tuple[str, Kind], ...] = (
    ("deployment", kinds.DEPLOYMENT),
    ("statefulset", kinds.STATEFUL_SET),
    ("daemonset", kinds.DAEMON_SET),
    ("replicaset", kinds.REPLICA_SET),
    ("cronjob", kinds.CRON_JOB),
    ("job_name", kinds.JOB),
    ("horizontalpodautoscaler", kinds.HORIZONTAL_POD_AUTOSCALER),
    ("hpa", kinds.HORIZONTAL_POD_AUTOSCALER),
    ("persistentvolumeclaim", kinds.PERSISTENT_VOLUME_CLAIM),
)
_WORKLOAD_TYPES = {kind.kind.lower(): kind for _, kind in _WORKLOADS}
TARGET_LABELS = (
    "namespace",
    *(label for label, _ in _WORKLOADS),
    "workload",
    "workload_type",
    "pod",
    "container",
    "service",
    "node",
    "nodename",
)
_EXPORTED = {f"exported_{name}": name for name in TARGET_LABELS}

_WATCHERS = re.compile("kube-state-metrics|openshift-state-metrics|kubelet|cadvisor|blackbox|pushgateway")
"""Exporters that tell of other objects, by a part of the name they have in ``job``, ``container`` or ``service``."""
_NODE_WATCHERS = re.compile("node-exporter|windows-exporter|smartctl-exporter|node-problem-detector")
"""Exporters that tell of the node they run on: namespace and pod are always their own."""

_OF_SCRAPE_TARGET = ("pod", "container", "service")

_LONGEST_NAME = 253
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_OF_CONTROLLER = re.compile(r"(.+)-[bcdfghjklmnpqrstvwxz2456789]{5}")
"""Pods of ReplicaSets, DaemonSets and Jobs: owner, dash, five characters of apimachinery's safe alphabet."""
_OF_REPLICA_SET = re.compile(r"(.+)-[bcdfghjklmnpqrstvwxz2456789]{6,10}")
_OF_STATEFUL_SET = re.compile(r"(.+)-(0|[1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class Candidates:
    """What an alert may be about.

    ``namespace`` is where it says that this is, or None (cluster-level, or not told). ``refs`` are in order of
    precedence, without UIDs: whether they exist is for the caller to find out. A pod is followed by the owners that
    its name suggests (also in ``suggested``), for when the pod is gone already.
    """

    namespace: str | None
    refs: tuple[TargetRef, ...]
    suggested: tuple[TargetRef, ...] = ()


def candidates(labels: Mapping[str, str]) -> Candidates:
    """The objects that the labels name."""
    own = _without_exporter(labels)
    namespace = own.get("namespace", "")
    if not _LABEL.fullmatch(namespace):
        namespace = ""
    refs = list(_namespaced(own, namespace)) if namespace else []
    node = own.get("node") or own.get("nodename") or ""
    if _is_name(node):
        refs.append(_ref(kinds.NODE, None, node))
    suggested = {_ref(kind, namespace, name) for kind, name in _suggested_owners(own.get("pod", ""))}
    unique = tuple(dict.fromkeys(refs))
    return Candidates(namespace or None, unique, tuple(ref for ref in unique if ref in suggested))


def _namespaced(labels: Mapping[str, str], namespace: str) -> Iterator[TargetRef]:
    for label, kind in _WORKLOADS:
        if label in labels and _is_name(name := labels[label]):
            yield _ref(kind, namespace, name)
    workload = _WORKLOAD_TYPES.get(labels.get("workload_type", "").lower())
    if workload is not None and _is_name(name := labels.get("workload", "")):
        yield _ref(workload, namespace, name)
    if _is_name(pod := labels.get("pod", "")):
        yield _ref(kinds.POD, namespace, pod)
        for kind, name in _suggested_owners(pod):
            yield _ref(kind, namespace, name)
    if _is_name(name := labels.get("service", "")):
        yield _ref(kinds.SERVICE, namespace, name)


def _suggested_owners(pod: str) -> Iterator[tuple[Kind, str]]:
    if match := _OF_CONTROLLER.fullmatch(pod):
        yield kinds.REPLICA_SET, match[1]
        if of_deployment := _OF_REPLICA_SET.fullmatch(match[1]):
            yield kinds.DEPLOYMENT, of_deployment[1]
        yield kinds.DAEMON_SET, match[1]
        yield kinds.JOB, match[1]
    if match := _OF_STATEFUL_SET.fullmatch(pod):
        yield kinds.STATEFUL_SET, match[1]


def _without_exporter(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels without what describes the exporter; ``exported_*`` under their plain names."""
    own = dict(labels)
    exported = {name: labels[long] for long, name in _EXPORTED.items() if labels.get(long)}
    if exported:
        # Prometheus renames a metric's label only where the scrape target has one of that name: those are its own.
        own = {name: value for name, value in own.items() if name not in _OF_SCRAPE_TARGET}
        return own | exported
    told = " ".join(labels.get(label, "") for label in ("job", "container", "service"))
    if _NODE_WATCHERS.search(told):
        return {name: value for name, value in own.items() if name not in ("namespace", *_OF_SCRAPE_TARGET)}
    if _WATCHERS.search(told):
        service = own.pop("service", "")
        # With honor_labels a pod may be the watched one's although job and container name the exporter. Metrics
        # about pods carry the pod's uid; else the exporter's own pod is known by its name, or by its Service's.
        pod = labels.get("pod", "")
        of_service = bool(service) and pod.startswith(f"{service}-")
        if "uid" not in labels and (of_service or _WATCHERS.search(pod)):
            own.pop("pod", None)
            if not any(own.get(label) for label, _ in _WORKLOADS):
                own.pop("namespace", None)
    return own


def _is_name(text: str) -> bool:
    """Whether it can be the name of an object, and so part of a URL."""
    return len(text) <= _LONGEST_NAME and _SUBDOMAIN.fullmatch(text) is not None


def _ref(kind: Kind, namespace: str | None, name: str) -> TargetRef:
    return TargetRef(api_version=kind.api_version, kind=kind.kind, namespace=namespace, name=name)
