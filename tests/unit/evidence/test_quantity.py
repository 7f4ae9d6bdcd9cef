"""Kubernetes quantities: exact in, exact out."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_commander.api.quantity import format_cpu, format_memory, parse_quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", "0"),
        ("100m", "0.1"),
        ("1.5", "1.5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("-2", "-2"),
        ("512Mi", str(512 * 1024**2)),
        ("1.5Gi", str(1536 * 1024**2)),
        ("1k", "1000"),
        ("1E", "1000000000000000000"),
        ("1E3", "1000"),
        ("12e-3", "0.012"),
        ("1Ei", str(1024**6)),
        ("500n", "0.0000005"),
    ],
)
def test_every_suffix_has_its_meaning(text: str, value: str) -> None:
    assert parse_quantity(text) == Decimal(value)


@pytest.mark.parametrize(
    "text", ["", "Mi", "1 Gi", "1K", "1mi", "1.2.3", "1e999", "0x10", "\u0661", "1\n", "NaN", "Infinity", "9" * 100]
)
def test_what_is_no_quantity_is_refused_with_an_example_of_one(text: str) -> None:
    with pytest.raises(ValueError, match="512Mi"):
        parse_quantity(text)


@given(st.integers(0, 2**62))
def test_memory_reads_back_as_the_same_number(size: int) -> None:
    assert parse_quantity(format_memory(size)) == size


@given(st.integers(0, 10**9))
def test_cpu_in_milli_cores_reads_back_as_the_same_number(milli: int) -> None:
    assert parse_quantity(format_cpu(Decimal(milli) / 1000)) * 1000 == milli


@given(st.decimals(min_value=0, max_value=10**6, places=9))
def test_cpu_is_never_rounded_down(cores: Decimal) -> None:
    assert cores <= parse_quantity(format_cpu(cores)) < cores + Decimal("0.001")


def test_the_largest_unit_that_is_exact_is_written() -> None:
    assert [format_memory(n) for n in (0, 1000, 1024, 1024**3, 1536 * 1024**2)] == ["0", "1000", "1Ki", "1Gi", "1536Mi"]
    assert [format_cpu(Decimal(c)) for c in ("0.25", "2", "1.5", "0.0001")] == ["250m", "2", "1500m", "1m"]
