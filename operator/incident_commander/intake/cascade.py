"""Cascades: which open Incident is the effect of which other one, by topology, time and labels.

An effect keeps its Incident and its alerts: it only waits for its root. So a wrong decision hides nothing; it costs
time. It is taken only where a chain of links leads from the effect to the root, both began at about the same time,
and the effect's alerts are not about something of its own (its image, its memory, its volume).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from incident_commander.evidence.dependencies import Link, Relation

CAUSE_TOLD_LATER = timedelta(minutes=10)
"""How much later than its effect a cause may be told: its alert rule may wait longer (``for``)."""
CAUSE_TOLD_BEFORE = timedelta(minutes=15)
SILENT_HOPS = 1
"""Objects without an Incident that a chain may lead through, one after the other."""

_OF_ITS_OWN = re.compile(
    r"oom|memory|image|pull|throttl|disk|volume|filesystem|inode|cert|quota|config|secret|rollout|generation|cpu|evict"
    r"|job(?:failed|notcompleted)|version|leak",
    re.IGNORECASE,
)
"""In the names of alerts: troubles that do not come from what the object calls, when all are such."""
_EXPLAINS_ITSELF = re.compile(r"oom|image|pull|secret|config|cert|quota", re.IGNORECASE)
"""One of these is enough: it explains the others, a crash loop for example."""
_NOT_YET = re.compile(r"soon|near|almost|predict|fillingup|expir|overcommit|job(?:failed|notcompleted)", re.IGNORECASE)
"""Forecasts, and what is about nothing that serves: nobody suffers from these alone."""


@dataclass(frozen=True, slots=True)
class Member:
    """An open Incident. ``target``: ``Kind/namespace/name``; ``began``: its first alert; ``alerts``: their names."""

    key: str
    target: str
    began: datetime
    alerts: frozenset[str]


@dataclass(frozen=True, slots=True)
class Effect:
    """``member`` is an effect of ``root``, by the chain of links from the one's target to the other's."""

    member: Member
    root: Member
    chain: tuple[Link, ...]

    def words(self) -> str:
        """Why, for the Incident."""
        steps = "; ".join(f"{link.effect} {link.relation.value} {link.cause} ({link.words})" for link in self.chain)
        seconds = (self.member.began - self.root.began).total_seconds()
        when = f"{abs(seconds):.0f} s {'before' if seconds >= 0 else 'after'} this one"
        return f"effect of Incident {self.root.key} about {self.root.target}, which began {when}: {steps}"


Needs = Mapping[str, Sequence[Link]]
"""By object, the links that lead from it to what it needs."""


def effect_of(member: Member, others: Iterable[Member], links: Sequence[Link] | Needs) -> Effect | None:
    """The root that the Incident is an effect of, or None: then it is looked into by itself.

    Of several possible roots, which are no effects themselves, the one is taken that explains most of the other
    Incidents; among those the nearest, then the one that began at most nearly the same time.
    """
    members: dict[str, Member] = {}
    for other in others:
        held = members.get(other.target)
        if held is None or (other.began, other.key) < (held.began, held.key):
            members[other.target] = other
    members[member.target] = member
    needs = links if isinstance(links, Mapping) else needs_of(links)
    reached = _reached(member, members, needs)
    candidates = [(members[target], chain) for target, chain in reached.items() if _may_cause(members[target], member)]
    roots = [(root, chain) for root, chain in candidates if not _has_cause(root, member, members, needs)]
    if not roots:
        return None
    explained = _explained([root for root, _ in roots], members, needs)
    root, chain = min(
        roots, key=lambda one: (-explained[one[0].key], len(one[1]), abs(one[0].began - member.began), one[0].key)
    )
    return Effect(member, root, chain)


def needs_of(links: Sequence[Link]) -> Needs:
    """The links arranged for ``effect_of``: worth doing once when many Incidents are asked about."""
    found: dict[str, list[Link]] = {}
    for link in links:
        found.setdefault(link.effect, []).append(link)
    return found


def _reached(start: Member, members: Mapping[str, Member], needs: Needs) -> dict[str, tuple[Link, ...]]:
    """Targets of other Incidents that chains of links lead to, each with a shortest chain."""
    found: dict[str, tuple[Link, ...]] = {}
    waiting: deque[tuple[str, tuple[Link, ...], int]] = deque([(start.target, (), 0)])
    seen = {(start.target, 0)}
    while waiting:
        at, chain, silent = waiting.popleft()
        own = members[at].alerts if at in members else frozenset[str]()
        for link in needs.get(at, ()):
            if link.relation is Relation.CALLS and _is_its_own(own):
                continue
            told = link.cause in members
            hops = 0 if told else silent + 1
            if hops > SILENT_HOPS or (link.cause, hops) in seen or link.cause == start.target:
                continue
            seen.add((link.cause, hops))
            further = (*chain, link)
            if told:
                found.setdefault(link.cause, further)
            waiting.append((link.cause, further, hops))
    return found


def _is_its_own(names: frozenset[str]) -> bool:
    return any(map(_EXPLAINS_ITSELF.search, names)) or (bool(names) and all(map(_OF_ITS_OWN.search, names)))


def _may_cause(cause: Member, effect: Member) -> bool:
    if cause.alerts and all(map(_NOT_YET.search, cause.alerts)):
        return False
    ahead = effect.began - cause.began
    return -CAUSE_TOLD_LATER <= ahead <= CAUSE_TOLD_BEFORE


def _explained(roots: Sequence[Member], members: Mapping[str, Member], needs: Needs) -> Mapping[str, int]:
    """By key of a root, how many Incidents may be its effects."""
    if len(roots) == 1:
        return {roots[0].key: 0}
    found = dict.fromkeys((root.key for root in roots), 0)
    for other in members.values():
        reached = _reached(other, members, needs)
        for root in roots:
            found[root.key] += root.target in reached and _may_cause(root, other)
    return found


def _has_cause(one: Member, member: Member, members: Mapping[str, Member], needs: Needs) -> bool:
    """Whether it is an effect itself. Of those that need each other the one that began first is the root."""
    for target in _reached(one, members, needs):
        other = members[target]
        if not _may_cause(other, one):
            continue
        if one.target in _reached(other, members, needs) and (one.began, one.key) <= (other.began, other.key):
            continue
        return True
    return False
