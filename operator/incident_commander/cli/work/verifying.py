"""verify: whether the record of a decision proves what it says, on line or from files alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console, Group
from rich.padding import Padding
from rich.text import Text

from incident_commander.api import kinds
from incident_commander.api.agent import Agent
from incident_commander.api.incident import Incident
from incident_commander.api.policy import ConsensusPolicy, RemediationPolicy
from incident_commander.cli.options import Output
from incident_commander.cli.render.text import styled
from incident_commander.cli.work.desk import TO_VERIFY, Desk, console, fail, read_agent, read_incident
from incident_commander.cli.work.failure import CommandError, ExitCode
from incident_commander.cli.work.history import not_covered, undecided, verify_all
from incident_commander.cli.work.printing import print_data
from incident_commander.cli.work.reading import read_objects
from incident_commander.consensus.audit import NOT_COVERED, Finding, audit, nothing_decided
from incident_commander.errors import Forbidden, IncidentCommanderError, NotFound
from incident_commander.ports import Object


async def verify_on_line(desk: Desk, name: str, output: Output) -> ExitCode:
    """Incident, Agents and policy as the API server has them."""
    _, incident = await desk.incident(name)
    try:
        agents = await desk.agents()
    except Forbidden as error:
        raise CommandError(desk.tried, str(error), TO_VERIFY, ExitCode.FORBIDDEN) from None
    policy, note = await _policy(desk, incident)
    return _report(desk.out, incident, agents, policy, note, output)


def verify_files(
    incident_file: Path,
    keys_file: Path,
    policy_file: Path | None,
    name: str | None,
    namespace: str | None,
    output: Output,
    program: str,
) -> ExitCode:
    """Nothing but files: no cluster is asked. Of several Incidents without ``name``: a line for each."""
    tried = f"read {incident_file}"
    try:
        found = _incidents(read_objects(incident_file), incident_file, name, namespace)
        tried = f"read {keys_file}"
        agents = [read_agent(item, tried) for item in read_objects(keys_file) if item.get("kind") == "Agent"]
        if not agents:
            raise CommandError(
                tried, "there is no Agent in it", "export them: `kubectl get agents -o yaml > agents.yaml`"
            )
        policies: Sequence[Object] | None = None
        if policy_file is not None:
            tried = f"read {policy_file}"
            policies = read_objects(policy_file)
        note = "" if policies is not None else "judged by the default quorum; --policy gives the policy's rules"
        if len(found) > 1:
            return verify_all(console(), found, agents, lambda i: _policy_of(i, policies, policy_file), note, output)
        incident = read_incident(found[0], f"read {incident_file}")
        policy = None
        if policies is not None and policy_file is not None:
            policy = _one_policy(policies, policy_file, incident.status.policy)
    except IncidentCommanderError as error:
        return fail(error, tried, program)
    return _report(console(), incident, agents, policy, note, output)


def _report(
    out: Console,
    incident: Incident,
    agents: Sequence[Agent],
    policy: ConsensusPolicy | None,
    note: str,
    output: Output,
) -> ExitCode:
    if nothing_decided(incident):
        return undecided(out, [incident.key], output)
    findings = audit(incident, agents, policy)
    good = all(finding.holds for finding in findings)
    if output is not Output.TABLE:
        checks = [{"claim": f.claim, "holds": f.holds, "detail": f.detail} for f in findings]
        report = {"incident": incident.key, "verified": good, "checks": checks, "notCovered": "; ".join(NOT_COVERED)}
        print_data(out, report, output)
        return ExitCode.DONE if good else ExitCode.NO
    verdict = ("VERIFIED", "bold green") if good else ("NOT VERIFIED", "bold red")
    out.print(Text.assemble(styled(incident.key, "bold"), "  ", verdict))
    for finding in findings:
        out.print(_line(finding))
    out.print(not_covered())
    if note:
        out.print(Text.assemble(("note: ", "bold"), styled(note)))
    return ExitCode.DONE if good else ExitCode.NO


def _line(finding: Finding) -> Group:
    if finding.holds is None:
        return Group(Text.assemble(("· ", "dim"), styled(f"not checked: {finding.claim}", "dim")))
    mark = ("✓ ", "green") if finding.holds else ("✗ ", "bold red")
    head = Text.assemble(mark, styled(finding.claim))
    if not finding.detail:
        return Group(head)
    detail = styled(finding.detail, "dim" if finding.holds else "red")
    return Group(head, Padding(detail, (0, 0, 0, 2), expand=False))


async def _policy(desk: Desk, incident: Incident) -> tuple[ConsensusPolicy | None, str]:
    name = incident.status.policy
    if not name:
        return None, ""
    desk.trying(f"read RemediationPolicy {name}")
    try:
        stored = await desk.cluster.get(kinds.REMEDIATION_POLICY, None, name)
    except (NotFound, Forbidden) as error:
        return None, f"policy {name} cannot be read ({error}): judged by the default quorum"
    return _read_policy(stored, desk.tried), ""


def _incidents(documents: Sequence[Object], path: Path, name: str | None, namespace: str | None) -> list[Object]:
    """At least one; exactly one when it is named (``NAME`` or ``NAMESPACE/NAME``)."""
    found = [d for d in documents if d.get("kind") == "Incident"]
    wanted = name
    if name is not None and "/" in name:
        namespace, _, wanted = name.partition("/")
    for field, value in (("name", wanted), ("namespace", namespace)):
        if value is not None:
            found = [d for d in found if (d.get("metadata") or {}).get(field) == value]
    if not found or (name is not None and len(found) > 1):
        what = f"{len(found)} Incidents" + (f" named {name}" if name else "")
        raise CommandError(
            f"find the Incident in {path}",
            what + (f" in namespace {namespace}" if namespace else ""),
            "say which: NAMESPACE/NAME, or -n NAMESPACE"
            if found
            else "export one: `kubectl get incident NAME -n NAMESPACE -o yaml > incident.yaml`, "
            "or name one of the file's",
        )
    return found


def _policy_of(incident: Incident, documents: Sequence[Object] | None, path: Path | None) -> ConsensusPolicy | None:
    name = incident.status.policy
    return _one_policy(documents, path, name) if documents is not None and path is not None and name else None


def _one_policy(documents: Sequence[Object], path: Path, name: str) -> ConsensusPolicy:
    found = [
        d for d in documents if d.get("kind") == "RemediationPolicy" and (d.get("metadata") or {}).get("name") == name
    ]
    if len(found) != 1:
        raise CommandError(
            f"find RemediationPolicy {name!r} in {path}",
            f"{len(found)} of that name",
            f"export it: `kubectl get remediationpolicy {name} -o yaml > policy.yaml`",
        )
    return _read_policy(found[0], f"read {path}")


def _read_policy(stored: Object, tried: str) -> ConsensusPolicy:
    try:
        return RemediationPolicy.model_validate(stored).spec.consensus
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        path = ".".join(str(part) for part in first["loc"])
        raise CommandError(tried, f"{path}: {first['msg']}", "correct the policy") from None
