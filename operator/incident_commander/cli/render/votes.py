"""Who voted how and why, and what it adds up to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from incident_commander.api.incident import Certificate, Consensus, PastRound, RecordedVote, RoundDecision
from incident_commander.api.statement import Decision
from incident_commander.cli.render.text import clock, moment, safe, styled

MAX_REASON = 160
"""Characters of a vote's reason that are shown."""
_MARK: Mapping[Decision, tuple[str, str]] = {
    Decision.APPROVE: ("✓ approve", "green"),
    Decision.REJECT: ("✗ reject", "red"),
    Decision.ABSTAIN: ("- abstain", "yellow"),
}
_DECISION_STYLE: Mapping[RoundDecision, str] = {
    RoundDecision.CERTIFIED: "bold green",
    RoundDecision.REJECTED: "bold red",
    RoundDecision.EXPIRED: "bold yellow",
    RoundDecision.STALE: "bold yellow",
    RoundDecision.OUTDATED: "bold yellow",
    RoundDecision.OPEN: "bold",
}


def votes_view(consensus: Consensus) -> RenderableType:
    """Every member with its vote, what was needed, how the round ended, and the certificate if there is one."""
    if not consensus.round:
        return Text("No round was opened.", style="dim")
    approvals = sum(v.decision is Decision.APPROVE for v in consensus.votes)
    verdict = Text.assemble(
        (f"Round {consensus.round}: ", "bold"),
        (consensus.decision.value, _DECISION_STYLE[consensus.decision]),
        f"  {approvals} of {len(consensus.members)} approve; {consensus.quorum} must, "
        f"so that {consensus.faults} may be faulty",
    )
    if consensus.decision is RoundDecision.OPEN and consensus.deadline is not None:
        verdict.append(f"; open until {clock(consensus.deadline)}")
    parts: list[RenderableType] = [verdict, _table(consensus)]
    if consensus.certificate is not None:
        parts.append(certificate_line(consensus.certificate))
    parts += [_past(past) for past in consensus.history]
    return Group(*parts)


def certificate_line(certificate: Certificate) -> Text:
    """One line: what is certified, by how many, until when."""
    return Text.assemble(
        ("Certificate ", "bold"),
        styled(certificate.plan_digest[:19] + "…"),
        f"  {len(certificate.envelopes)} signed approvals, valid until {moment(certificate.expires_at)}",
    )


def _table(consensus: Consensus) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    cast = _by_agent(consensus.votes)
    for member in consensus.members:
        vote = cast.get(member.agent)
        if member.quarantined:
            shown, why = styled("! quarantined", "bold red"), "its vote does not count"
        elif vote is None:
            shown, why = styled("· no vote", "dim"), "none that verifies was found"
        else:
            shown, why = Text(*_MARK[vote.decision]), f"{vote.reason}: {vote.message}" if vote.message else vote.reason
        table.add_row(styled(member.agent), shown, styled(why, limit=MAX_REASON))
    return table


def _by_agent(votes: Sequence[RecordedVote]) -> dict[str, RecordedVote]:
    return {vote.agent: vote for vote in votes}


def _past(past: PastRound) -> Text:
    return Text(
        safe(
            f"Round {past.round} before: {past.decision} ({past.runbook or 'no runbook'}; "
            f"{past.approvals} approved, {past.rejections} rejected). {past.message}"
        ),
        style="dim",
    )
