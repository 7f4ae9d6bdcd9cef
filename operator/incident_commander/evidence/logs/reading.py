"""From bytes to lines, however many bytes: no line is longer than is allowed, and what was left out is said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

MAX_LINE = 64 * 1024
"""Bytes of one line; the rest of a longer one is left out."""
_CHUNK = 128 * 1024
_END = 1024 * 1024
"""Bytes of a file's end that are read even when there is no time."""

CUT = "the rest of a line that is too long"
BETWEEN = "between the parts that were sampled"


@dataclass(frozen=True, slots=True)
class Skipped:
    """In a stream of lines: so many bytes were not read here. Between lines: from then on no line has a number."""

    bytes: int
    reason: str
    within_line: bool = False


def lines_of(chunks: Iterable[bytes | Skipped], *, max_line: int = MAX_LINE) -> Iterator[bytes | Skipped]:
    """Lines without their ends. Of a line longer than ``max_line`` the start is kept, followed by a ``Skipped``.

    A ``Skipped`` among the chunks takes the lines with it that it cuts in two.
    """
    lines = _Lines(max_line)
    for chunk in chunks:
        yield from lines.gap(chunk.bytes) if isinstance(chunk, Skipped) else lines.take(chunk)
    yield from lines.end()


class _Lines:
    def __init__(self, max_line: int) -> None:
        self._max_line = max_line
        self._rest = b""
        self._dropping = 0
        """Bytes that were left out of the current line, whose start was told already."""
        self._lost = 0
        """Bytes that were left out since the last whole line."""

    def gap(self, size: int) -> Iterator[Skipped]:
        if self._dropping:
            yield Skipped(self._dropping, CUT, within_line=True)
        self._lost += len(self._rest) + size
        self._rest, self._dropping = b"", 0

    def take(self, chunk: bytes) -> Iterator[bytes | Skipped]:
        if self._lost:
            cut_off, end, chunk = chunk.partition(b"\n")
            self._lost += len(cut_off)
            if not end:
                return
            yield Skipped(self._lost, BETWEEN)
            self._lost = 0
        parts = (self._rest + chunk).split(b"\n")
        rest = parts.pop()
        for part in parts:
            if self._dropping:
                yield Skipped(self._dropping + len(part), CUT, within_line=True)
                self._dropping = 0
            elif len(part) > self._max_line:
                yield part[: self._max_line]
                yield Skipped(len(part) - self._max_line, CUT, within_line=True)
            else:
                yield part
        if self._dropping:
            self._dropping, rest = self._dropping + len(rest), b""
        elif len(rest) > self._max_line:
            yield rest[: self._max_line]
            self._dropping, rest = len(rest) - self._max_line, b""
        self._rest = rest

    def end(self) -> Iterator[bytes | Skipped]:
        if self._lost:
            yield Skipped(self._lost, BETWEEN)
        elif self._dropping:
            yield Skipped(self._dropping, CUT, within_line=True)
        elif self._rest:
            yield self._rest


def sampled(
    file: BinaryIO, size: int, *, max_bytes: int, parts: int = 16, in_time: Callable[[], bool] = lambda: True
) -> Iterator[bytes | Skipped]:
    """The lines of a seekable file of ``size`` bytes: all of them, or of a larger one than ``max_bytes`` a sample.

    A sample is the first and the last quarter of ``max_bytes``, and between them ``parts`` pieces evenly spaced;
    each piece begins after a line's end, and a ``Skipped`` stands for what lies between. Once it is not
    ``in_time``, only the end of the file is read any more.
    """
    return lines_of(_chunks(file, size, _pieces(size, max_bytes, parts), in_time))


def _pieces(size: int, max_bytes: int, parts: int) -> list[tuple[int, int]]:
    """Where pieces begin and end; the last one ends with the file."""
    if size <= max_bytes:
        return [(0, size)]
    edge = max_bytes // 4
    piece = (max_bytes - 2 * edge) // parts
    stride = (size - 2 * edge) / parts
    between = [edge + round(stride * n) for n in range(parts)]
    return [(0, edge), *((start, start + piece) for start in between), (size - edge, size)]


def _chunks(
    file: BinaryIO, size: int, pieces: list[tuple[int, int]], in_time: Callable[[], bool]
) -> Iterator[bytes | Skipped]:
    read_to = 0
    for start, end in pieces:
        at = max(start, read_to)
        while at < end:
            if at < size - _END and not in_time():
                if end < size:
                    break
                at = size - _END
            if at > read_to:
                yield Skipped(at - read_to, BETWEEN)
            file.seek(at)
            chunk = file.read(min(_CHUNK, end - at))
            if not chunk:
                return
            at = read_to = at + len(chunk)
            yield chunk
