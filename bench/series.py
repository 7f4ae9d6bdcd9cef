"""Change points: false alarms on noise of several kinds, and what of real steps and ramps is found, when."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from incident_commander.evidence.series import changes
from incident_commander.evidence.series.samples import Array

GOAL_FALSE_ALARMS = 0.01
GOAL_FALSE_ALARMS_CORRELATED = 0.05
GOAL_FOUND = 0.9
STEP_SECONDS = 30.0
Noise = Callable[[np.random.Generator, int], Array]


def _autoregressive(memory: float) -> Noise:
    def made(chance: np.random.Generator, n: int) -> Array:
        shocks = chance.normal(size=n + 50)
        values = np.zeros(n + 50)
        for place in range(1, n + 50):
            values[place] = memory * values[place - 1] + shocks[place]
        return values[50:]

    return made


def _waves(chance: np.random.Generator, n: int) -> Array:
    return np.sin(np.arange(n) / n * 6 * np.pi + chance.uniform(0, 6)) + 0.3 * chance.normal(size=n)


INDEPENDENT: Mapping[str, Noise] = {
    "normal": lambda r, n: r.normal(size=n),
    "heavy-tailed": lambda r, n: r.standard_t(2, size=n),
    "skewed": lambda r, n: r.lognormal(0, 1, n),
    "small counts": lambda r, n: r.poisson(0.3, n).astype(float),
    "spikes": lambda r, n: r.normal(size=n) + (r.random(n) < 0.05) * 20,
    "constant": lambda r, n: np.full(n, r.normal()),
}
CORRELATED: Mapping[str, Noise] = {
    "waves": _waves,
    "memory 0.5": _autoregressive(0.5),
    "memory 0.8": _autoregressive(0.8),
    "memory 0.95": _autoregressive(0.95),
    "random walk": lambda r, n: np.cumsum(r.normal(size=n)),
}


def points(values: Array) -> list[tuple[float, float]]:
    """A sample every ``STEP_SECONDS``."""
    return list(zip((np.arange(len(values)) * STEP_SECONDS).tolist(), values.tolist(), strict=True))


def false_alarms(noise: Noise, *, seed: int, n: int, runs: int) -> float:
    """Share of unchanged series that are told to have changed."""
    chance = np.random.default_rng(seed)
    return sum(changes(points(noise(chance, n))) is not None for _ in range(runs)) / runs


def steps_found(noise: Noise, *, seed: int, n: int, after: int, height: float, runs: int) -> tuple[float, float]:
    """Share of steps (of ``height`` robust standard deviations) found, and of those the share dated rightly."""
    chance = np.random.default_rng(seed)
    found = dated = 0
    for _ in range(runs):
        values = noise(chance, n)
        values[n - after :] += height * 1.4826 * float(np.median(np.abs(values - np.median(values))))
        change = changes(points(values))
        if change is not None and change.up:
            found += 1
            dated += change.earliest <= (n - after) * STEP_SECONDS <= change.latest
    return found / runs, dated / max(1, found)


def run(*, say: Callable[[str], None], runs: int = 150) -> dict[str, Any]:
    """All figures. Seeds are not those of the tests."""
    say("series: false alarms")
    alarms = {
        name: max(false_alarms(noise, seed=101 + n, n=n, runs=runs) for n in (30, 60, 120))
        for name, noise in {**INDEPENDENT, **CORRELATED}.items()
    }
    say("series: steps")
    steps = {
        f"{name}, {after} points": steps_found(noise, seed=202, n=60, after=after, height=8, runs=runs)
        for name, noise in list(INDEPENDENT.items())[:3]
        for after in (5, 10, 30)
    }
    began = time.process_time()
    false_alarms(INDEPENDENT["normal"], seed=3, n=120, runs=100)
    return {
        "false_alarms": alarms,
        "steps_found_and_dated": steps,
        "milliseconds_per_series": round((time.process_time() - began) * 10, 2),
        "worst_independent": max(alarms[name] for name in INDEPENDENT),
        "worst_correlated": max(alarms[name] for name in CORRELATED),
        "worst_found_of_10_points": min(found for name, (found, _) in steps.items() if "10 points" in name),
    }


if __name__ == "__main__":
    print(json.dumps(run(say=lambda line: print(line, file=sys.stderr)), indent=2))
