"""Log lines that can be shown."""

import re

from hypothesis import given
from hypothesis import strategies as st

from incident_commander.evidence.lines import MAX_LINE, clean_line, clean_lines


def test_escapes_go_and_words_stay() -> None:
    assert clean_line("\x1b[1;31mERROR\x1b[0m \x1b]8;;http://evil\x07link\x1b]8;;\x07 a\tb\x00") == "ERROR link a b"
    assert clean_line("right\u202eto left") == "rightto left"


@given(st.text(max_size=400))
def test_no_control_character_survives(text: str) -> None:
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e]", clean_line(text))
    assert clean_line(clean_line(text)) == clean_line(text)


def test_lines_are_bounded_in_length_and_number() -> None:
    found = clean_lines("\n".join(["x" * 10_000, "", *map(str, range(500))]), 200)
    assert (len(found), found[-1]) == (200, "499")
    assert len(clean_line("y" * 10**6)) == MAX_LINE
