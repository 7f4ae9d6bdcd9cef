"""The robust trend and its interval."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incident_agents.prediction.trend import MAX_POINTS, MIN_POINTS, split, thin, trend


def noisy(slope: float, count: int, noise: float, rng: random.Random, memory: float = 0.0) -> list[tuple[float, float]]:
    """A line with AR(1) noise."""
    error, points = 0.0, []
    for n in range(count):
        error = memory * error + rng.gauss(0, noise)
        points.append((n * 15.0, 1000 + slope * n * 15.0 + error))
    return points


def test_fewer_points_than_eight_are_no_trend() -> None:
    assert trend([(float(n), float(n)) for n in range(MIN_POINTS - 1)]) is None
    assert trend([]) is None


def test_values_that_are_no_numbers_do_not_count() -> None:
    points = [(float(n), math.inf if n % 2 else float(n)) for n in range(14)]
    assert trend(points) is None


@given(slope=st.floats(-100, 100), start=st.floats(0, 1e6), count=st.integers(MIN_POINTS, 60))
@settings(max_examples=50)
def test_a_straight_line_is_found_exactly(slope: float, start: float, count: int) -> None:
    low = min(0.0, slope * count * 10)
    points = [(n * 10.0, start - low + 1e7 + slope * n * 10.0) for n in range(count)]
    found = trend(points)
    assert found is not None
    assert found.slope == pytest.approx(slope, abs=1e-3)
    assert found.low <= found.slope <= found.high


@given(wild=st.lists(st.tuples(st.integers(0, 39), st.floats(0, 1e9)), max_size=8))
@settings(max_examples=50)
def test_a_fifth_of_wild_points_hardly_moves_the_slope(wild: list[tuple[int, float]]) -> None:
    points = [(n * 15.0, 1e9 + 1000.0 * n * 15.0) for n in range(40)]
    for index, value in wild:
        points[index] = (points[index][0], 1e9 + value)
    found = trend(points)
    assert found is not None
    assert found.slope == pytest.approx(1000.0, rel=0.5)


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.7])
def test_the_interval_holds_the_truth_as_often_as_it_says(memory: float) -> None:
    """95 % nominal, with noise that remembers; at most a tenth may miss over 150 seeded runs."""
    rng = random.Random(7)
    hits = 0
    for _ in range(150):
        found = trend(noisy(0.5, 60, 20.0, rng, memory))
        assert found is not None
        hits += found.low <= 0.5 <= found.high
    assert hits >= 135


def test_noise_without_a_trend_has_no_certain_sign() -> None:
    rng = random.Random(11)
    uncertain = sum(not found.sign_is_certain for _ in range(100) if (found := trend(noisy(0.0, 60, 20.0, rng))))
    assert uncertain >= 90


def test_a_restarted_container_does_not_hide_its_leak() -> None:
    points = [(n * 15.0, 1e8 + (n % 40) * 2e6) for n in range(120)]
    found = trend(points)
    assert found is not None
    assert found.slope == pytest.approx(2e6 / 15)
    assert found.low > 0
    assert found.level == pytest.approx(1e8 + 39 * 2e6, rel=0.01)


def test_equal_values_are_a_slope_of_zero() -> None:
    found = trend([(n * 15.0, 5.0) for n in range(20)])
    assert found is not None
    assert (found.slope, found.sign_is_certain) == (0.0, False)


def test_a_large_fall_begins_a_new_segment_and_a_small_one_does_not() -> None:
    assert [len(s) for s in split([(0, 10), (1, 11), (2, 2), (3, 3)])] == [2, 2]
    assert [len(s) for s in split([(0, 10), (1, 11), (2, 9)])] == [3]


@given(st.integers(0, 5000))
def test_thinning_keeps_the_last_point_and_the_bound(count: int) -> None:
    points = [(float(n), float(n)) for n in range(count)]
    kept = thin(points)
    assert len(kept) <= MAX_POINTS
    assert not points or kept[-1] == points[-1]


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(-1e12, 1e12)), max_size=40))
@settings(max_examples=100)
def test_no_series_makes_it_fail(points: list[tuple[float, float]]) -> None:
    found = trend(sorted(points))
    assert found is None or found.low <= found.slope <= found.high
