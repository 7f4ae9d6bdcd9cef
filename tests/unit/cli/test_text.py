"""Nothing that others wrote acts on the terminal."""

import unicodedata
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_commander.cli.render.text import duration, safe, safe_lines


@given(st.text())
def test_what_is_shown_has_no_controls_and_no_direction_marks(text: str) -> None:
    shown = "".join(safe_lines(text))
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}]


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs", "M"]), max_size=100))
def test_ordinary_text_is_shown_as_it_is(text: str) -> None:
    assert safe(text) == text


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b31m", "\\x9b31m"),
        ("a\rb", "a\\rb"),
        ("a\nb", "a\\nb"),
        ("\u202egnp", "\\u202egnp"),
        ("\u200b", "\\u200b"),
        ("\u2028", "\\u2028"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_escapes_are_shown_as_escapes(hostile: str, shown: str) -> None:
    assert safe(hostile) == shown


def test_long_text_is_cut_and_the_cut_is_visible() -> None:
    assert safe("x" * 50, 10) == "x" * 10 + "…"
    assert safe("x" * 10, 10) == "x" * 10


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0s"),
        (0, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (252, "4m12s"),
        (3600, "1h"),
        (11_100, "3h05m"),
        (86_400, "1d"),
        (187_200, "2d4h"),
    ],
)
def test_durations_read_as_kubectl_writes_ages(seconds: float, text: str) -> None:
    assert duration(timedelta(seconds=seconds)) == text
