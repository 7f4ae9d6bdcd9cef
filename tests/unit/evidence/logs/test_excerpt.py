"""What is kept of a log that is too long to keep, and that nothing is kept which is not there."""

from __future__ import annotations

import io
import random
import tracemalloc
from collections.abc import Iterator
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from incident_commander.evidence.logs import Excerpt, Room, Skipped, excerpt, sampled

ROOM = Room(lines=400, bytes=256 * 1024)
CHATTER = b"2026-01-31T12:00:00Z INFO order %d placed in %d ms"
TRACE = (
    b"Traceback (most recent call last):",
    b'  File "/app/x.py", line 3, in <module>',
    b"    f()",
    b"shop.errors.Broken: out of stock",
)


def chatter(lines: int, **told: bytes) -> Iterator[bytes]:
    """Orders without end, with other lines at some places (``at_100=...``)."""
    said = {int(place.removeprefix("at_")): line for place, line in told.items()}
    for n in range(1, lines + 1):
        yield said.get(n, CHATTER % (n, n % 97))


def numbered(found: Excerpt) -> dict[int, str]:
    return dict(zip(found.numbers, found.lines, strict=True))


class TestAShortLog:
    def test_is_kept_whole_with_its_numbers_and_without_empty_lines(self) -> None:
        found = excerpt([b"start", b"", b"  \r", b"\x1b[31mready\x1b[0m\r"], ROOM)
        assert numbered(found) == {1: "start", 4: "ready"}
        assert (found.total, found.left_out, found.skipped_bytes, found.binary, found.cut) == (4, 0, 0, 0, 0)

    def test_exactly_as_much_as_there_is_room_for_is_whole(self) -> None:
        assert excerpt(chatter(ROOM.lines), ROOM).left_out == 0
        assert excerpt(chatter(ROOM.lines + 101), ROOM).left_out == 1


class TestALongLog:
    def test_keeps_the_first_error_with_its_number(self) -> None:
        found = excerpt(chatter(30_000, at_150=b"ERROR no schema version in shop"), ROOM)
        assert numbered(found)[150] == "ERROR no schema version in shop"
        assert found.total == 30_000

    def test_keeps_its_start_and_its_end(self) -> None:
        kept = numbered(excerpt(chatter(3000), ROOM))
        assert {*range(1, 101), *range(2601, 3001)} <= kept.keys()
        assert kept[2700].startswith("2026-01-31T12:00:00Z INFO order 2700 ")

    def test_keeps_a_stack_trace_together(self) -> None:
        places = {f"at_{200 + n}": line for n, line in enumerate(TRACE)}
        kept = numbered(excerpt(chatter(3000, **places), ROOM))
        assert [kept[200 + n] for n in range(4)] == [line.decode().strip() for line in TRACE]

    def test_keeps_the_last_of_a_warning_that_ended(self) -> None:
        warned = {f"at_{n}": b"WARN pool %d exhausted" % n for n in range(500, 1500, 7)}
        kept = numbered(excerpt(chatter(9000, **warned), ROOM))
        assert kept[500] == "WARN pool 500 exhausted"
        assert kept[1494] == "WARN pool 1494 exhausted"
        assert 507 not in kept

    def test_keeps_the_first_failure_of_each_dependency_though_their_lines_are_alike(self) -> None:
        said = b"ERROR dial tcp: lookup %s on 10.96.0.10:53: no such host"
        kept = numbered(excerpt(chatter(3000, at_200=said % b"stock", at_300=said % b"cart"), ROOM))
        assert "cart" in kept[300]

    def test_keeps_errors_when_the_lines_before_them_were_all_of_different_kinds(self) -> None:
        letters = random.Random(1)

        def odd() -> bytes:
            return b" ".join(bytes(letters.choices(b"abcdefghij", k=9)) for _ in range(letters.randrange(3, 20)))

        lines = [odd() for _ in range(5000)]
        lines[4000] = b"FATAL disk is gone"
        assert numbered(excerpt([*lines, *chatter(5000)], ROOM))[4001] == "FATAL disk is gone"

    def test_says_how_many_lines_were_only_counted(self) -> None:
        found = excerpt(chatter(3000), ROOM)
        assert found.left_out == 3000 - len(found.lines)

    def test_numbers_end_where_something_was_not_read(self) -> None:
        lines: list[bytes | Skipped] = [*chatter(600), Skipped(10_000, "sampled"), *chatter(600)]
        found = excerpt(lines, ROOM)
        assert found.skipped_bytes == 10_000
        assert found.numbers[0] == 1
        assert set(found.numbers[-ROOM.lines :]) == {0}


