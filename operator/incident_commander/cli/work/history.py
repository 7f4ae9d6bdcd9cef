"""verify of an exported history: a line for each Incident, the verdict first, and a count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console, Group
from rich.padding import Padding
from rich.text import Text

from incident_commander.api.agent import Agent
from incident_commander.api.incident import Incident
from incident_commander.api.policy import ConsensusPolicy
from incident_commander.cli.options import Output
from incident_commander.cli.render.text import styled
from incident_commander.cli.work.desk import read_incident
from incident_commander.cli.work.failure import CommandError, ExitCode
from incident_commander.cli.work.printing import print_data
from incident_commander.consensus.audit import NOT_COVERED, audit, nothing_decided
from incident_commander.ports import Object


@dataclass(frozen=True, slots=True)
class _Verdict:
    """``false``: the first claim that is not so; empty when all hold."""

    incident: str
    false: str


def verify_all(
    out: Console,
    stored: Sequence[Object],
    agents: Sequence[Agent],
    policy_of: Callable[[Incident], ConsensusPolicy | None],
    note: str,
    output: Output,
) -> ExitCode:
    """Judge each that was certified or acted on; the others decided nothing, and are counted.

    Raises CommandError when a policy is not to be had.
    """
    verdicts: list[_Verdict] = []
    open_: list[str] = []
    for item in stored:
        try:
            incident = read_incident(item, "read it")
        except CommandError as error:
            verdicts.append(_Verdict(_key(item), f"not readable: {error.found}"))
            continue
        if nothing_decided(incident):
            open_.append(incident.key)
            continue
        findings = audit(incident, agents, policy_of(incident))
        false = next((f for f in findings if not f.holds), None)
        verdicts.append(_Verdict(incident.key, f"{false.claim}: {false.detail}" if false else ""))
    if not verdicts:
        return undecided(out, open_, output)
    failed = sum(bool(v.false) for v in verdicts)
    if output is not Output.TABLE:
        each: list[Any] = [{"incident": v.incident, "verified": not v.false, "firstFalse": v.false} for v in verdicts]
        print_data(
            out,
            {"verified": not failed, "incidents": each, "undecided": open_, "notCovered": "; ".join(NOT_COVERED)},
            output,
        )
        return ExitCode.NO if failed else ExitCode.DONE
    count = f"{len(verdicts) - failed} of {len(verdicts)} verified"
    head = ("VERIFIED", "bold green") if not failed else ("NOT VERIFIED", "bold red")
    out.print(Text.assemble(head, f"  {count}" + (f"; in {len(open_)} more nothing was decided" if open_ else "")))
    for verdict in verdicts:
        mark = ("✗ NOT VERIFIED  ", "bold red") if verdict.false else ("✓ VERIFIED  ", "green")
        why = f"  {verdict.false}" if verdict.false else ""
        out.print(Text.assemble(mark, styled(verdict.incident, "bold"), styled(why)), soft_wrap=True)
    out.print(not_covered())
    if note:
        out.print(Text.assemble(("note: ", "bold"), note))
    return ExitCode.NO if failed else ExitCode.DONE


def not_covered() -> Group:
    """What a verdict says nothing about, line by line."""
    lines = (Padding(Text(f"· {line}"), (0, 0, 0, 2), expand=False) for line in NOT_COVERED)
    return Group(Text("not covered, since no vote signs it:", "bold"), *lines)


def undecided(out: Console, keys: Sequence[str], output: Output) -> ExitCode:
    """Say that there is nothing to verify: neither a success nor a failure."""
    if output is not Output.TABLE:
        print_data(out, {"verified": None, "incidents": [], "undecided": list(keys)}, output)
        return ExitCode.UNDECIDED
    what = keys[0] if len(keys) == 1 else f"{len(keys)} Incidents"
    out.print(Text.assemble(styled(what, "bold"), "  ", ("NOTHING DECIDED YET", "bold yellow")))
    out.print("No plan was certified and none was carried out, so there is nothing to verify, and nothing is wrong.")
    return ExitCode.UNDECIDED


def _key(item: Object) -> str:
    metadata = item.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    return f"{metadata.get('namespace', '?')}/{metadata.get('name', '?')}"
