"""Records and writes."""

from __future__ import annotations

import secrets
from importlib.metadata import version
from pathlib import Path

from incident_commander.adapters.bundle.recorder import RecordingCluster, RecordingMetrics
from incident_commander.adapters.bundle.writer import Record, recorded, write_bundle
from incident_commander.adapters.clock import SystemClock
from incident_commander.api import kinds
from incident_commander.api.meta import TargetRef
from incident_commander.cli.render.text import styled
from incident_commander.cli.work.desk import Desk, console
from incident_commander.cli.work.outside import Addresses, alerts_of, prometheus
from incident_commander.cli.work.patience import progress
from incident_commander.evidence.gatherer import gather
from incident_commander.evidence.redaction.redactor import Redactor
from incident_commander.evidence.scope import CAPTURE_LIMITS, RECORDED
from incident_commander.ports import Object

_GAPS_SHOWN = 10
ADVICE = "`kubectl get namespaces` shows what there is; -n names another"


async def write(desk: Desk, name: str | None, directory: Path | None, addresses: Addresses) -> None:
    """A bundle of the namespace; with an Incident, of the namespace of its target."""
    incident: Object | None = None
    target: TargetRef | None = None
    namespace = desk.namespace
    if name is not None:
        incident, read = await desk.incident(name)
        target = read.spec.target_ref
        namespace = (target.namespace if target is not None else None) or namespace
    now = desk.now()
    place = directory or Path(f"{name or namespace}-{now:%Y%m%dT%H%M%SZ}")
    desk.trying(f"write the bundle {place}")
    await desk.namespace_must_exist(namespace, ADVICE)
    if place.exists() or place.is_symlink():
        raise desk.no("something of that name is there already", "choose another folder with -o")
    with progress(console(stderr=True), f"asking {addresses.named()}, then writing {place}"):
        record = await _record(desk, namespace, target, incident, addresses)
        write_bundle(place, record, Redactor(secrets.token_bytes(32)))
    _tell(desk, place, record)


async def _record(
    desk: Desk, namespace: str, target: TargetRef | None, incident: Object | None, addresses: Addresses
) -> Record:
    cluster = RecordingCluster(desk.cluster)
    active = await alerts_of(addresses, namespace)
    async with prometheus(addresses) as asked:
        metrics = RecordingMetrics(asked) if asked is not None else None
        # Without a target everything in the namespace is asked for, so that the bundle answers later questions.
        evidence = await gather(
            None,
            cluster=cluster,
            metrics=metrics,
            clock=SystemClock(),
            namespace=namespace,
            scope=RECORDED,
            limits=CAPTURE_LIMITS,
        )
    record = recorded(
        cluster,
        metrics,
        captured_at=evidence.captured_at,
        namespaces=[namespace],
        source=f"incident-commander {version('incident-commander')}",
        target=target,
        alerts=active.answered,
        gaps=[*evidence.gaps, *active.gaps],
    )
    if incident is not None:
        record = record.beside(kinds.INCIDENT, [incident])
    return record


def _tell(desk: Desk, place: Path, record: Record) -> None:
    objects = sum(len(found) for found in record.objects.values())
    series = sum(len(found) for found in record.series.values())
    counts = f"{objects} objects, {len(record.logs)} logs, {series} series, {len(record.alerts or [])} alerts"
    desk.out.print(styled(f"{place}: {counts}."))
    for gap in record.gaps[:_GAPS_SHOWN]:
        desk.out.print(styled(f"not read: {gap}", "yellow"))
    if len(record.gaps) > _GAPS_SHOWN:
        desk.out.print(styled(f"and {len(record.gaps) - _GAPS_SHOWN} more, in bundle.json", "yellow"))
    desk.out.print(styled("Secrets were taken out by rules: read it before you pass it on."))
    desk.out.print(styled(f"Diagnose it: incident-commander diagnose bundle {place}"))
