"""The rehearsal's Prometheus answers PromQL as the real one does."""

from __future__ import annotations

import math

import pytest

from incident_commander.api.meta import TargetRef
from incident_commander.evidence import queries
from incident_commander.rehearsal.prometheus.evaluator import Evaluator
from incident_commander.rehearsal.prometheus.functions import quantile
from incident_commander.rehearsal.prometheus.rules import DEFAULT_RULES
from incident_commander.rehearsal.prometheus.syntax import PromQLError, duration, parse
from incident_commander.rehearsal.prometheus.tsdb import Tsdb

STEP = 15.0
END = 600.0


@pytest.fixture
def tsdb() -> Tsdb:
    """A counter that rises by 1 a second (pod a) and 2 (pod b, reset at 300 s); gauges; a series that went away."""
    found = Tsdb()
    for number in range(41):
        now = number * STEP
        reset = now if now < 300 else now - 300
        samples = [
            ("requests_total", {"pod": "a", "code": "200"}, now),
            ("requests_total", {"pod": "b", "code": "500"}, reset * 2),
            ("memory_bytes", {"pod": "a"}, 100 + now),
            ("memory_bytes", {"pod": "b"}, 50.0),
            ("limit_bytes", {"pod": "a", "node": "n1"}, 1000.0),
            ("limit_bytes", {"pod": "b", "node": "n2"}, 1000.0),
        ]
        if now < 500:
            samples.append(("gone", {"pod": "a"}, 1.0))
        found.append("job", now, samples)
    return found


def ask(tsdb: Tsdb, promql: str, at: float = END) -> list[tuple[dict[str, str], float]]:
    return [(dict(s.labels), s.value) for s in Evaluator(tsdb).vector(parse(promql), at)]


def values(tsdb: Tsdb, promql: str, at: float = END) -> list[float]:
    return [value for _, value in ask(tsdb, promql, at)]


class TestSelecting:
    def test_by_name_and_labels(self, tsdb: Tsdb) -> None:
        assert ask(tsdb, 'memory_bytes{pod="b"}') == [({"__name__": "memory_bytes", "pod": "b"}, 50)]
        assert len(ask(tsdb, 'memory_bytes{pod!="b"}')) == 1
        assert len(ask(tsdb, 'memory_bytes{pod=~"a|b"}')) == 2
        assert ask(tsdb, 'memory_bytes{pod=~"[ab]x"}') == []
        assert len(ask(tsdb, '{__name__=~"memory.*"}')) == 2

    def test_a_series_that_went_away_is_stale_at_once(self, tsdb: Tsdb) -> None:
        assert len(ask(tsdb, "gone", at=494)) == 1
        assert ask(tsdb, "gone", at=511) == []
        assert ask(tsdb, "absent(gone)", at=511) == [({}, 1)]

    def test_a_sample_older_than_five_minutes_is_no_answer(self, tsdb: Tsdb) -> None:
        assert len(ask(tsdb, "memory_bytes", at=END + 299)) == 2
        assert ask(tsdb, "memory_bytes", at=END + 300) == []

    def test_offset_looks_back(self, tsdb: Tsdb) -> None:
        assert values(tsdb, 'memory_bytes{pod="a"} offset 5m') == [400]


class TestRanges:
    def test_rate_and_increase_extrapolate_to_the_window(self, tsdb: Tsdb) -> None:
        assert values(tsdb, 'rate(requests_total{pod="a"}[5m])') == pytest.approx([1.0])
        assert values(tsdb, 'increase(requests_total{pod="a"}[5m])') == pytest.approx([300.0])

    def test_a_counter_reset_is_no_decrease(self, tsdb: Tsdb) -> None:
        assert values(tsdb, 'resets(requests_total{pod="b"}[10m])') == [1]
        assert values(tsdb, 'rate(requests_total{pod="b"}[10m])') == pytest.approx([2.0], rel=0.06)

    def test_one_sample_gives_no_rate(self, tsdb: Tsdb) -> None:
        assert ask(tsdb, "rate(requests_total[10s])") == []

    def test_deriv_and_predict_linear(self, tsdb: Tsdb) -> None:
        assert values(tsdb, 'deriv(memory_bytes{pod="a"}[5m])') == pytest.approx([1.0])
        assert values(tsdb, 'predict_linear(memory_bytes{pod="a"}[5m], 300)') == pytest.approx([1000.0])

    @pytest.mark.parametrize(
        ("function", "expected"),
        [("min", 415.0), ("max", 700.0), ("avg", 557.5), ("count", 20.0), ("last", 700.0)],
    )
    def test_over_time(self, tsdb: Tsdb, function: str, expected: float) -> None:
        assert values(tsdb, f'{function}_over_time(memory_bytes{{pod="a"}}[5m])') == [expected]

    def test_subqueries(self, tsdb: Tsdb) -> None:
        assert values(tsdb, "max_over_time(sum(memory_bytes)[5m:1m])") == [750]


