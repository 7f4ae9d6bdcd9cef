"""Gathers, diagnoses, prints."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from incident_agents.diagnosis.engine import Workup, work_up
from incident_agents.diagnosis.verdict import Verdict
from incident_commander.adapters.bundle.bundle import Bundle
from incident_commander.adapters.clock import SystemClock
from incident_commander.api import kinds
from incident_commander.cli.diagnose.asked import asked_about, refuse_unheard, with_traces
from incident_commander.cli.diagnose.command import Drawing, Form
from incident_commander.cli.diagnose.document import document
from incident_commander.cli.diagnose.markdown import report_markdown
from incident_commander.cli.diagnose.report import report_of
from incident_commander.cli.diagnose.terminal import PAGE, WIDE, report_view
from incident_commander.cli.options import Output
from incident_commander.cli.render.graph import dot, mermaid
from incident_commander.cli.work.desk import Desk, console, fail
from incident_commander.cli.work.failure import CommandError, ExitCode
from incident_commander.cli.work.outside import Addresses, alerts_of, prometheus
from incident_commander.cli.work.patience import progress
from incident_commander.cli.work.printing import print_data
from incident_commander.cli.work.replaying import diagnose_bundle
from incident_commander.cli.work.targets import parse_target
from incident_commander.errors import BundleError, IncidentCommanderError
from incident_commander.evidence.evidence import target_of
from incident_commander.evidence.gatherer import gather
from incident_commander.evidence.graph import graph
from incident_commander.evidence.scope import ASKED_LIMITS


def diagnose_folder(
    path: Path, target: str | None, namespace: str | None, form: Form | Drawing, program: str
) -> ExitCode:
    """A bundle on disk. Nobody is asked."""
    tried = f"diagnose the bundle {path}"
    try:
        with progress(console(stderr=True), "reading the bundle"):
            bundle = Bundle(path)
            about = asked_about(bundle, target, namespace, tried)
            workup = diagnose_bundle(bundle, target=about, namespace=namespace)
            if about is not None:
                refuse_unheard(bundle, workup.case.evidence, about, tried)
            workup = replace(workup, diagnosis=with_traces(workup.diagnosis, bundle))
    except BundleError as error:
        if isinstance(error.__cause__, PermissionError):
            return fail(CommandError(tried, str(error), "make it readable for you", ExitCode.FORBIDDEN), tried, program)
        advice = "give the folder that holds bundle.json and objects/; `bundle --help` tells how one is made"
        return fail(CommandError(tried, str(error), advice, ExitCode.NOT_FOUND), tried, program)
    except IncidentCommanderError as error:
        return fail(error, tried, program)
    place = f", namespace {namespace}" if namespace else ""
    return _told(f"bundle {path}{place}", workup, form)


async def diagnose_live(desk: Desk, target: str | None, addresses: Addresses, form: Form | Drawing) -> ExitCode:
    """A namespace of a cluster, or one object in it."""
    ref = None
    desk.trying(f"diagnose namespace {desk.namespace}")
    await desk.namespace_must_exist(desk.namespace, "`kubectl get namespaces` shows what there is; -n names another")
    if target is not None:
        desk.trying(f"diagnose {target}")
        kind, name = parse_target(target, desk.tried)
        place = desk.namespace if kind.namespaced else None
        desk.trying(f"read {kind.kind} {name}" + (f" in namespace {place}" if place else ""))
        found = await desk.cluster.get(kind, place, name)
        ref = target_of({"apiVersion": kind.api_version, "kind": kind.kind, **found})
    desk.trying(f"diagnose {target or f'namespace {desk.namespace}'}")
    with progress(console(stderr=True), f"asking {addresses.named()}"):
        active = await alerts_of(addresses, desk.namespace)
        async with prometheus(addresses) as metrics:
            evidence = await gather(
                ref,
                cluster=desk.cluster,
                metrics=metrics,
                clock=SystemClock(),
                namespace=desk.namespace,
                limits=ASKED_LIMITS,
                alerts=active.alerts,
            )
        evidence = replace(evidence, gaps=(*evidence.gaps, *active.gaps))
        workup = work_up(evidence, None, evidence.captured_at)
    code = _told(str(ref) if ref is not None else f"namespace {desk.namespace}", workup, form)
    refused = not evidence.asked(kinds.POD) and any("Forbidden" in gap for gap in evidence.gaps)
    return ExitCode.FORBIDDEN if code is ExitCode.NO and refused else code


def _told(subject: str, workup: Workup, form: Form | Drawing) -> ExitCode:
    if isinstance(form, Drawing):
        drawn = graph(workup.case.evidence)
        console().file.write(mermaid(drawn) if form is Drawing.MERMAID else dot(drawn))
        return ExitCode.DONE
    report = report_of(subject, workup)
    out = console()
    if form is Form.JSON:
        print_data(out, document(report).to_json(), Output.JSON)
    elif form is Form.MARKDOWN:
        out.file.write(report_markdown(report))
    else:
        out.print(report_view(report, WIDE if form is Form.WIDE else PAGE))
    return ExitCode.DONE if report.verdict in (Verdict.CAUSE_FOUND, Verdict.HEALTHY) else ExitCode.NO
