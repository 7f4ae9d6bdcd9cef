"""What an alert's expression reads is found in Prometheus' syntax tree, and the reasons listed are about something."""

from __future__ import annotations

from typing import Any

import pytest

from e2e.harness.rules import Selector, Silent, expressions, listed, report, selectors


def selector(name: str, **matchers: str) -> dict[str, Any]:
    found = [{"name": key, "type": "=", "value": value} for key, value in matchers.items()]
    return {"type": "vectorSelector", "name": name, "matchers": [*found, {"name": "__name__", "value": name}]}


def by(expr: dict[str, Any], *labels: str) -> dict[str, Any]:
    return {"type": "aggregation", "op": "max", "without": False, "grouping": list(labels), "expr": expr}


def joined(lhs: dict[str, Any], op: str, rhs: dict[str, Any], *labels: str) -> dict[str, Any]:
    return {"type": "binaryExpr", "op": op, "lhs": lhs, "rhs": rhs, "matching": {"on": bool(labels), "labels": labels}}


def test_a_selector_is_asked_for_the_labels_by_which_it_is_grouped() -> None:
    found = list(selectors(by(selector("up", job="kubelet"), "node", "job")))
    assert found == [Selector("up", ('job="kubelet"',), ("node",))]
    assert found[0].promql == 'up{job="kubelet",node!=""}'


def test_a_join_asks_both_sides_and_the_right_of_and_for_nothing_else() -> None:
    tree = by(joined(selector("a"), "and", selector("b"), "pod"), "cronjob")
    assert list(selectors(tree)) == [Selector("a", (), ("cronjob", "pod")), Selector("b", (), ("pod",))]
    tree = by(joined(selector("a"), "/", selector("b"), "pod"), "node")
    assert list(selectors(tree)) == [Selector("a", (), ("node", "pod")), Selector("b", (), ("node", "pod"))]


def test_a_label_that_label_replace_makes_is_asked_of_nobody() -> None:
    arguments = [selector("a"), *({"type": "stringLiteral", "val": v} for v in ("cronjob", "$1", "owner_name", "(.+)"))]
    tree = by({"type": "call", "func": {"name": "label_replace"}, "args": arguments}, "cronjob", "namespace")
    assert list(selectors(tree)) == [Selector("a", (), ("namespace",))]


def test_what_is_not_understood_is_not_passed_over() -> None:
    with pytest.raises(ValueError, match="stepInvariant"):
        list(selectors({"type": "stepInvariant"}))


def test_what_is_silent_for_no_reason_stands_first() -> None:
    known, unknown = Selector("pg_up", (), ()), Selector("upp", (), ())
    found = [Silent(known, ("A",), "no such metric", "no exporter"), Silent(unknown, ("B", "C"), "no such metric", "")]
    lines = report(found, 5).splitlines()
    assert lines[0] == "rules: every series of 2 of 5 alerts was seen; 1 selectors are silent for no reason"
    assert "B, C: no such metric for upp" in lines[1]


def test_every_listed_reason_is_about_something_that_an_alert_asks_for() -> None:
    texts = " ".join(expressions().values())
    metrics = {pattern.split("{")[0].rstrip("*") for pattern in listed()}
    assert [metric for metric in metrics if metric not in texts] == []
