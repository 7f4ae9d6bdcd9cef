"""PromQL: text to tree. What recording and alerting rules commonly use; anything else is refused by name."""

from __future__ import annotations

import re
from dataclasses import dataclass

from incident_commander.rehearsal.prometheus.tsdb import Matcher


class PromQLError(ValueError):
    """The expression is not PromQL, or uses what this model does not know."""


@dataclass(frozen=True, slots=True)
class Number:
    """A literal."""

    value: float


@dataclass(frozen=True, slots=True)
class Text:
    """A string literal."""

    value: str


@dataclass(frozen=True, slots=True)
class Selector:
    """An instant selector, or a range selector when ``range_seconds`` is set."""

    matchers: tuple[Matcher, ...]
    range_seconds: float | None = None
    offset_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Subquery:
    """``expression[range:step]``."""

    expression: Node
    range_seconds: float
    step_seconds: float


@dataclass(frozen=True, slots=True)
class Call:
    """A function call."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Aggregate:
    """``operator by|without (labels) (expression)``."""

    operator: str
    expression: Node
    labels: tuple[str, ...]
    without: bool
    parameter: Node | None = None


@dataclass(frozen=True, slots=True)
class Matching:
    """``on|ignoring (labels) group_left|group_right (include)``; no labels with ``on`` False: all must match."""

    labels: tuple[str, ...] = ()
    on: bool = False
    group: str = ""
    include: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Binary:
    """``left OPERATOR right``."""

    operator: str
    left: Node
    right: Node
    bool_: bool = False
    matching: Matching = Matching()


Node = Number | Text | Selector | Subquery | Call | Aggregate | Binary

AGGREGATES = frozenset({"sum", "min", "max", "avg", "count", "group", "quantile", "topk", "bottomk"})
_WITH_PARAMETER = frozenset({"quantile", "topk", "bottomk"})
_PRECEDENCE = {"or": 1, "and": 2, "unless": 2, "==": 3, "!=": 3, "<": 3, "<=": 3, ">": 3, ">=": 3}
_PRECEDENCE |= {"+": 4, "-": 4, "*": 5, "/": 5, "%": 5, "^": 6}
_TOKEN = re.compile(
    r"""\s*(?:\#[^\n]*\n)?\s*(?P<token>
        "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' | `[^`]*`
      | (?:\d+(?:\.\d+)?(?:ms|[smhdwy]))+(?![\w.])
      | \d+\.?\d*(?:[eE][+-]?\d+)? | \.\d+
      | =~ | !~ | == | != | <= | >= | [-+*/%^<>=(){}\[\],:]
      | [a-zA-Z_:][\w:]*
    )""",
    re.VERBOSE,
)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdwy])")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "'": "'"}


def parse(text: str) -> Node:
    """The tree of an expression. Raises ``PromQLError`` that says where."""
    parser = _Parser(_tokens(text), text)
    tree = parser.expression(0)
    if parser.peek():
        raise PromQLError(f"unexpected {parser.peek()!r} in {text!r}")
    return tree


def _tokens(text: str) -> list[str]:
    found, position = [], 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if match is None:
            raise PromQLError(f"unexpected {text[position : position + 20]!r} at {position} in {text!r}")
        found.append(match["token"])
        position = match.end()
    return found


class _Parser:
    def __init__(self, tokens: list[str], text: str) -> None:
        self._tokens = tokens
        self._text = text
        self._at = 0

    def peek(self, ahead: int = 0) -> str:
        position = self._at + ahead
        return self._tokens[position] if position < len(self._tokens) else ""

    def take(self, expected: str = "") -> str:
        token = self.peek()
        if not token or (expected and token != expected):
            raise PromQLError(f"expected {expected or 'more'!r}, found {token or 'the end'!r} in {self._text!r}")
        self._at += 1
        return token

    def expression(self, lowest: int) -> Node:
        left = self._unary()
        while True:
            operator = self.peek().lower()
            strength = _PRECEDENCE.get(operator)
            if strength is None or strength < lowest:
                return left
            self.take()
            bool_ = self._accept("bool")
            matching = self._matching()
            right = self.expression(strength if operator == "^" else strength + 1)
            left = Binary(operator, left, right, bool_, matching)

    def _accept(self, word: str) -> bool:
        if self.peek().lower() == word:
            self.take()
            return True
        return False

    def _matching(self) -> Matching:
        word = self.peek().lower()
        if word not in ("on", "ignoring"):
            return Matching()
        self.take()
        labels = self._names()
        group = self.peek().lower()
        if group not in ("group_left", "group_right"):
            return Matching(labels, word == "on")
        self.take()
        include = self._names() if self.peek() == "(" else ()
        return Matching(labels, word == "on", group, include)

    def _names(self) -> tuple[str, ...]:
        self.take("(")
        names = []
        while self.peek() != ")":
            names.append(self.take())
            if self.peek() == ",":
                self.take()
        self.take(")")
        return tuple(names)

    def _unary(self) -> Node:
        if self.peek() in ("-", "+"):
            sign = self.take()
            operand = self.expression(6)
            if sign == "+":
                return operand
            return Number(-operand.value) if isinstance(operand, Number) else Binary("*", Number(-1.0), operand)
        return self._postfix(self._primary())

    def _postfix(self, node: Node) -> Node:
        while True:
            if self.peek() == "[":
                node = self._range(node)
            elif self.peek().lower() == "offset" and isinstance(node, Selector):
                self.take()
                node = Selector(node.matchers, node.range_seconds, duration(self.take()))
            else:
                return node

    def _range(self, node: Node) -> Node:
        self.take("[")
        seconds = duration(self.take())
        if self.peek() == ":":
            self.take()
            step = duration(self.take()) if self.peek() != "]" else 15.0
            self.take("]")
            return Subquery(node, seconds, step)
        self.take("]")
        if not isinstance(node, Selector):
            raise PromQLError(f"a range needs a selector in {self._text!r}")
        return Selector(node.matchers, seconds, node.offset_seconds)

    def _primary(self) -> Node:
        token = self.peek()
        if token == "(":
            self.take()
            inner = self.expression(0)
            self.take(")")
            return inner
        if token == "{":
            return Selector(self._matchers())
        if token[:1] in ('"', "'", "`"):
            return Text(_unquote(self.take()))
        if re.fullmatch(r"\d+\.?\d*([eE][+-]?\d+)?|\.\d+", token):
            return Number(float(self.take()))
        if not re.fullmatch(r"[a-zA-Z_:][\w:]*", token):
            raise PromQLError(f"unexpected {token or 'end'!r} in {self._text!r}")
        return self._named(self.take())

    def _named(self, name: str) -> Node:
        if name.lower() in ("inf", "nan"):
            return Number(float(name))
        if name in AGGREGATES and self.peek().lower() in ("(", "by", "without"):
            return self._aggregate(name)
        if self.peek() == "(":
            return Call(name, self._arguments())
        matchers = self._matchers() if self.peek() == "{" else ()
        return Selector((Matcher("__name__", "=", name), *matchers))

    def _arguments(self) -> tuple[Node, ...]:
        self.take("(")
        arguments = []
        while self.peek() != ")":
            arguments.append(self.expression(0))
            if self.peek() == ",":
                self.take()
        self.take(")")
        return tuple(arguments)

    def _aggregate(self, operator: str) -> Node:
        grouping = self._grouping()
        arguments = self._arguments()
        grouping = grouping or self._grouping() or ((), False)
        wanted = 2 if operator in _WITH_PARAMETER else 1
        if len(arguments) != wanted:
            raise PromQLError(f"{operator} takes {wanted} argument(s) in {self._text!r}")
        return Aggregate(operator, arguments[-1], *grouping, arguments[0] if wanted == 2 else None)

    def _grouping(self) -> tuple[tuple[str, ...], bool] | None:
        word = self.peek().lower()
        if word not in ("by", "without"):
            return None
        self.take()
        return self._names(), word == "without"

    def _matchers(self) -> tuple[Matcher, ...]:
        self.take("{")
        found = []
        while self.peek() != "}":
            label, operator = self.take(), self.take()
            if operator not in ("=", "!=", "=~", "!~"):
                raise PromQLError(f"unexpected {operator!r} after label {label!r} in {self._text!r}")
            found.append(Matcher(label, operator, _unquote(self.take())))
            if self.peek() == ",":
                self.take()
        self.take("}")
        return tuple(found)


def duration(text: str) -> float:
    """Seconds of a duration such as ``1h30m``. Raises ``PromQLError``."""
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise PromQLError(f"{text!r} is not a duration, such as 5m")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def _unquote(token: str) -> str:
    if token[:1] == "`":
        return token[1:-1]
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[0]), token[1:-1])