class TestWhatIsNoText:
    def test_is_counted_and_not_kept(self) -> None:
        found = excerpt([b"start", bytes(range(32)) * 3, b"end"], ROOM)
        assert found.lines == ("start", "end")
        assert found.binary == 1

    def test_random_bytes_are_none_and_single_letters_of_another_encoding_do_no_harm(self) -> None:
        noise = random.Random(4).randbytes(400).replace(b"\n", b"")
        found = excerpt([noise, "ERROR ungültig".encode("latin-1")], ROOM)
        assert found.lines == ("ERROR ung\ufffdltig",)
        assert found.binary == 1

    def test_a_line_whose_end_is_cut_off_is_counted(self) -> None:
        found = excerpt([b"x" * 5000, b"fine"], ROOM)
        assert found.cut == 1
        assert found.lines[0].endswith("…")

    def test_memory_is_bounded_whatever_the_lines_are(self) -> None:
        chance = random.Random(2)
        lines = (b"ERROR " + chance.randbytes(4000).hex().encode() for _ in count())
        tracemalloc.start()
        try:
            excerpt((line for line, _ in zip(lines, range(3000), strict=False)), ROOM)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 40 * 1024 * 1024


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from([b"INFO a 1", b"ERROR b", *TRACE, b"", b"\x00\x01\x02", b"  at x", b"WARN c"]), max_size=80
    ),
    st.integers(1, 20),
    st.integers(1, 400),
)
def test_every_kept_line_stands_where_its_number_says(lines: list[bytes], most: int, size: int) -> None:
    found = excerpt(lines, Room(most, size))
    assert list(found.numbers) == sorted(set(found.numbers))
    for number, line in numbered(found).items():
        assert line == lines[number - 1].decode().strip()
    blank = sum(not line.strip() for line in lines)
    assert found.left_out == len(lines) - len(found.lines) - blank - found.binary


class TestOutOfTime:
    def test_only_the_end_is_read_any_more(self) -> None:
        text = b"".join(b"INFO line %09d\n" % n for n in range(400_000))
        asked = count()
        read = list(sampled(io.BytesIO(text), len(text), max_bytes=len(text), in_time=lambda: next(asked) < 5))
        lines = [line for line in read if isinstance(line, bytes)]
        assert lines[0].endswith(b"000000000")
        assert lines[-1].endswith(b"000399999")
        (gap,) = [gap for gap in read if isinstance(gap, Skipped)]
        assert gap.bytes + sum(len(line) + 1 for line in lines) in range(len(text) - 20, len(text) + 1)
        assert sum(map(len, lines)) < 3 * 1024 * 1024

    def test_a_sample_ends_with_the_end_as_well(self) -> None:
        text = b"".join(b"INFO line %09d\n" % n for n in range(400_000))
        read = list(sampled(io.BytesIO(text), len(text), max_bytes=4_000_000, in_time=lambda: False))
        assert read[-1] == b"INFO line 000399999"
        assert sum(len(line) for line in read if isinstance(line, bytes)) <= 1024 * 1024

    def test_a_short_file_is_read_whole_nevertheless(self) -> None:
        assert list(sampled(io.BytesIO(b"a\nb"), 3, max_bytes=10, in_time=lambda: False)) == [b"a", b"b"]