class TestOperators:
    def test_arithmetic_matches_labels_one_to_one(self, tsdb: Tsdb) -> None:
        found = ask(tsdb, "memory_bytes / on (pod) limit_bytes")
        assert found == [({"pod": "a"}, 0.7), ({"pod": "b"}, 0.05)]

    def test_group_left_keeps_the_many_side_and_includes_labels(self, tsdb: Tsdb) -> None:
        found = ask(tsdb, "requests_total * on (pod) group_left (node) limit_bytes")
        assert [labels for labels, _ in found] == [
            {"pod": "a", "code": "200", "node": "n1"},
            {"pod": "b", "code": "500", "node": "n2"},
        ]

    def test_comparisons_filter_and_bool_does_not(self, tsdb: Tsdb) -> None:
        assert ask(tsdb, "memory_bytes > 100") == [({"__name__": "memory_bytes", "pod": "a"}, 700)]
        assert values(tsdb, "memory_bytes > bool 100") == [1, 0]

    def test_sets(self, tsdb: Tsdb) -> None:
        assert len(ask(tsdb, 'memory_bytes and on (pod) limit_bytes{node="n1"}')) == 1
        assert len(ask(tsdb, 'memory_bytes unless on (pod) limit_bytes{node="n1"}')) == 1
        assert len(ask(tsdb, 'memory_bytes{pod="a"} or memory_bytes')) == 2

    def test_precedence_and_unary_minus(self, tsdb: Tsdb) -> None:
        assert values(tsdb, "1 + 2 * 3 ^ 2 - -4") == [23]
        assert values(tsdb, "-(1 + 2)") == [-3]
        assert values(tsdb, "2 ^ 3 ^ 2") == [512]

    def test_division_by_zero_is_infinite_not_an_error(self, tsdb: Tsdb) -> None:
        assert values(tsdb, "1 / 0") == [math.inf]
        assert math.isnan(values(tsdb, "0 / 0")[0])

    def test_many_to_many_is_refused(self, tsdb: Tsdb) -> None:
        with pytest.raises(PromQLError, match="many"):
            ask(tsdb, "memory_bytes * on () requests_total")


class TestAggregation:
    def test_by_and_without(self, tsdb: Tsdb) -> None:
        assert ask(tsdb, "sum(memory_bytes)") == [({}, 750)]
        assert ask(tsdb, "max by (pod) (requests_total)")[0] == ({"pod": "a"}, 600)
        assert ask(tsdb, "count(requests_total) without (code)")[0] == ({"pod": "a"}, 1)
        assert values(tsdb, "avg(memory_bytes)") == [375]

    def test_topk_keeps_the_whole_series(self, tsdb: Tsdb) -> None:
        assert ask(tsdb, "topk(1, memory_bytes)") == [({"__name__": "memory_bytes", "pod": "a"}, 700)]

    def test_quantile_interpolates(self, tsdb: Tsdb) -> None:
        assert values(tsdb, "quantile(0.5, memory_bytes)") == [375]
        assert quantile(0.25, [1, 2, 3, 4, 5]) == 2


class TestFunctions:
    def test_time_and_timestamp(self, tsdb: Tsdb) -> None:
        assert values(tsdb, 'time() - max(timestamp(memory_bytes{pod="a"}))', at=END + 7) == [7]

    def test_label_replace(self, tsdb: Tsdb) -> None:
        promql = 'label_replace(memory_bytes{pod="a"}, "name", "pod-$1", "pod", "(.*)")'
        assert ask(tsdb, promql)[0][0]["name"] == "pod-a"

    def test_what_is_not_known_is_refused_by_name(self, tsdb: Tsdb) -> None:
        with pytest.raises(PromQLError, match="histogram_quantile"):
            ask(tsdb, "histogram_quantile(0.9, memory_bytes)")

    @pytest.mark.parametrize("text", ["sum(", "a{b=}", "rate(a)", "1 +", "a[5x]", "a b", "sum(a, b)"])
    def test_what_is_no_promql_is_refused(self, tsdb: Tsdb, text: str) -> None:
        with pytest.raises(PromQLError):
            ask(tsdb, text)

    def test_durations(self) -> None:
        assert duration("1h30m") == 5400
        assert duration("300ms") == 0.3


def test_every_query_that_code_can_name_and_every_rule_can_be_parsed() -> None:
    target = TargetRef(api_version="apps/v1", kind="Deployment", namespace="shop", name="web")
    named = [
        queries.memory_working_set(target),
        queries.memory_limit(target, "web"),
        queries.cpu_limit(target),
        queries.cpu_usage(target),
        queries.cpu_throttled(target),
        queries.restarts(target),
        queries.replicas_desired(target),
        queries.replicas_available(target),
        queries.hpa_current_replicas("shop", "web"),
        queries.hpa_desired_replicas("shop", "web"),
        queries.hpa_max_replicas("shop", "web"),
        queries.volume_used("shop", "data"),
        queries.volume_capacity("shop", "data"),
        queries.volume_used_ratio("shop", "data"),
        queries.node_conditions("node-1"),
        queries.alert({"alertname": "A", "pod": "web-1"}, target),
        queries.sources_up(),
        queries.sample_age(target),
    ]
    for promql in [query.promql for query in named] + [rule.expression for rule in DEFAULT_RULES]:
        Evaluator(Tsdb()).vector(parse(promql), 0.0)
