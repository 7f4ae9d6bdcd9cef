"""The values that the API server fills in (``pkg/apis/*/defaults.go``), as far as controllers and plans see them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from incident_commander.ports import Object

Spec = dict[str, Any]


def apply_defaults(resource: str, obj: Object) -> None:
    """Fill in defaults of an object of that ``Kind.resource``, in place."""
    found = _DEFAULTS.get(resource)
    if found is not None:
        found(obj.setdefault("spec", {}))


def _set(target: Spec, **values: Any) -> None:
    for key, value in values.items():
        target.setdefault(key, value)


def _deployment(spec: Spec) -> None:
    _set(spec, replicas=1, strategy={}, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    strategy = spec["strategy"]
    _set(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _set(strategy, rollingUpdate={})
        _set(strategy["rollingUpdate"], maxUnavailable="25%", maxSurge="25%")
    _template(spec)


def _replica_set(spec: Spec) -> None:
    _set(spec, replicas=1)
    _template(spec)


def _stateful_set(spec: Spec) -> None:
    _set(spec, replicas=1, podManagementPolicy="OrderedReady", revisionHistoryLimit=10, updateStrategy={})
    _set(spec["updateStrategy"], type="RollingUpdate")
    if spec["updateStrategy"]["type"] == "RollingUpdate":
        _set(spec["updateStrategy"], rollingUpdate={"partition": 0})
    _set(spec, persistentVolumeClaimRetentionPolicy={"whenDeleted": "Retain", "whenScaled": "Retain"})
    _template(spec)


def _daemon_set(spec: Spec) -> None:
    _set(spec, revisionHistoryLimit=10, updateStrategy={})
    _set(spec["updateStrategy"], type="RollingUpdate")
    if spec["updateStrategy"]["type"] == "RollingUpdate":
        _set(spec["updateStrategy"], rollingUpdate={"maxUnavailable": 1, "maxSurge": 0})
    _template(spec)


def _job(spec: Spec) -> None:
    _set(spec, parallelism=1, completions=1, backoffLimit=6, suspend=False, completionMode="NonIndexed")
    _set(spec, podReplacementPolicy="TerminatingOrFailed", manualSelector=False)
    if not spec["manualSelector"]:
        del spec["manualSelector"]
    _template(spec)


def _cron_job(spec: Spec) -> None:
    _set(spec, concurrencyPolicy="Allow", suspend=False, successfulJobsHistoryLimit=3, failedJobsHistoryLimit=1)
    _template(spec.setdefault("jobTemplate", {}).setdefault("spec", {}))


def _service(spec: Spec) -> None:
    _set(spec, type="ClusterIP", sessionAffinity="None", internalTrafficPolicy="Cluster")
    for port in spec.get("ports") or []:
        _set(port, protocol="TCP", targetPort=port.get("port"))


def _autoscaler(spec: Spec) -> None:
    _set(spec, minReplicas=1)


def _template(spec: Spec) -> None:
    template = spec.setdefault("template", {})
    template.setdefault("metadata", {})
    pod_spec_defaults(template.setdefault("spec", {}))


def pod_spec_defaults(spec: Spec) -> None:
    """Defaults of a pod's spec, in place."""
    _set(
        spec,
        restartPolicy="Always",
        dnsPolicy="ClusterFirst",
        schedulerName="default-scheduler",
        securityContext={},
        terminationGracePeriodSeconds=30,
    )
    for container in (spec.get("initContainers") or []) + (spec.get("containers") or []):
        _container(container)


def _pod(spec: Spec) -> None:
    pod_spec_defaults(spec)
    _set(
        spec, enableServiceLinks=True, preemptionPolicy="PreemptLowerPriority", priority=0, serviceAccountName="default"
    )
    for container in spec.get("containers") or []:
        resources = container["resources"]
        if resources.get("limits"):
            requests = resources.setdefault("requests", {})
            for key, value in resources["limits"].items():
                requests.setdefault(key, value)


def _container(container: Spec) -> None:
    image = str(container.get("image", ""))
    last = image.rsplit("/", 1)[-1]
    always = "@" not in last and (":" not in last or last.endswith(":latest"))
    _set(
        container,
        resources={},
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
        imagePullPolicy="Always" if always else "IfNotPresent",
    )
    for port in container.get("ports") or []:
        _set(port, protocol="TCP")
    for probe in (container[key] for key in ("livenessProbe", "readinessProbe", "startupProbe") if container.get(key)):
        _set(probe, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)
        if "httpGet" in probe:
            _set(probe["httpGet"], path="/", scheme="HTTP")


_DEFAULTS: Mapping[str, Callable[[Spec], None]] = {
    "pods": _pod,
    "services": _service,
    "deployments.apps": _deployment,
    "replicasets.apps": _replica_set,
    "statefulsets.apps": _stateful_set,
    "daemonsets.apps": _daemon_set,
    "jobs.batch": _job,
    "cronjobs.batch": _cron_job,
    "horizontalpodautoscalers.autoscaling": _autoscaler,
}
