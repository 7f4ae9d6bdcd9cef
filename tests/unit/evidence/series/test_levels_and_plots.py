"""What is full, what differs from its siblings, and how a series looks."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from incident_commander.evidence.series import Window, outliers, plot, saturated, sparkline


def series(*values: float) -> list[tuple[float, float]]:
    return [(n * 30.0, value) for n, value in enumerate(values)]


def test_full_is_what_is_full_most_of_the_time_and_at_the_end() -> None:
    found = saturated(series(0.1, 0.2, 0.95, 0.97, 0.99, 0.7, 0.98, 0.96), 1.0)
    assert found is not None
    assert (round(found.level, 2), found.peak, found.since) == (0.97, 0.99, 60.0)
    assert found.words() == "97% of its limit 1 (peak 99%), 62% of the time"


def test_what_was_full_and_is_not_any_more_is_not_full() -> None:
    assert saturated(series(0.95, 0.97, 0.99, 0.98, 0.99, 0.2, 0.2, 0.2), 1.0) is None


def test_without_points_or_limit_nothing_is_told() -> None:
    assert saturated(series(1.0, 1.0), 1.0) is None
    assert saturated([], 1.0) is None
    for limit in (0.0, -1.0, math.nan, math.inf):
        assert saturated(series(1.0, 1.0, 1.0), limit) is None
    assert saturated(series(1.0, 1.0, 1.0, 1.0), 1.0, Window(1000, 2000)) is None


def noisy(level: float, seed: int) -> list[tuple[float, float]]:
    return series(*np.random.default_rng(seed).normal(level, 1.0, 20).tolist())


def test_the_sibling_that_differs_is_named_with_what_is_usual() -> None:
    pods = {f"pod-{n}": noisy(10, n) for n in range(5)} | {"pod-5": noisy(40, 9)}
    (found,) = outliers(pods)
    assert found.name == "pod-5"
    assert 38 < found.value < 42
    assert 9 < found.usual < 11
    assert found.noises > 6


def test_among_two_and_among_two_halves_nobody_is_the_odd_one() -> None:
    assert outliers({"a": noisy(10, 1), "b": noisy(90, 2)}) == ()
    halves = {f"a{n}": noisy(10, n) for n in range(3)} | {f"b{n}": noisy(90, n + 5) for n in range(3)}
    assert outliers(halves) == ()


def test_siblings_without_data_do_not_count() -> None:
    pods = {"a": noisy(10, 1), "b": noisy(10, 2), "c": noisy(50, 3), "silent": []}
    assert [one.name for one in outliers(pods)] == ["c"]
    del pods["b"]
    assert outliers(pods) == ()


def test_alike_siblings_are_rarely_told_apart() -> None:
    told = sum(bool(outliers({f"p{n}": noisy(10, 100 * run + n) for n in range(6)})) for run in range(200))
    assert told <= 2


def test_a_sparkline_shows_height_and_leaves_gaps_blank() -> None:
    line = sparkline([(0.0, 0.0), (10.0, 5.0), (90.0, 10.0), (100.0, 0.0)], width=10)
    assert line == "▁▅       █"
    assert sparkline([(0.0, 0.0), (10.0, 5.0), (90.0, 10.0), (100.0, 0.0)], width=10, ascii_only=True) == "_=       #"
    assert sparkline([]) == ""


def test_a_plot_has_its_bounds_times_and_a_mark() -> None:
    lines = plot(series(1.0, 1.0, 1.0, 9.0), unit="cores", at=90.0, width=60)
    assert lines[0].startswith("1 ▁")
    assert lines[0].endswith("█ 9 cores")
    assert "00:00:00Z" in lines[1]
    assert "^" in lines[1]


@given(
    st.lists(st.tuples(st.floats(0, 1e9), st.floats(allow_nan=True, allow_infinity=True)), max_size=40),
    st.integers(30, 120),
    st.booleans(),
)
def test_whatever_the_points_a_plot_is_not_wider_than_asked(
    points: list[tuple[float, float]], width: int, ascii_only: bool
) -> None:
    for line in plot(points, unit="B", width=width, ascii_only=ascii_only):
        assert len(line) <= width
        assert not ascii_only or line.isascii()
