"""The facts of a hypothesis, which runbooks refer to as ``${facts.NAME}``. One table for all causes.

All values are text of at most 256 characters. A fact that could not be observed is absent, and a runbook
step that needs it is not a candidate.

Every hypothesis about a workload or one of its pods may carry:

===================== ==================================================================================
controller            ``Kind/name`` of the top controller; absent for a bare Pod
container             the container in question
pod                   one pod that shows the symptom
currentRevision       Deployment: ``deployment.kubernetes.io/revision``; StatefulSet and DaemonSet: revision
                      of the newest ControllerRevision
previousRevision      the revision before it that still exists
previousHealthy       ``true`` | ``false`` | ``unknown``: whether pods of the previous revision ran, or run, well
recentRollout         ``true`` | ``false``: the newest revision is younger than an hour, or became so before
                      the symptom began by less than that
rolloutAgeSeconds     age of the newest revision
otherReplicasHealthy  ``true`` | ``false``: at least one other pod of the workload is ready
readyReplicas         pods that are ready
desiredReplicas       pods that are wanted
===================== ==================================================================================

and by cause (``object`` is what is to be acted on):

======================== ===================== =========================================================
cause                    object                facts
======================== ===================== =========================================================
ImageNotFound            top controller or Pod image, previousImage
ImagePullUnauthorized    top controller or Pod image, previousImage
ImageRegistryUnreachable top controller or Pod image, previousImage
BadCommand               top controller or Pod exitCode, changed
CrashAfterRollout        top controller        exitCode, changed
CrashLoop                top controller or Pod exitCode
ConfigMissing            top controller or Pod configMap | secret, key
MemoryLimitTooLow        top controller or Pod memoryLimit, suggestedMemoryLimit, peakMemory
MemoryLeak               top controller or Pod memoryLimit, suggestedMemoryLimit, peakMemory, growthPerHour
CPUThrottled             top controller or Pod cpuLimit, suggestedCPULimit, throttledRatio
HPAAtMaximum             the HPA               hpa, currentReplicas, maxReplicas, suggestedMaxReplicas
UnschedulableResources   top controller or Pod resource, requested
UnschedulableTaint       top controller or Pod taint
UnschedulableAffinity    top controller or Pod constraint
UnschedulableVolume      top controller or Pod claim
QuotaExceeded            the ResourceQuota,    quota, resource, requested, used, hard
                         or the top controller
ProbeMisconfigured       top controller or Pod probe, port, problem (Port | Timing | Scheme | Path)
AppNotAnswering          top controller or Pod probe, port
ServiceSelectsNothing    the Service           service, selector
ServiceWrongPort         the Service           service, port, targetPort, containerPorts
DependencyDown           the dependency: its   dependency, dependent
                         workload, else its
                         Service; else none
JobFailed                the Job               job, failure, exitCode
CronJobFailing           the CronJob           cronJob, job, failures, failure
NodeNotReady             the Node              node, reason
NodePressure             the Node              node, condition, reason
NodeCordoned             the Node              node
VolumeFull               the claim             claim, usedPercent, capacity, storageClass, expandable
VolumeClaimPending       the claim             claim, storageClass, reason
TargetGone               the target            none
Unknown                  the target            none
======================== ===================== =========================================================

Quantities are Kubernetes quantities. ``suggestedMemoryLimit`` is twice the limit and at least 1.5 times the
observed peak, rounded up to a whole MiB. ``suggestedCPULimit`` is 1.5 times the limit, twice when more than
half of the periods were throttled, three times beyond 80 %. ``suggestedMaxReplicas`` is 1.5 times the
maximum, at least two more. ``changed`` lists what the newest revision changed in that container, of:
image, command, args, env, config, resources, probes, ports, volumes, placement, other.
"""

from __future__ import annotations

from collections.abc import Mapping

from incident_commander.api.causes import Cause

COMMON: frozenset[str] = frozenset(
    {
        "controller",
        "container",
        "pod",
        "currentRevision",
        "previousRevision",
        "previousHealthy",
        "recentRollout",
        "rolloutAgeSeconds",
        "otherReplicasHealthy",
        "readyReplicas",
        "desiredReplicas",
    }
)
"""What any hypothesis about a workload may carry."""

_IMAGE = frozenset({"image", "previousImage"})

OF_CAUSE: Mapping[Cause, frozenset[str]] = {
    Cause.IMAGE_NOT_FOUND: _IMAGE,
    Cause.IMAGE_PULL_UNAUTHORIZED: _IMAGE,
    Cause.IMAGE_REGISTRY_UNREACHABLE: _IMAGE,
    Cause.BAD_COMMAND: frozenset({"exitCode", "changed"}),
    Cause.CRASH_AFTER_ROLLOUT: frozenset({"exitCode", "changed"}),
    Cause.CRASH_LOOP: frozenset({"exitCode"}),
    Cause.CONFIG_MISSING: frozenset({"configMap", "secret", "key"}),
    Cause.MEMORY_LIMIT_TOO_LOW: frozenset({"memoryLimit", "suggestedMemoryLimit", "peakMemory"}),
    Cause.MEMORY_LEAK: frozenset({"memoryLimit", "suggestedMemoryLimit", "peakMemory", "growthPerHour"}),
    Cause.CPU_THROTTLED: frozenset({"cpuLimit", "suggestedCPULimit", "throttledRatio"}),
    Cause.HPA_AT_MAXIMUM: frozenset({"hpa", "currentReplicas", "maxReplicas", "suggestedMaxReplicas"}),
    Cause.UNSCHEDULABLE_RESOURCES: frozenset({"resource", "requested"}),
    Cause.UNSCHEDULABLE_TAINT: frozenset({"taint"}),
    Cause.UNSCHEDULABLE_AFFINITY: frozenset({"constraint"}),
    Cause.UNSCHEDULABLE_VOLUME: frozenset({"claim"}),
    Cause.QUOTA_EXCEEDED: frozenset({"quota", "resource", "requested", "used", "hard"}),
    Cause.PROBE_MISCONFIGURED: frozenset({"probe", "port", "problem"}),
    Cause.APP_NOT_ANSWERING: frozenset({"probe", "port"}),
    Cause.SERVICE_SELECTS_NOTHING: frozenset({"service", "selector"}),
    Cause.SERVICE_WRONG_PORT: frozenset({"service", "port", "targetPort", "containerPorts"}),
    Cause.DEPENDENCY_DOWN: frozenset({"dependency", "dependent"}),
    Cause.JOB_FAILED: frozenset({"job", "failure", "exitCode"}),
    Cause.CRON_JOB_FAILING: frozenset({"cronJob", "job", "failures", "failure"}),
    Cause.NODE_NOT_READY: frozenset({"node", "reason"}),
    Cause.NODE_PRESSURE: frozenset({"node", "condition", "reason"}),
    Cause.NODE_CORDONED: frozenset({"node"}),
    Cause.VOLUME_FULL: frozenset({"claim", "usedPercent", "capacity", "storageClass", "expandable"}),
    Cause.VOLUME_CLAIM_PENDING: frozenset({"claim", "storageClass", "reason"}),
    Cause.TARGET_GONE: frozenset(),
    Cause.UNKNOWN: frozenset(),
}
"""What each cause adds."""
