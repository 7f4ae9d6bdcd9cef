"""Change points of series."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.series import CORRELATED, INDEPENDENT, false_alarms, points, steps_found
from incident_commander.api.statement import CitationKind
from incident_commander.evidence.series import Shape, Window, changes, moved_first, rates
from incident_commander.evidence.series.changes import Change
from incident_commander.ports import Query

SEEDS = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("name", sorted(INDEPENDENT))
def test_of_independent_noise_at_most_one_in_a_hundred_is_told_to_have_changed(name: str) -> None:
    # More than 5 of 150 at 1 % have a probability below 1 %.
    assert false_alarms(INDEPENDENT[name], seed=11, n=60, runs=150) <= 5 / 150


@pytest.mark.parametrize("name", sorted(CORRELATED))
def test_of_noise_with_a_long_memory_at_most_one_in_twenty_is(name: str) -> None:
    assert false_alarms(CORRELATED[name], seed=12, n=60, runs=100) <= 10 / 100


@pytest.mark.parametrize("name", ["normal", "heavy-tailed", "skewed"])
def test_a_step_that_stands_out_is_found_and_dated(name: str) -> None:
    found, dated = steps_found(INDEPENDENT[name], seed=13, n=60, after=10, height=8, runs=60)
    assert found >= 0.9
    assert dated >= 0.85


def test_a_step_has_direction_and_magnitude_in_both_units() -> None:
    chance = np.random.default_rng(5)
    values = np.concatenate([chance.normal(100, 2, 50), chance.normal(60, 2, 10)])
    change = changes(points(values))
    assert change is not None
    assert change.shape is Shape.STEP
    assert not change.up
    assert change.before == pytest.approx(100, abs=1)
    assert change.after == pytest.approx(60, abs=2)
    assert change.difference == pytest.approx(-40, abs=2)
    assert 12 < change.noises < 35
    assert change.earliest <= 50 * 30 <= change.latest


def test_a_ramp_is_told_as_what_goes_on() -> None:
    chance = np.random.default_rng(6)
    values = chance.normal(10, 0.5, 80)
    values[50:] += np.linspace(0, 15, 30)
    change = changes(points(values))
    assert change is not None
    assert change.shape is Shape.RAMP
    assert change.after == pytest.approx(25, abs=1.5)
    assert abs(change.at - 50 * 30) <= 6 * 30


def test_a_step_without_any_noise_is_found_and_its_magnitude_is_infinite() -> None:
    change = changes(points(np.array([1.0] * 20 + [2.0] * 5)))
    assert change is not None
    assert math.isinf(change.noises)
    assert change.words("replicas").startswith("1 → 2 replicas at 00:10:00Z (+1, steady before)")


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 9.0], [1.0] * 7 + [9.0] * 5, [1.0] * 20 + [9.0, 9.0]])
def test_too_few_points_are_no_statement(values: list[float]) -> None:
    assert changes(points(np.array(values))) is None


def test_a_change_outside_of_the_window_is_not_told() -> None:
    values = np.array([1.0] * 30 + [5.0] * 30)
    assert changes(points(values), Window(25 * 30, 59 * 30)) is not None
    assert changes(points(values), Window(45 * 30, 59 * 30)) is None
    assert changes(points(values), Window(0, 29 * 30)) is None


@given(SEEDS, st.floats(0.001, 1e6), st.floats(-1e6, 1e6), st.floats(0, 12))
@settings(max_examples=40, deadline=None)
def test_scale_and_offset_do_not_matter(seed: int, scale: float, offset: float, height: float) -> None:
    values = np.round(np.random.default_rng(seed).normal(size=60), 3)
    values[48:] += round(height, 3)
    one = changes(points(values))
    other = changes(points(np.round(values * 1000) * scale + offset))
    assert (one is None) == (other is None)
    if one is not None and other is not None:
        assert (one.shape, one.at, one.up) == (other.shape, other.at, other.up)
        assert other.difference == pytest.approx(one.difference * 1000 * scale, rel=1e-3, abs=abs(offset) * 1e-9)


@given(SEEDS, st.integers(0, 40), st.integers(1, 12))
@settings(max_examples=40, deadline=None)
def test_a_gap_takes_points_away_and_adds_no_change(seed: int, start: int, length: int) -> None:
    chance = np.random.default_rng(seed)
    values = np.concatenate([chance.normal(0, 1, 80), chance.normal(20, 1, 20)])
    whole = points(values)
    gapped = whole[:start] + whole[start + length :]
    holes = [(t, math.nan if start <= place < start + length else v) for place, (t, v) in enumerate(whole)]
    change = changes(gapped)
    assert change is not None
    assert change.earliest <= 80 * 30 <= change.latest + 30
    assert changes(holes) == change
    assert changes(list(reversed(gapped))) == change


def test_a_counter_that_is_reset_has_no_rate_there() -> None:
    counter = [(0.0, 0.0), (10.0, 100.0), (20.0, 200.0), (30.0, 5.0), (40.0, 105.0)]
    assert rates(counter) == [(10.0, 10.0), (20.0, 10.0), (40.0, 10.0)]


def _change(earliest: float, latest: float) -> Change:
    return Change(Shape.STEP, 0.0, 1.0, latest, earliest, latest, 9.0, 0.0)


def test_what_moved_first_is_told_as_far_as_the_samples_can_tell() -> None:
    told = moved_first({"errors": _change(100, 130), "memory": _change(0, 30), "cpu": _change(10, 40)})
    assert told == (("memory", "cpu"), ("errors",))
    assert moved_first({}) == ()


@given(st.dictionaries(st.text(max_size=3), st.tuples(st.floats(0, 100), st.floats(0, 30)), max_size=8))
def test_every_change_is_in_one_group_and_none_precedes_one_that_was_over_before(
    spans: dict[str, tuple[float, float]],
) -> None:
    told = {name: _change(start, start + length) for name, (start, length) in spans.items()}
    groups = moved_first(told)
    assert sorted(name for group in groups for name in group) == sorted(told)
    for place, group in enumerate(groups):
        later = [name for after in groups[place + 1 :] for name in after]
        assert not any(told[b].latest < told[a].earliest for a in group for b in later)


def test_a_change_is_cited_with_query_value_and_time() -> None:
    change = changes(points(np.array([1.0] * 20 + [2.0] * 5)))
    assert change is not None
    cited = change.cited(Query("container_cpu", "rate(x[5m])", unit="cores"))
    assert cited.kind is CitationKind.METRIC
    assert cited.ref == "rate(x[5m])"
    assert "1 → 2 cores at 00:10:00Z" in cited.value
