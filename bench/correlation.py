"""Cascades of several incidents at a time, interleaved: do the alerts end in the Incidents that they belong to?

Topologies are random; the thresholds were set with seeds below 1,000, the figures are of seeds from 1,000 on.
"""

from __future__ import annotations

import itertools
import json
import math
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from incident_commander.api import kinds
from incident_commander.evidence.dependencies import Link, links
from incident_commander.intake.cascade import Member, effect_of, needs_of

GOAL_RAND = 0.95
GOAL_COMPRESSION = 0.9
GOAL_STORM_SECONDS = 5.0
STORM_ALERTS = 10_000
HELD_OUT = range(1000, 1040)
START = datetime(2026, 1, 31, 12, tzinfo=UTC)
_SYMPTOMS = ("HighErrorRate", "HighLatency", "ReplicasMismatch", "PodNotReady", "PodCrashLooping", "ProbeFailing")
_OWN = ("PodOOMKilled", "ImagePullBackOff", "CPUThrottlingHigh", "PodCrashLooping")
_NOISE = ("CPUThrottlingHigh", "MemoryNearLimit", "CertExpiresSoon", "JobFailed", "HighLatency")


@dataclass(frozen=True, slots=True)
class Firing:
    """An alert as it arrives. ``truth``: the incident it belongs to."""

    at: datetime
    starts: datetime
    target: str
    name: str
    truth: str


class World:
    """Deployments in layers that call each other through Services, on nodes; and what fails in it."""

    def __init__(self, seed: int, namespace: str = "shop") -> None:
        self.chance = random.Random(seed)
        self.namespace = namespace
        layers = [[f"s{layer}-{n}" for n in range(self.chance.randrange(4, 9))] for layer in range(4)]
        self.names = [name for layer in layers for name in layer]
        self.nodes = [f"{namespace}-node-{n}" for n in range(self.chance.randrange(8, 16))]
        self.calls: dict[str, list[str]] = {name: [] for name in self.names}
        for above, below in itertools.pairwise(layers):
            for name in above:
                self.calls[name] = self.chance.sample(below, k=self.chance.choice((0, 1, 1, 2)))
        self.placed = {name: self.chance.choice(self.nodes) for name in self.names}
        self.sick_nodes: set[str] = set()
        self.firings: list[Firing] = []
        for number, root in enumerate(self._roots()):
            begins = START + timedelta(seconds=self.chance.uniform(0, 900))
            self._break(f"{self.namespace}-incident-{number}", root, begins)
        self._add_noise()
        self._duplicate()
        self.firings.sort(key=lambda firing: (firing.at, firing.target, firing.name))

    def _target(self, name: str) -> str:
        return f"Deployment/{self.namespace}/{name}"

    def _roots(self) -> list[str]:
        """Of which none is hit by another: what belongs to two incidents has no one answer."""
        found: list[str] = []
        taken: set[str] = set()
        for root in self.chance.sample([*self.names, *(f"Node:{node}" for node in self.nodes)], k=len(self.names)):
            hit = self._hit(root)
            if not hit & taken and len(found) < 4:
                found.append(root)
                taken |= hit
        return found

    def _hit(self, root: str) -> set[str]:
        first = {name for name, node in self.placed.items() if f"Node:{node}" == root} or {root}
        hit, waiting = set(first) | {root}, list(first)
        while waiting:
            at = waiting.pop()
            for caller in (name for name, called in self.calls.items() if at in called and name not in hit):
                hit.add(caller)
                waiting.append(caller)
        return hit

    def _break(self, truth: str, root: str, at: datetime) -> None:
        if root.startswith("Node:"):
            node = root.removeprefix("Node:")
            self.sick_nodes.add(node)
            self._fire(truth, f"Node/{node}", ("NodeNotReady", "NodeUnreachable"), at)
            for name in (name for name, place in self.placed.items() if place == node):
                self._spread(truth, name, at + timedelta(seconds=self.chance.uniform(5, 60)), set())
        else:
            self._fire(truth, self._target(root), self.chance.sample(_OWN, k=2), at)
            self._spread(truth, root, at, {root})

    def _spread(self, truth: str, name: str, at: datetime, told: set[str]) -> None:
        if name not in told:
            told.add(name)
            if self.chance.random() < 0.9:
                self._fire(truth, self._target(name), self.chance.sample(_SYMPTOMS, k=self.chance.randrange(2, 5)), at)
        for caller in (caller for caller, called in self.calls.items() if name in called and caller not in told):
            if self.chance.random() < 0.8:
                self._spread(truth, caller, at + timedelta(seconds=self.chance.uniform(2, 60)), told)

    def _fire(self, truth: str, target: str, names: Sequence[str], at: datetime) -> None:
        """Each rule waits for as long as its ``for``; each pod of the target has an alert of its own."""
        for name in names:
            for _ in range(self.chance.randrange(1, 4)):
                starts = at + timedelta(seconds=self.chance.choice((0, 60, 120, 300)) + self.chance.uniform(0, 30))
                arrives = starts + timedelta(seconds=self.chance.uniform(0, 45))
                self.firings.append(Firing(arrives, starts, target, name, truth))

    def _add_noise(self) -> None:
        hit = {firing.target for firing in self.firings}
        calm = [name for name in self.names if self._target(name) not in hit]
        for number, name in enumerate(self.chance.sample(calm, k=min(3, len(calm)))):
            at = START + timedelta(seconds=self.chance.uniform(0, 1800))
            self._fire(f"{self.namespace}-noise-{number}", self._target(name), self.chance.sample(_NOISE, k=1), at)

    def _duplicate(self) -> None:
        again = self.chance.choices(self.firings, k=len(self.firings))
        for firing in again:
            late = firing.at + timedelta(seconds=self.chance.uniform(30, 600))
            self.firings.append(Firing(late, firing.starts, firing.target, firing.name, firing.truth))

    def links(self) -> tuple[Link, ...]:
        """As they are read from the objects."""
        pods, services, deployments = [], [], []
        for name in self.names:
            meta = {"namespace": self.namespace, "labels": {"app": name}}
            owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{name}-abc", "controller": True}
            ready = "False" if self.placed[name] in self.sick_nodes else "True"
            pods.append(
                {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "metadata": {**meta, "name": f"{name}-abc-x", "ownerReferences": [owner]}
                    | {"labels": {"app": name, "pod-template-hash": "abc"}},
                    "spec": {"nodeName": self.placed[name], "containers": [{"name": "app"}]},
                    "status": {"conditions": [{"type": "Ready", "status": ready}]},
                }
            )
            env = [{"name": f"UPSTREAM_{n}_URL", "value": f"http://{c}:80/api"} for n, c in enumerate(self.calls[name])]
            template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", "env": env}]}}
            deployments.append(
                {
                    "apiVersion": "apps/v1",
                    "kind": "Deployment",
                    "metadata": {**meta, "name": name},
                    "spec": {"selector": {"matchLabels": {"app": name}}, "template": template},
                }
            )
            services.append(
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "metadata": {**meta, "name": name},
                    "spec": {"selector": {"app": name}},
                }
            )
        return links(
            {kinds.POD.resource: pods, kinds.SERVICE.resource: services, kinds.DEPLOYMENT.resource: deployments}
        )


