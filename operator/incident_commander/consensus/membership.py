"""Who may vote in a round, how many faulty ones are tolerated, and how many must agree.

With n members, f = floor((n-1)/3) of them may be Byzantine. A decision needs q = ceil((n+f+1)/2) equal
votes: two sets of q members then share at least 2q-n >= f+1 of them, so at least one honest agent, and
an honest agent votes once a round (Castro and Liskov, "Practical Byzantine Fault Tolerance", 1999).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from incident_commander.api.agent import Agent
from incident_commander.api.incident import Member
from incident_commander.consensus.envelope import CLOCK_SKEW, key_counts
from incident_commander.errors import TooFewAgents

MIN_MEMBERS = 4
"""The smallest n that tolerates one Byzantine member."""


def members_of(agents: Sequence[Agent], now: datetime) -> list[Member]:
    """The agents with a key that counts at ``now``, sorted by name. Fixed for a round once it is opened.

    Quarantined agents stay members: quarantine takes a vote away and never lowers n or the quorum.
    """
    members = []
    for agent in sorted(agents, key=lambda a: a.metadata.name):
        keys = [key.key_id for key in agent.spec.public_keys if key_counts(key, now)]
        if keys:
            members.append(
                Member(
                    agent=agent.metadata.name,
                    role=agent.spec.role,
                    key_ids=keys,
                    quarantined=is_quarantined(agent, now),
                )
            )
    return members


def is_quarantined(agent: Agent, at: datetime) -> bool:
    """Whether its votes count for nothing at that time."""
    quarantine = agent.status.quarantine
    return quarantine is not None and quarantine.since <= at + CLOCK_SKEW


def tolerated_faults(n: int) -> int:
    """f: how many of n members may behave in any way at all."""
    return (n - 1) // 3


def quorum(n: int, minimum: int | None = None) -> int:
    """How many equal votes decide. ``minimum`` (of a policy) may only raise it.

    A minimum above n can never be met: nothing is ever certified, which is what was asked for.
    Raises TooFewAgents below four members.
    """
    if n < MIN_MEMBERS:
        raise TooFewAgents(n, MIN_MEMBERS)
    default = -((n + tolerated_faults(n) + 1) // -2)
    return max(default, minimum or 0)
