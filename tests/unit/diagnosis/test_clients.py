"""One client floods a workload: named when the access log leaves no doubt, and never else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from incident_agents.diagnosis.engine import diagnose
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Diagnosis, Hypothesis
from incident_commander.evidence.evidence import Evidence
from tests.unit.diagnosis.builders import (
    NOW,
    deployment,
    evidence,
    incident,
    log,
    meta,
    pod,
    replica_set,
    series,
    service,
    told,
)

COMMON = '{} - - [05/Jan/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 615'
JSON = '{{"level": "info", "remote_addr": "{}", "path": "/"}}'


def made(name: str, address: str, **labels: str) -> list[Any]:
    top = deployment(name)
    top["spec"]["template"]["metadata"]["labels"] = {"app": name, "tier": "load", **labels}
    rs = replica_set(top, f"{name}-5d")
    member = pod(rs, "x")
    member["metadata"]["labels"] = {"app": name, "tier": "load", "pod-template-hash": "5d", **labels}
    member["status"]["podIP"] = address
    return [top, rs, member]


def risen(found: Evidence, flooded: Any, rate: list[float]) -> Evidence:
    measured = series("request_rate", rate, pod=flooded["metadata"]["name"])
    return replace(found, series={"request_rate": measured.series})


def flood(
    loader: int = 180,
    others: int = 20,
    *,
    line: str = COMMON,
    rose: bool = True,
    more: tuple[Any, ...] = (),
    **extra: Any,
) -> Diagnosis:
    web = deployment()
    rs = replica_set(web, "6d4b75cb6d")
    flooded = pod(rs, "abcde")
    flooded["status"]["podIP"] = "10.244.1.5"
    lines = [line.format("10.244.9.9")] * loader + [line.format("10.244.9.10")] * others
    rate = [10.0] * 40 + [200.0 if rose else 10.0] * 20
    found = evidence(
        web,
        rs,
        flooded,
        *made("loader", "10.244.9.9", **extra),
        *made("shop", "10.244.9.10"),
        *more,
        logs=[log(flooded, *lines)],
    )
    return diagnose(risen(found, flooded, rate), incident("HighRequestRate"), NOW)


def named(found: Diagnosis) -> list[Hypothesis]:
    return [h for h in found.hypotheses if "client" in h.facts]


@pytest.mark.parametrize("line", [COMMON, JSON], ids=["common log format", "JSON"])
def test_the_client_is_named_with_what_a_network_policy_needs(line: str) -> None:
    found = flood(line=line)
    (top,) = named(found)
    assert found.hypotheses[0] == top, told(found)
    assert (top.cause, str(top.object)) == (Cause.TRAFFIC_SURGE, "Deployment/shop/web")
    assert top.facts["client"] == "Deployment/shop/loader"
    assert (top.facts["clientNamespace"], top.facts["clientLabel"]) == ("shop", "app=loader")
    assert "90 % of" in top.summary
    assert any("10.244.9.9" in str(c.value) for c in top.evidence)


@pytest.mark.parametrize(
    ("why", "given"),
    [
        ("requests did not rise", {"rose": False}),
        ("it sends no more than the others", {"loader": 60, "others": 60}),
        ("there are too few lines", {"loader": 20, "others": 2}),
        ("it is the only client: what it does is what the workload is for", {"others": 0}),
        ("the lines name nobody", {"line": "{{}} served something"}),
        ("it passes on what others ask of it", {"more": (service("loader", {"app": "loader"}),)}),
    ],
)
def test_in_doubt_nobody_is_named(why: str, given: dict[str, Any]) -> None:
    assert named(flood(**given)) == [], why


def test_a_client_on_the_network_of_a_node_is_not_named() -> None:
    agent = made("agent", "10.244.9.9")
    agent[-1]["spec"]["hostNetwork"] = True
    web, rs = deployment(), replica_set(deployment(), "6d4b75cb6d")
    flooded = pod(rs, "abcde")
    lines = [COMMON.format("10.244.9.9")] * 90 + [COMMON.format("10.244.9.10")] * 10
    rate = [10.0] * 40 + [200.0] * 20
    found = evidence(
        web,
        rs,
        flooded,
        *agent,
        logs=[log(flooded, *lines)],
    )
    assert named(diagnose(risen(found, flooded, rate), incident("HighRequestRate"), NOW)) == []


def test_pods_that_no_label_tells_from_others_are_not_named() -> None:
    twin = made("loader", "10.244.9.11")
    twin[0]["metadata"] = meta("loader-two")
    twin[1]["metadata"] = meta("loader-two-5d", owner=twin[0])
    twin[2]["metadata"] = meta("loader-two-5d-x", owner=twin[1], labels={"app": "loader", "tier": "load"})
    assert named(flood(more=tuple(twin))) == []