def correlate(firings: Sequence[Firing], known: Sequence[Link]) -> dict[str, str]:
    """By target, the target of the Incident that stands for it, after all alerts have come, one after the other."""
    members: dict[str, Member] = {}
    for firing in firings:
        before = members.get(firing.target)
        began = min(before.began, firing.starts) if before else firing.starts
        names = (before.alerts if before else frozenset[str]()) | {firing.name}
        members[firing.target] = Member(f"shop/{firing.target}", firing.target, began, names)
    roots: dict[str, str] = {}
    needs = needs_of(known)
    for target, member in members.items():
        effect = effect_of(member, [other for other in members.values() if other is not member], needs)
        roots[target] = effect.root.target if effect is not None else target
    return roots


def adjusted_rand(one: Sequence[str], other: Sequence[str]) -> float:
    """Hubert and Arabie's index of two partitions: 1 equal, 0 as alike as chance makes them."""

    def pairs(counts: Counter[Any]) -> int:
        return sum(math.comb(n, 2) for n in counts.values())

    both, first, second = pairs(Counter(zip(one, other, strict=True))), pairs(Counter(one)), pairs(Counter(other))
    expected = first * second / math.comb(len(one), 2)
    most = (first + second) / 2
    return 1.0 if most == expected else (both - expected) / (most - expected)


def measure(seed: int) -> tuple[float, float, int]:
    """Adjusted Rand index, compression, number of alerts."""
    world = World(seed)
    roots = correlate(world.firings, world.links())
    index = adjusted_rand([f.truth for f in world.firings], [roots[f.target] for f in world.firings])
    return index, 1 - len(set(roots.values())) / len(world.firings), len(world.firings)


def storm(alerts: int = STORM_ALERTS) -> tuple[float, float]:
    """CPU seconds and adjusted Rand index of one storm: many namespaces of one cluster fail in the same half hour."""
    worlds: list[World] = []
    while sum(len(world.firings) for world in worlds) < alerts:
        worlds.append(World(HELD_OUT.start + len(worlds), f"team-{len(worlds)}"))
    firings = sorted((f for world in worlds for f in world.firings), key=lambda f: (f.at, f.target, f.name))[:alerts]
    known = tuple(link for world in worlds for link in world.links())
    began = time.process_time()
    roots = correlate(firings, known)
    seconds = time.process_time() - began
    return seconds, adjusted_rand([f.truth for f in firings], [roots[f.target] for f in firings])


def run(*, say: Callable[[str], None], seeds: Sequence[int] = HELD_OUT) -> dict[str, Any]:
    """All figures."""
    say(f"correlation: {len(seeds)} worlds")
    began = time.process_time()
    found = [measure(seed) for seed in seeds]
    indices = sorted(index for index, _, _ in found)
    seconds = time.process_time() - began
    say(f"correlation: a storm of {STORM_ALERTS:,} alerts")
    storm_seconds, storm_rand = storm()
    return {
        "adjusted_rand_mean": round(statistics.mean(indices), 4),
        "adjusted_rand_worst": round(indices[0], 4),
        "compression": round(1 - sum(n * (1 - c) for _, c, n in found) / sum(n for *_, n in found), 4),
        "alerts": sum(n for *_, n in found),
        "seconds": round(seconds, 2),
        "storm_alerts": STORM_ALERTS,
        "storm_cpu_seconds": round(storm_seconds, 2),
        "storm_adjusted_rand": round(storm_rand, 4),
    }


if __name__ == "__main__":
    tuning = range(40) if "--tuning" in sys.argv else HELD_OUT
    print(json.dumps(run(say=lambda line: print(line, file=sys.stderr), seeds=tuning), indent=2))
