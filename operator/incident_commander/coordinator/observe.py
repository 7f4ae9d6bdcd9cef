"""Measure once: workload health, the alert itself, and the plan's PromQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from incident_commander.actions.send import look
from incident_commander.actions.write import is_done, shows
from incident_commander.api.incident import Alert, AlertStatus, Attempt, Check, CheckResult, Incident, StepOutcome
from incident_commander.api.meta import TargetRef
from incident_commander.api.plan import Verb, VerificationPlan
from incident_commander.errors import ClusterError, MetricsUnavailable, Refusal
from incident_commander.evidence import queries
from incident_commander.evidence.gatherer import gather
from incident_commander.evidence.health import WorkloadHealth, workload_health
from incident_commander.evidence.scope import polling
from incident_commander.ports import Clock, Cluster, Metrics
from incident_commander.verification.observation import (
    CHANGE_IN_PLACE,
    WORKLOAD_HEALTHY,
    Observation,
    alert_check,
    promql_check,
)

_STANDS = frozenset({Verb.PATCH, Verb.CREATE, Verb.DELETE})
"""What a step of these verbs did stays to be seen."""


async def observe(
    cluster: Cluster,
    metrics: Metrics | None,
    clock: Clock,
    incident: Incident,
    plan: VerificationPlan,
    target: TargetRef | None,
    since: datetime | None,
    attempt: Attempt | None = None,
) -> Observation:
    """All checks that the plan asks for, and that ``attempt`` still stands; what cannot be read is Inconclusive."""
    checks: list[Check] = []
    if attempt is not None and (in_place := await _in_place(cluster, attempt)) is not None:
        checks.append(in_place)
    failed = False
    if plan.workload_healthy and target is not None:
        namespace = incident.metadata.namespace or ""
        evidence = await gather(
            target,
            cluster=cluster,
            metrics=None,
            clock=clock,
            namespace=target.namespace or namespace,
            scope=polling(target),
        )
        health = workload_health(target, evidence.objects, since=since)
        failed = health.failed
        checks.append(health_check(health))
    if plan.alert_resolved and incident.spec.alerts:
        checks.append(await _alerts(metrics, incident, target, clock.now()))
    for check in plan.promql:
        try:
            if metrics is None:
                raise MetricsUnavailable("no Prometheus is configured")
            series = await metrics.query(queries.expression(check.name, check.query), clock.now())
            checks.append(promql_check(check, [s.points[-1][1] for s in series if s.points]))
        except MetricsUnavailable as error:
            checks.append(promql_check(check, None, str(error)))
    return Observation(tuple(checks), failed)


async def _in_place(cluster: Cluster, attempt: Attempt) -> Check | None:
    """Whether what was written is still there: another controller may have reverted it."""
    written = [s for s in attempt.steps if s.verb in _STANDS and s.outcome is StepOutcome.APPLIED]
    for step in written:
        try:
            stands = is_done(step, await look(cluster, shows(step)))
        except (ClusterError, Refusal) as error:
            message = f"{step.target} could not be read: {error}"[:1024]
            return Check(name=CHANGE_IN_PLACE, result=CheckResult.INCONCLUSIVE, message=message)
        if not stands:
            message = f"somebody reverted {step.action} on {step.target}"[:1024]
            return Check(name=CHANGE_IN_PLACE, result=CheckResult.FAIL, message=message)
    if not written:
        return None
    return Check(name=CHANGE_IN_PLACE, result=CheckResult.PASS, message=f"{len(written)} change(s) still in place")


def health_check(health: WorkloadHealth) -> Check:
    """The health check of a workload."""
    result = {True: CheckResult.PASS, False: CheckResult.FAIL, None: CheckResult.INCONCLUSIVE}[health.healthy]
    return Check(name=WORKLOAD_HEALTHY, result=result, message=f"{health.reason}: {health.message}"[:1024])


async def _alerts(metrics: Metrics | None, incident: Incident, target: TargetRef | None, now: datetime) -> Check:
    """Resolved when Alertmanager said so of each, or when Prometheus is up and has none of them firing."""
    open_ = [a for a in incident.spec.alerts if a.status is AlertStatus.FIRING]
    if not open_:
        return alert_check(False, f"all {len(incident.spec.alerts)} alerts are resolved")
    if metrics is None:
        return alert_check(None, f"{open_[0].name} was not reported resolved, and no Prometheus is configured")
    try:
        if not any(s.points and s.points[-1][1] > 0 for s in await metrics.query(queries.sources_up(), now)):
            return alert_check(None, "Prometheus has no scrape target that is up: its silence proves nothing")
        for alert in _distinct(open_):
            states = [s.labels for s in await metrics.query(queries.alert(alert.labels, target), now)]
            if any(labels.get("alertstate") == "firing" for labels in states):
                return alert_check(True, f"{alert.name} is still firing")
    except MetricsUnavailable as error:
        return alert_check(None, f"whether {open_[0].name} still fires cannot be told: {error}")
    return alert_check(False, f"{', '.join(sorted({a.name for a in open_}))}: not firing in Prometheus")


def _distinct(alerts: Sequence[Alert]) -> list[Alert]:
    """At most ten, one for each alert name."""
    return list({alert.name: alert for alert in alerts}.values())[:10]
