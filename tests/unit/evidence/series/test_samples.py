"""Points as arrays: what no Prometheus ever measured is left out before anything is computed of it."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from incident_commander.evidence.series.changes import changes
from incident_commander.evidence.series.samples import median, quantiles, samples

NUMBERS = st.floats() | st.floats(-1e12, 1e12)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e275, -1e101])
def test_what_is_no_measurement_is_left_out(value: float) -> None:
    assert samples([(10.0, 1.0), (20.0, value), (30.0, 2.0)])[1].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("at", [math.nan, math.inf, 1e12, -1e12])
def test_what_is_no_time_is_left_out(at: float) -> None:
    assert samples([(10.0, 1.0), (at, 5.0)])[1].tolist() == [1.0]


def test_of_points_in_one_millisecond_the_last_is_kept() -> None:
    assert samples([(10.0, 1.0), (10.0, 2.0), (10.0004, 3.0), (10.001, 4.0), (10.002, 5.0)])[1].tolist() == [4.0, 5.0]


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=40))
@example([(float(n), 1e99 * (-1) ** n) for n in range(20)])
@example([(2.2250738585e-313, 0.0), (4.1384063409129295e-299, 7439584669.0), *((float(n), 0.0) for n in range(1, 12))])
def test_whatever_the_points_are_their_changes_can_be_computed(points: list[tuple[float, float]]) -> None:
    changes(points)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1, max_size=60))
def test_the_median_is_numpys(values: list[float]) -> None:
    assert median(np.array(values)) == float(np.median(np.array(values)))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.floats(0, 1))
def test_quantiles_are_numpys(values: list[float], share: float) -> None:
    assert quantiles(np.array(values), share)[0] == pytest.approx(float(np.quantile(values, share)), abs=1e-6)
