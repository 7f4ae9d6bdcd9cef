"""A Job has failed, or a CronJob keeps failing."""

from __future__ import annotations

from collections.abc import Iterator

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding
from incident_agents.diagnosis.telling import quote
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields, pods
from incident_commander.evidence.evidence import reference, target_of
from incident_commander.evidence.health import finished_at
from incident_commander.evidence.lines import clean_line
from incident_commander.ports import Object


def analyse(case: Case) -> Iterator[Finding]:
    """Failing CronJobs, and failed Jobs that no CronJob owns (or that are the target themselves)."""
    for cron_job in case.evidence.of(kinds.CRON_JOB):
        if (found := _cron_job(case, cron_job)) is not None:
            yield found
    for job in case.evidence.of(kinds.JOB):
        alone = case.topology.owner(job) is None
        if (alone or _is_target(case, job)) and (found := _job(case, job)) is not None:
            yield found


def _is_target(case: Case, obj: Object) -> bool:
    return case.target is not None and reference(case.target) == reference(obj)


def _failed(job: Object) -> bool:
    return fields.condition(job, "Failed").get("status") == "True"


def _cron_job(case: Case, cron_job: Object) -> Finding | None:
    owned = case.topology.under(cron_job, kinds.JOB)
    ended = sorted(
        ((at, j) for j in owned if (at := finished_at(j)) is not None), key=lambda pair: pair[0], reverse=True
    )
    failures = 0
    for _, job in ended:
        if not _failed(job):
            break
        failures += 1
    retrying = [j for j in owned if finished_at(j) is None and (fields.integer(j, "status", "failed") or 0) > 0]
    if failures == 0 and not retrying:
        return None
    if fields.flag(cron_job, "spec", "suspend") and not retrying:
        return None
    last = ended[0][1] if failures else retrying[0]
    confidence = 80 if failures >= 2 else (70 if failures == 1 else 58)
    failure, evidence = _failure(case, last)
    if fields.text(cron_job, "status", "lastSuccessfulTime"):
        evidence.append(citing.of_object(cron_job, "status.lastSuccessfulTime"))
    name = fields.name(cron_job)
    return Finding(
        cause=Cause.CRON_JOB_FAILING,
        object=target_of(cron_job),
        confidence=confidence,
        summary=clean_line(
            f"CronJob {name}: its last {max(failures, 1)} Jobs failed, the latest is {fields.name(last)} ({failure})"
        )[:1000],
        evidence=tuple(evidence),
        facts={"cronJob": name, "job": fields.name(last), "failures": str(max(failures, 1)), "failure": failure[:256]},
        about=frozenset({reference(cron_job), *(reference(j) for j in owned)}),
    )


def _job(case: Case, job: Object) -> Finding | None:
    failed_pods = fields.integer(job, "status", "failed") or 0
    complete = fields.condition(job, "Complete").get("status") == "True"
    if complete or not (_failed(job) or failed_pods):
        return None
    failure, evidence = _failure(case, job)
    facts = {"job": fields.name(job), "failure": failure[:256]}
    if (code := _exit_code(case, job)) is not None:
        facts["exitCode"] = str(code)
    return Finding(
        cause=Cause.JOB_FAILED,
        object=target_of(job),
        confidence=78 if _failed(job) else 58,
        summary=clean_line(f"Job {fields.name(job)} {'failed' if _failed(job) else 'is failing'}: {failure}")[:1000],
        evidence=tuple(evidence),
        facts=facts,
        about=frozenset({reference(job), *(reference(p) for p in _pods(case, job))}),
    )


def _pods(case: Case, job: Object) -> list[Object]:
    return case.topology.pods_of(job)


def _exit_code(case: Case, job: Object) -> int | None:
    for pod in _pods(case, job):
        for container in pods.containers(pod):
            ended = container.termination()
            if ended is not None and (code := fields.integer(ended[1], "exitCode")):
                return code
    return None


def _failure(case: Case, job: Object) -> tuple[str, list[Citation]]:
    evidence: list[Citation] = []
    words = f"{fields.integer(job, 'status', 'failed') or 0} pods failed"
    for n, condition in enumerate(fields.items(job, "status", "conditions")):
        if condition.get("type") == "Failed" and condition.get("status") == "True":
            reason = clean_line(fields.text(condition, "reason"))[:100]
            words = reason or words
            evidence.append(citing.of_object(job, f"status.conditions[{n}].reason"))
            evidence.append(citing.of_object(job, f"status.conditions[{n}].message"))
    if fields.integer(job, "status", "failed") is not None:
        evidence.append(citing.of_object(job, "status.failed"))
    for pod in _pods(case, job)[:3]:
        for container in pods.containers(pod):
            ended = container.termination()
            if ended is not None and fields.integer(ended[1], "exitCode"):
                evidence.append(citing.of_object(pod, f"{ended[0]}.exitCode"))
        evidence += quote(case, pod)
    evidence += [citing.of_event(e) for e in case.events(job, "BackoffLimitExceeded", "DeadlineExceeded")[:1]]
    return words, evidence[:9]
