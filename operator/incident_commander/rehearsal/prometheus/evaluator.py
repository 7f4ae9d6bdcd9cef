"""PromQL: tree to values at one time."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from incident_commander.rehearsal.prometheus import functions
from incident_commander.rehearsal.prometheus.syntax import (
    Aggregate,
    Binary,
    Call,
    Matching,
    Node,
    Number,
    PromQLError,
    Selector,
    Subquery,
    Text,
)
from incident_commander.rehearsal.prometheus.tsdb import Tsdb


@dataclass(frozen=True, slots=True)
class Sample:
    """One element of an instant vector. ``at`` is when it was scraped."""

    labels: Mapping[str, str]
    value: float
    at: float


Vector = list[Sample]
_PER_SAMPLE: Mapping[str, Callable[[float, list[float]], float]] = {
    "clamp_min": lambda value, extra: max(value, extra[0]),
    "clamp_max": lambda value, extra: min(value, extra[0]),
    "clamp": lambda value, extra: min(max(value, extra[0]), extra[1]),
    "round": lambda value, extra: math.floor(value / (extra or [1.0])[0] + 0.5) * (extra or [1.0])[0],
    "sort": lambda value, _: value,
    "sort_desc": lambda value, _: value,
    "timestamp": lambda value, _: value,
}
_SET_OPERATORS = frozenset({"and", "or", "unless"})


class Evaluator:
    """Evaluates trees over a database."""

    def __init__(self, tsdb: Tsdb) -> None:
        self._tsdb = tsdb

    def vector(self, node: Node, at: float) -> Vector:
        """The instant vector of a tree; a scalar becomes one sample without labels."""
        value = self._value(node, at)
        return [Sample({}, value, at)] if isinstance(value, float) else value

    def _value(self, node: Node, at: float) -> Vector | float:
        if isinstance(node, Number):
            return node.value
        if isinstance(node, Selector):
            return self._select(node, at)
        if isinstance(node, Aggregate):
            return self._aggregate(node, at)
        if isinstance(node, Binary):
            return self._binary(node, at)
        if isinstance(node, Call):
            return self._call(node, at)
        raise PromQLError(f"{type(node).__name__.lower()} cannot stand here")

    def _select(self, node: Selector, at: float) -> Vector:
        if node.range_seconds is not None:
            raise PromQLError("a range vector cannot stand here; use rate(...) or an ..._over_time function")
        found = []
        for points in self._tsdb.select(node.matchers):
            sample = points.at(at - node.offset_seconds)
            if sample is not None:
                found.append(Sample(points.labels, sample[1], sample[0]))
        return found

    def _ranges(self, node: Node, at: float) -> list[tuple[Mapping[str, str], functions.Points, float, float]]:
        """(labels, points, start, end) of each series of a range."""
        if isinstance(node, Selector) and node.range_seconds is not None:
            end = at - node.offset_seconds
            start = end - node.range_seconds
            return [(p.labels, p.between(start, end), start, end) for p in self._tsdb.select(node.matchers)]
        if isinstance(node, Subquery):
            return self._subquery(node, at)
        raise PromQLError("a range vector is needed here, such as metric[5m]")

    def _subquery(self, node: Subquery, at: float) -> list[tuple[Mapping[str, str], functions.Points, float, float]]:
        start = at - node.range_seconds
        series: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
        moment = math.floor(start / node.step_seconds + 1) * node.step_seconds
        while moment <= at:
            for sample in self.vector(node.expression, moment):
                series.setdefault(tuple(sorted(sample.labels.items())), []).append((moment, sample.value))
            moment += node.step_seconds
        return [(dict(key), points, start, at) for key, points in series.items()]

    def _call(self, node: Call, at: float) -> Vector | float:
        name, arguments = node.function, node.arguments
        if name == "time":
            return at
        if name in functions.RANGE or name in ("rate", "increase", "delta", "predict_linear", "quantile_over_time"):
            return self._over_range(name, arguments, at)
        if name == "absent_over_time":
            ranged = self._ranges(arguments[0], at)
            return [] if any(points for _, points, _, _ in ranged) else [Sample(_equalities(arguments[0]), 1.0, at)]
        if name == "label_replace":
            return self._label_replace(arguments, at)
        if name in ("scalar", "absent"):
            vector = self.vector(arguments[0], at)
            if name == "scalar":
                return vector[0].value if len(vector) == 1 else math.nan
            return [] if vector else [Sample(_equalities(arguments[0]), 1.0, at)]
        if name == "vector":
            return self.vector(arguments[0], at)
        return self._per_sample(name, arguments, at)

    def _over_range(self, name: str, arguments: tuple[Node, ...], at: float) -> Vector:
        leading = name == "quantile_over_time"
        extra = [self._scalar(argument, at) for argument in (arguments[:1] if leading else arguments[1:])]
        found = []
        for labels, points, start, end in self._ranges(arguments[1 if leading else 0], at):
            if not points:
                continue
            value = _of_range(name, points, start, end, extra)
            if value is not None:
                keeps_name = name == "last_over_time"
                found.append(Sample(labels if keeps_name else _unnamed(labels), value, at))
        return found

    def _per_sample(self, name: str, arguments: tuple[Node, ...], at: float) -> Vector:
        if name not in functions.VALUE and name not in _PER_SAMPLE:
            raise PromQLError(f"the rehearsal's Prometheus does not know the function {name}")
        vector = self.vector(arguments[0], at)
        extra = [self._scalar(argument, at) for argument in arguments[1:]]
        if name == "timestamp":
            return [Sample(_unnamed(s.labels), s.at, s.at) for s in vector]
        if name in functions.VALUE:
            return [Sample(_unnamed(s.labels), functions.VALUE[name](s.value), s.at) for s in vector]
        clamp = _PER_SAMPLE[name]
        return [Sample(_unnamed(s.labels), clamp(s.value, extra), s.at) for s in vector]

    def _label_replace(self, arguments: tuple[Node, ...], at: float) -> Vector:
        target, template, source, pattern = (a.value if isinstance(a, Text) else "" for a in arguments[1:])
        found = []
        for sample in self.vector(arguments[0], at):
            match = re.fullmatch(pattern, sample.labels.get(source, ""))
            labels = dict(sample.labels)
            if match is not None:
                labels[target] = match.expand(re.sub(r"\$\{?(\d+)\}?", r"\\\1", template))
            found.append(Sample({k: v for k, v in labels.items() if v}, sample.value, sample.at))
        return found

    def _scalar(self, node: Node, at: float) -> float:
        value = self._value(node, at)
        if isinstance(value, float):
            return value
        raise PromQLError("a number is needed here")

    def _aggregate(self, node: Aggregate, at: float) -> Vector:
        groups: dict[tuple[tuple[str, str], ...], Vector] = {}
        for sample in self.vector(node.expression, at):
            groups.setdefault(_key(sample.labels, node.labels, on=not node.without), []).append(sample)
        if node.parameter is None:
            fold = functions.AGGREGATE[node.operator]
            return [Sample(dict(key), float(fold([s.value for s in group])), at) for key, group in groups.items()]
        parameter = self._scalar(node.parameter, at)
        if node.operator == "quantile":
            return [
                Sample(dict(key), functions.quantile(parameter, [s.value for s in group]), at)
                for key, group in groups.items()
            ]
        ordered = [
            sorted(group, key=lambda s: s.value, reverse=node.operator == "topk")[: int(parameter)]
            for group in groups.values()
        ]
        return [sample for group in ordered for sample in group]

    def _binary(self, node: Binary, at: float) -> Vector | float:
        left, right = self._value(node.left, at), self._value(node.right, at)
        if node.operator in _SET_OPERATORS:
            if isinstance(left, float) or isinstance(right, float):
                raise PromQLError(f"{node.operator} needs vectors on both sides")
            return _set_operation(node, left, right)
        if isinstance(left, float) and isinstance(right, float):
            if node.operator in functions.COMPARE:
                return float(functions.COMPARE[node.operator](left, right))
            return functions.arithmetic(node.operator, left, right)
        if isinstance(right, float):
            return _with_scalar(node, [(s, s.value, right) for s in left] if isinstance(left, list) else [])
        if isinstance(left, float):
            return _with_scalar(node, [(s, left, s.value) for s in right])
        return _vectors(node, left, right)


def _with_scalar(node: Binary, triples: list[tuple[Sample, float, float]]) -> Vector:
    found = []
    for sample, left, right in triples:
        combined = _combine(node, left, right, sample.value)
        if combined is not None:
            plain = node.operator in functions.COMPARE and not node.bool_
            found.append(Sample(sample.labels if plain else _unnamed(sample.labels), combined, sample.at))
    return found


def _combine(node: Binary, left: float, right: float, kept: float) -> float | None:
    compare = functions.COMPARE.get(node.operator)
    if compare is None:
        return functions.arithmetic(node.operator, left, right)
    holds = compare(left, right)
    if node.bool_:
        return float(holds)
    return kept if holds else None


def _vectors(node: Binary, left: Vector, right: Vector) -> Vector:
    matching = node.matching
    many, one = (right, left) if matching.group == "group_right" else (left, right)
    table: dict[tuple[tuple[str, str], ...], Sample] = {}
    for sample in one:
        key = _match_key(sample.labels, matching)
        if key in table:
            raise PromQLError("many-to-many matching: the labels of one side do not identify its series")
        table[key] = sample
    found, used = [], set()
    for sample in many:
        key = _match_key(sample.labels, matching)
        partner = table.get(key)
        if partner is None:
            continue
        if not matching.group and key in used:
            raise PromQLError("many-to-one matching needs group_left or group_right")
        used.add(key)
        a, b = (partner, sample) if matching.group == "group_right" else (sample, partner)
        value = _combine(node, a.value, b.value, a.value)
        if value is not None:
            found.append(Sample(_joined_labels(node, sample, partner, key), value, sample.at))
    return found


def _joined_labels(
    node: Binary, sample: Sample, partner: Sample, key: tuple[tuple[str, str], ...]
) -> Mapping[str, str]:
    if node.operator in functions.COMPARE and not node.bool_:
        labels: dict[str, str] = dict(sample.labels)
    elif node.matching.group:
        labels = dict(_unnamed(sample.labels))
    else:
        labels = dict(key)
    for name in node.matching.include:
        labels.pop(name, None)
        if name in partner.labels:
            labels[name] = partner.labels[name]
    return labels


def _set_operation(node: Binary, left: Vector, right: Vector) -> Vector:
    if node.operator == "or":
        present = {_match_key(sample.labels, node.matching) for sample in left}
        return left + [s for s in right if _match_key(s.labels, node.matching) not in present]
    others = {_match_key(sample.labels, node.matching) for sample in right}
    return [s for s in left if (_match_key(s.labels, node.matching) in others) == (node.operator == "and")]


def _of_range(name: str, points: functions.Points, start: float, end: float, extra: list[float]) -> float | None:
    if name in ("rate", "increase", "delta"):
        return functions.extrapolated(points, start, end, counter=name != "delta", per_second=name == "rate")
    if name == "predict_linear":
        line = functions.regression(points, end)
        return None if line is None else line[1] + line[0] * extra[0]
    if name == "quantile_over_time":
        return functions.quantile(extra[0], [value for _, value in points])
    return functions.RANGE[name](points)


def _unnamed(labels: Mapping[str, str]) -> Mapping[str, str]:
    return {key: value for key, value in labels.items() if key != "__name__"}


def _key(labels: Mapping[str, str], names: tuple[str, ...], *, on: bool) -> tuple[tuple[str, str], ...]:
    if on:
        return tuple((name, labels[name]) for name in sorted(names) if name in labels)
    return tuple(sorted((k, v) for k, v in labels.items() if k not in names and k != "__name__"))


def _match_key(labels: Mapping[str, str], matching: Matching) -> tuple[tuple[str, str], ...]:
    return _key(labels, matching.labels, on=matching.on)


def _equalities(node: Node) -> Mapping[str, str]:
    if not isinstance(node, Selector):
        return {}
    return {m.label: m.value for m in node.matchers if m.operator == "=" and m.label != "__name__"}
