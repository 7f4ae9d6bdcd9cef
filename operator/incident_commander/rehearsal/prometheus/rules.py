"""Alerting rules: an expression that must give the same series for a while."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from incident_commander.consensus.canonical import digest
from incident_commander.rehearsal.prometheus.evaluator import Evaluator, Sample
from incident_commander.rehearsal.prometheus.syntax import Node, parse

_PLACE = re.compile(r"\{\{\s*(?:\$labels\.(\w+)|\$value)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Rule:
    """An alerting rule. ``for_seconds`` as in Prometheus' ``for``."""

    alert: str
    expression: str
    for_seconds: float = 60.0
    severity: str = "warning"
    summary: str = ""


@dataclass(frozen=True, slots=True)
class ActiveAlert:
    """An instance of a rule. ``fired_at`` None: still pending. ``resolved_at`` is set once it is over."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    pending_since: datetime
    fired_at: datetime | None = None
    resolved_at: datetime | None = None
    value: float = 0.0

    @property
    def fingerprint(self) -> str:
        """Identity of the label set (the real one is FNV-1a; only equality matters)."""
        return digest(dict(self.labels)).removeprefix("sha256:")[:16]


@dataclass(slots=True)
class RuleState:
    """A rule with the instances that are pending or firing."""

    rule: Rule
    tree: Node
    active: dict[str, ActiveAlert] = field(default_factory=dict)

    @classmethod
    def of(cls, rule: Rule) -> RuleState:
        """Parse the expression. Raises ``PromQLError``."""
        return cls(rule, parse(rule.expression))

    def evaluate(self, evaluator: Evaluator, now: datetime) -> list[ActiveAlert]:
        """Move on to ``now``; answers the instances that have just been resolved."""
        seen: dict[str, ActiveAlert] = {}
        for sample in evaluator.vector(self.tree, now.timestamp()):
            labels = self._labels(sample)
            key = digest(labels)
            since = self.active[key].pending_since if key in self.active else now
            fired = self.active[key].fired_at if key in self.active else None
            if fired is None and (now - since).total_seconds() >= self.rule.for_seconds:
                fired = now
            summary = {"summary": _filled(self.rule.summary, sample)}
            seen[key] = ActiveAlert(labels, summary, since, fired, None, sample.value)
        over = [alert for key, alert in self.active.items() if key not in seen and alert.fired_at is not None]
        self.active = seen
        return [ActiveAlert(a.labels, a.annotations, a.pending_since, a.fired_at, now, a.value) for a in over]

    def _labels(self, sample: Sample) -> dict[str, str]:
        labels = {key: value for key, value in sample.labels.items() if key != "__name__"}
        return labels | {"alertname": self.rule.alert, "severity": self.rule.severity}


def _filled(template: str, sample: Sample) -> str:
    def place(found: re.Match[str]) -> str:
        return sample.labels.get(found[1], "") if found[1] else f"{sample.value:.4g}"

    return _PLACE.sub(place, template)


def stamp(moment: datetime) -> str:
    """RFC 3339 as Go writes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def group_key(labels: Mapping[str, str]) -> str:
    """Alertmanager's group key."""
    pairs = ", ".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
    return f"{{}}:{{{pairs}}}"


DEFAULT_RULES: tuple[Rule, ...] = (
    Rule(
        "KubePodCrashLooping",
        'max_over_time(kube_pod_container_status_waiting_reason{reason="CrashLoopBackOff"}[2m]) >= 1',
        60.0,
        "critical",
        "{{ $labels.namespace }}/{{ $labels.pod }} ({{ $labels.container }}) is in waiting state CrashLoopBackOff",
    ),
    Rule(
        "KubeDeploymentReplicasMismatch",
        "kube_deployment_spec_replicas > kube_deployment_status_replicas_available",
        120.0,
        "warning",
        "{{ $labels.namespace }}/{{ $labels.deployment }} has not had its replicas for 2 minutes",
    ),
    Rule(
        "KubeContainerWaiting",
        "sum by (namespace, pod, container) "
        '(kube_pod_container_status_waiting_reason{reason!~"CrashLoopBackOff|ContainerCreating"}) > 0',
        90.0,
        "warning",
        "{{ $labels.namespace }}/{{ $labels.pod }} ({{ $labels.container }}) has been waiting for more than a minute",
    ),
    Rule(
        "ContainerOOMKilled",
        'kube_pod_container_status_last_terminated_reason{reason="OOMKilled"} == 1 and on (namespace, pod, container) '
        "increase(kube_pod_container_status_restarts_total[5m]) > 0",
        30.0,
        "critical",
        "{{ $labels.namespace }}/{{ $labels.pod }} ({{ $labels.container }}) runs out of memory",
    ),
    Rule(
        "ContainerMemoryNearLimit",
        "max by (namespace, pod, container) (container_memory_working_set_bytes) / max by (namespace, pod, container) "
        '(kube_pod_container_resource_limits{resource="memory"}) > 0.9',
        30.0,
        "warning",
        "{{ $labels.namespace }}/{{ $labels.pod }} ({{ $labels.container }}) uses {{ $value }} of its memory limit",
    ),
    Rule(
        "CPUThrottlingHigh",
        "sum by (namespace, pod, container) (increase(container_cpu_cfs_throttled_periods_total[5m])) / "
        "sum by (namespace, pod, container) (increase(container_cpu_cfs_periods_total[5m])) > 0.25",
        120.0,
        "info",
        "{{ $labels.namespace }}/{{ $labels.pod }} ({{ $labels.container }}) is throttled in {{ $value }} of periods",
    ),
    Rule("KubeJobFailed", 'kube_job_failed{condition="true"} > 0', 60.0, "warning", "{{ $labels.job_name }} failed"),
    Rule(
        "KubePodNotScheduled",
        'kube_pod_status_phase{phase="Pending"} == 1 and on (namespace, pod) kube_pod_info{node=""} == 1',
        120.0,
        "warning",
        "{{ $labels.namespace }}/{{ $labels.pod }} cannot be scheduled",
    ),
    Rule(
        "KubeHpaMaxedOut",
        "kube_horizontalpodautoscaler_status_current_replicas == kube_horizontalpodautoscaler_spec_max_replicas",
        120.0,
        "warning",
        "{{ $labels.namespace }}/{{ $labels.horizontalpodautoscaler }} is at its maximum",
    ),
    Rule(
        "KubeNodeNotReady",
        'kube_node_status_condition{condition="Ready",status="true"} == 0',
        60.0,
        "critical",
        "{{ $labels.node }} is not ready",
    ),
    Rule(
        "KubeNodePressure",
        'kube_node_status_condition{condition=~"MemoryPressure|DiskPressure|PIDPressure",status="true"} == 1',
        60.0,
        "warning",
        "{{ $labels.node }} is under {{ $labels.condition }}",
    ),
)
"""As kubernetes-mixin's and the local cluster's, with a shorter ``for``."""
