"""From bytes to lines, however many bytes: no line is longer than is allowed, and what was left out is said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

MAX_LINE = 64 * 1024
"""Bytes of one line; the rest of a longer one is left out."""
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Skipped:
    """In a stream of lines: so many bytes were not read here. Between lines: from then on no line has a number."""

    bytes: int
    reason: str
    within_line: bool = False


def lines_of(chunks: Iterable[bytes], *, max_line: int = MAX_LINE) -> Iterator[bytes | Skipped]:
    """Lines without their ends. Of a line longer than ``max_line`` the start is kept, followed by a ``Skipped``."""
    rest = b""
    dropping = 0
    for chunk in chunks:
        parts = (rest + chunk).split(b"\n")
        rest = parts.pop()
        for part in parts:
            if dropping:
                yield Skipped(dropping + len(part), CUT, within_line=True)
                dropping = 0
            elif len(part) > max_line:
                yield part[:max_line]
                yield Skipped(len(part) - max_line, CUT, within_line=True)
            else:
                yield part
        if dropping:
            dropping, rest = dropping + len(rest), b""
        elif len(rest) > max_line:
            yield rest[:max_line]
            dropping, rest = len(rest) - max_line, b""
    if dropping:
        yield Skipped(dropping, CUT, within_line=True)
    elif rest:
        yield rest


CUT = "the rest of a line that is too long"
BETWEEN = "between the parts that were sampled"


def sampled(file: BinaryIO, size: int, *, max_bytes: int, parts: int = 16) -> Iterator[bytes | Skipped]:
    """The lines of a seekable file of ``size`` bytes: all of them, or of a larger one than ``max_bytes`` a sample.

    A sample is the first and the last quarter of ``max_bytes``, and between them ``parts`` pieces evenly spaced;
    each piece begins after a line's end, and a ``Skipped`` stands for what lies between.
    """
    if size <= max_bytes:
        yield from lines_of(_chunks(file, 0, size))
        return
    edge = max_bytes // 4
    piece = (max_bytes - 2 * edge) // parts
    stride = (size - 2 * edge) / parts
    starts = [(0, edge), *((edge + round(stride * n), piece) for n in range(parts)), (size - edge, edge)]
    read_to = 0
    for start, length in starts:
        begin = max(start, read_to)
        if begin > read_to:
            yield Skipped(begin - read_to, BETWEEN)
        ends = start + length >= size
        yield from _piece(lines_of(_chunks(file, begin, start + length)), begun=begin > read_to, ends=ends)
        read_to = max(read_to, start + length)


def _piece(lines: Iterator[bytes | Skipped], *, begun: bool, ends: bool) -> Iterator[bytes | Skipped]:
    """Whole lines only: without the first when it may have begun before the piece, and the last when it may go on."""
    held: bytes | Skipped | None = None
    for line in lines:
        if begun:
            begun = False
            yield Skipped(len(line) if isinstance(line, bytes) else line.bytes, BETWEEN)
            continue
        if held is not None:
            yield held
        held = line
    if held is not None:
        lost = len(held) if isinstance(held, bytes) else held.bytes
        yield held if ends else Skipped(lost, BETWEEN)


def _chunks(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    file.seek(start)
    left = end - start
    while left > 0 and (chunk := file.read(min(_CHUNK, left))):
        left -= len(chunk)
        yield chunk
