"""What was asked about must be in the bundle: a slip of the keyboard is no finding."""

from __future__ import annotations

from difflib import get_close_matches

from incident_agents.diagnosis.analysers.gone import traces
from incident_commander.adapters.bundle.bundle import Bundle
from incident_commander.adapters.bundle.folder import Broken
from incident_commander.adapters.bundle.layout import MANIFEST
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.meta import TargetRef
from incident_commander.api.statement import Citation, CitationKind, Diagnosis, Hypothesis
from incident_commander.cli.work.failure import CommandError, ExitCode
from incident_commander.cli.work.targets import parse_target
from incident_commander.evidence import citing, fields
from incident_commander.evidence.evidence import Evidence
from incident_commander.evidence.trim import sound

_NAMED = 12
"""Names that an error lists."""
_CITED = 3


def asked_about(bundle: Bundle, target: str | None, namespace: str | None, tried: str) -> TargetRef | None:
    """The object that is meant. Raises ``CommandError`` when the bundle has nothing of the namespace."""
    parsed = parse_target(target, tried) if target is not None else None
    if namespace is not None and namespace not in bundle.namespaces:
        held = _listed(bundle.namespaces) or "objects of no namespace only"
        found = f"the bundle holds nothing of namespace {namespace}; it has {held}"
        raise CommandError(tried, found, "name one of these with -n, or leave -n out", ExitCode.NOT_FOUND)
    if parsed is None:
        return None
    kind, name = parsed
    if not kind.namespaced:
        namespace = None
    elif namespace is None:
        places = bundle.captured_namespaces or bundle.namespaces
        if len(places) != 1:
            found = f"{target} may be in any namespace of the bundle: {_listed(places) or 'none is named'}"
            raise CommandError(tried, found, "add -n NAMESPACE", ExitCode.USAGE)
        (namespace,) = places
    return TargetRef(api_version=kind.api_version, kind=kind.kind, namespace=namespace, name=name)


def refuse_unheard(bundle: Bundle, evidence: Evidence, about: TargetRef, tried: str) -> None:
    """Raises ``CommandError`` when the kind was read, the object is not there, and nothing speaks of it."""
    kind = kinds.kind_of(about.api_version, about.kind)
    if kind is None or not evidence.asked(kind) or evidence.find(kind, about.namespace, about.name) is not None:
        return
    if traces(evidence, about, evidence.alerts) or speaking_of(bundle, about):
        return
    here = {fields.name(o) for o in evidence.of(kind) if not kind.namespaced or fields.namespace(o) == about.namespace}
    near = get_close_matches(about.name, sorted(here), n=3)
    place = f" in namespace {about.namespace}" if about.namespace else ""
    held = f"there are {_listed(here)}" if here else f"there is no {about.kind} at all"
    advice = f"did you mean {' or '.join(f'{kind.kind.lower()}/{n}' for n in near)}?" if near else "name what is there"
    found = f"the bundle has no {about.kind} {about.name}{place}, and nothing in it speaks of one; {held}"
    raise CommandError(tried, found, advice, ExitCode.NOT_FOUND)


def speaking_of(bundle: Bundle, about: TargetRef) -> list[Citation]:
    """Where the bundle names the object as a target, though it holds nothing else of it: Incidents and the manifest."""
    try:
        incidents = [one for one in bundle.objects(kinds.INCIDENT) if sound(one)]
    except Broken:
        incidents = []
    wanted = (about.kind, about.namespace or "", about.name)
    found = [
        citing.of_object(one, "spec.targetRef.name")
        for one in incidents
        if tuple(fields.text(one, "spec", "targetRef", key) for key in ("kind", "namespace", "name")) == wanted
    ]
    if bundle.target is not None and str(bundle.target) == str(about):
        found.append(
            Citation(kind=CitationKind.NOTE, ref=MANIFEST, path="target.name", value=citing.spoken(about.name))
        )
    return found[:_CITED]


def with_traces(diagnosis: Diagnosis, bundle: Bundle) -> Diagnosis:
    """Cites who named an object that is gone, where nothing else of it is left."""

    def cited(found: Hypothesis) -> Hypothesis:
        if found.cause is not Cause.TARGET_GONE or found.evidence or found.object is None:
            return found
        return found.model_copy(update={"evidence": speaking_of(bundle, found.object)})

    return diagnosis.model_copy(update={"hypotheses": [cited(h) for h in diagnosis.hypotheses]})


def _listed(names: set[str] | frozenset[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(sorted(names)[:_NAMED]) + more
