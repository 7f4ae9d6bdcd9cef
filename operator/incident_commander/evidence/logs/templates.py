"""Log templates after Drain (He et al., ICWS 2017): messages of one shape, their variable parts as ``<*>``.

A message goes to the leaf of its level, length and first word, and there to the most similar template.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import eq

from incident_commander.evidence.logs.levels import Level

WILDCARD = b"<*>"
_DIGITS = b"0123456789"
_CLASSES = frozenset((b"1xx", b"2xx", b"3xx", b"4xx", b"5xx"))
"""Of HTTP statuses: what was served and what was not are different templates."""
_TOKENS = 48
_SIMILAR = 0.5
"""More than this share of the words must be equal; Drain's 0.4 merges "connection refused" with "connection reset"."""
_LEAF = 64
"""Templates of a leaf; beyond, the most similar one takes a message, whatever its similarity."""
_FIRST_WORDS = 200
_LONGEST_TOKEN = 120


class Shape:
    """One template as it is being learnt. ``tokens`` only ever become more general."""

    __slots__ = ("level", "number", "tokens")

    def __init__(self, tokens: list[bytes], level: Level, number: int) -> None:
        self.tokens = tokens
        self.level = level
        self.number = number

    @property
    def text(self) -> str:
        """For people."""
        return b" ".join(self.tokens).decode("utf-8", "replace")


class Miner:
    """Learns at most ``most`` templates, and a quarter more of warnings and errors; beyond, messages have none."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._reserved = most // 4
        self._leaves: dict[tuple[Level, int, bytes], list[Shape]] = {}
        self._first_words: dict[tuple[Level, int], int] = {}
        self.shapes: list[Shape] = []

    def shape_of(self, message: bytes, level: Level) -> Shape | None:
        """The template of a message; None when there is no room for a new one."""
        tokens = tokens_of(message)
        leaf = self._leaf(tokens, level)
        best, score = _most_similar(leaf, tokens)
        if best is not None and (score > _SIMILAR or len(leaf) >= _LEAF):
            best.tokens = [a if a == b else WILDCARD for a, b in zip(best.tokens, tokens, strict=True)]
            return best
        if len(self.shapes) >= self._most + (self._reserved if level >= Level.WARN else 0):
            return None
        shape = Shape(tokens, level, len(self.shapes))
        self.shapes.append(shape)
        leaf.append(shape)
        return shape

    def _leaf(self, tokens: Sequence[bytes], level: Level) -> list[Shape]:
        first = tokens[0] if tokens else b""
        key = (level, len(tokens), first)
        found = self._leaves.get(key)
        if found is None:
            words = self._first_words.get((level, len(tokens)), 0)
            if words >= _FIRST_WORDS:
                return self._leaves.setdefault((level, len(tokens), WILDCARD), [])
            self._first_words[level, len(tokens)] = words + 1
            found = self._leaves[key] = []
        return found


def tokens_of(message: bytes) -> list[bytes]:
    """The words, those with digits masked; the name before ``=`` or ``:`` stays."""
    found = [
        token if len(token) <= _LONGEST_TOKEN and token == token.translate(None, _DIGITS) else _masked(token)
        for token in message.split(None, _TOKENS)
    ]
    if len(found) > _TOKENS:
        found[_TOKENS] = WILDCARD
    return found


def alike(one: Sequence[bytes], other: Sequence[bytes]) -> bool:
    """Whether two templates may stand for the same messages."""
    return len(one) == len(other) and all(a in (b, WILDCARD) or b == WILDCARD for a, b in zip(one, other, strict=True))


def _masked(token: bytes) -> bytes:
    if token in _CLASSES:
        return token
    name, equals, _ = token.partition(b"=")
    if equals and name and name == name.translate(None, _DIGITS):
        return name + b"=" + WILDCARD
    return WILDCARD + b":" if token.endswith(b":") else WILDCARD


def _most_similar(leaf: Sequence[Shape], tokens: Sequence[bytes]) -> tuple[Shape | None, float]:
    best, most = None, -1
    for shape in leaf:
        same = sum(map(eq, shape.tokens, tokens))
        if same > most:
            best, most = shape, same
            if same == len(tokens):
                break
    return best, most / len(tokens) if tokens else 1.0
