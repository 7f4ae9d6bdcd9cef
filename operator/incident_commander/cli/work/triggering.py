"""trigger: an Incident by hand, as if an alert had fired for the target."""

from __future__ import annotations

import secrets

from incident_commander.api import kinds
from incident_commander.api.incident import Incident, IncidentSpec
from incident_commander.api.meta import ObjectMeta, TargetRef
from incident_commander.api.names import LABEL_TARGET_HASH
from incident_commander.api.statement import Severity
from incident_commander.cli.render.text import styled
from incident_commander.cli.work.deciding import FIELD_MANAGER
from incident_commander.cli.work.desk import Desk, read_incident
from incident_commander.cli.work.targets import parse_target
from incident_commander.intake.naming import target_hash
from incident_commander.intake.omitted import ANNOTATION_OMITTED, Omitted
from incident_commander.ports import Object


async def trigger(desk: Desk, target: str, *, reason: str, severity: Severity, operator_namespace: str) -> None:
    """Create the Incident and say how to follow it. An open one of the same target is named instead."""
    desk.trying(f"open an Incident for {target}")
    kind, name = parse_target(target, desk.tried)
    namespace = desk.namespace if kind.namespaced else operator_namespace
    desk.trying(f"read {kind.kind} {name}" + (f" in namespace {namespace}" if kind.namespaced else ""))
    found = await desk.cluster.get(kind, namespace if kind.namespaced else None, name)
    meta = found.get("metadata") or {}
    ref = TargetRef(
        api_version=kind.api_version,
        kind=kind.kind,
        namespace=namespace if kind.namespaced else None,
        name=name,
        uid=meta.get("uid"),
    )
    await _refuse_second(desk, ref, namespace)
    desk.trying(f"create an Incident for {ref} in namespace {namespace}")
    user = await desk.username()
    body = _incident(ref, namespace, reason, severity, user)
    desk.trying(f"create an Incident for {ref} in namespace {namespace}")
    stored = await desk.cluster.create(kinds.INCIDENT, namespace, body, field_manager=FIELD_MANAGER)
    created = stored["metadata"]["name"]
    desk.out.print(styled(f"Incident {namespace}/{created} opened for {ref}."))
    desk.out.print(styled(f"Follow it: {desk.program} show {created} -n {namespace}"))


async def _refuse_second(desk: Desk, ref: TargetRef, namespace: str) -> None:
    desk.trying(f"see whether an Incident is open for {ref}")
    for item in await desk.cluster.list(kinds.INCIDENT, namespace, labels=f"{LABEL_TARGET_HASH}={target_hash(ref)}"):
        incident = read_incident(item, desk.tried)
        if not incident.status.phase.terminal:
            desk.trying(f"open a second Incident for {ref}")
            raise desk.no(
                f"Incident {incident.key} is open for it, in phase {incident.status.phase}",
                f"follow that one: `{desk.program} show {incident.metadata.name} -n {namespace}`",
            )


def _incident(ref: TargetRef, namespace: str, reason: str, severity: Severity, user: str) -> Object:
    said = f": {reason}" if reason else ""
    incident = Incident(
        metadata=ObjectMeta(name=f"manual-{ref.name[:40].strip('-.')}-{secrets.token_hex(4)}", namespace=namespace),
        spec=IncidentSpec(severity=severity, target_ref=ref, description=f"Opened by {user}{said}"),
    )
    return {
        "apiVersion": incident.api_version,
        "kind": incident.kind,
        "metadata": {
            "name": incident.metadata.name.replace(".", "-"),
            "namespace": namespace,
            # As the gateway labels its own: alerts about the same target then join this Incident.
            "labels": {LABEL_TARGET_HASH: target_hash(ref)},
            "annotations": {ANNOTATION_OMITTED: Omitted().to_text()},
        },
        "spec": incident.spec.to_json(),
    }
