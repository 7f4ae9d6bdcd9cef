"""A real Prometheus scrapes the real operator: every panel shows something, and alerts fire for what is wrong only."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from charts.helm import CHART
from e2e.cluster.parts import layout
from e2e.harness.dashboards import Viewer, ask, queries, report
from tests.controlplane.stub_prometheus import StubPrometheus
from tests.functional.house import House
from tests.functional.operator.case import ENDED, Case

SCRAPE_SECONDS = 2
VIEWER = Viewer(namespace="incident-commander", release="incident-commander", range="10m", step="20s")


def program() -> str:
    """The Prometheus that e2e/cluster/binaries has built, else the one on PATH."""
    built = layout.module_bin("prometheus") / "prometheus"
    found = str(built) if os.access(built, os.X_OK) else shutil.which("prometheus")
    if found is None:
        assert os.environ.get("CI") != "true", "no Prometheus: `e2e/cluster/binaries prometheus` builds it"
        pytest.skip("no Prometheus: `e2e/cluster/binaries prometheus` builds it (minutes, once)")
    return found


@pytest.fixture(scope="module")
def scraping(house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Prometheus that scrapes all nine processes; its URL."""
    folder: Path = tmp_path_factory.mktemp("prometheus")
    targets = [f"127.0.0.1:{port}" for port in house.ports.values()]
    config = {
        "global": {"scrape_interval": f"{SCRAPE_SECONDS}s", "evaluation_interval": f"{SCRAPE_SECONDS}s"},
        "rule_files": [str(CHART / "rules" / "*.yaml")],
        "scrape_configs": [
            {
                "job_name": "incident-commander",
                "static_configs": [{"targets": targets, "labels": {"namespace": "incident-commander"}}],
            }
        ],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [
        program(),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        house.wait("Prometheus is ready", lambda: _answers(f"{url}/-/ready"), seconds=60)
        house.wait("all nine are scraped", lambda: _value(url, "sum(up)") == len(targets), seconds=60)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture(scope="module")
def worked(house: House, prometheus: StubPrometheus, scraping: str) -> str:
    """After an Incident that was fixed and one that was only recommended."""
    fixed = Case(house, prometheus)
    fixed.fire()
    assert fixed.end()["status"]["outcome"] == "Remediated"
    recommended = Case(house, prometheus, mode="Observe")
    recommended.fire()
    assert recommended.await_phase(*ENDED)["status"]["outcome"] == "Recommended"
    recommended.mend()
    time.sleep(3 * SCRAPE_SECONDS)  # so that what happened last is scraped twice
    # The coordinator looks at the agents now and then; its first look may have come before the last one's heartbeat.
    house.wait("all six are seen to live", lambda: _value(scraping, _ABLE) == 6, seconds=90)
    house.wait("nobody is called silent any more", lambda: "IncidentCommanderAgentSilent" not in alerts(scraping))
    return scraping


async def test_every_panel_shows_something(worked: str) -> None:
    asked = queries(cadvisor=False)
    empty = await ask(worked, asked, VIEWER)
    assert not empty, report(asked, empty)


async def test_panels_of_an_installation_that_does_not_exist_show_nothing(worked: str) -> None:
    asked = queries(cadvisor=False)
    empty = await ask(worked, asked, Viewer(namespace="nowhere", range="10m", step="20s"))
    assert len(empty) == len(asked), "a zero without anything behind it is no data"


async def test_panels_about_containers_ask_what_prometheus_understands(worked: str) -> None:
    asked = [query for query in queries() if query not in queries(cadvisor=False)]
    empty = await ask(worked, asked, VIEWER)
    assert asked
    assert [found.why.split(" container_")[0] for found in empty] == ["no series of"] * len(asked)


def test_what_happened_is_what_is_shown(worked: str) -> None:
    def total(query: str) -> float:
        return _value(worked, query)

    prefix = "incident_commander"
    assert total(f'sum({prefix}_incidents_ended_total{{outcome="Remediated"}})') == 1
    assert total(f'sum({prefix}_incidents_ended_total{{outcome="Recommended"}})') == 1
    assert total(f'sum({prefix}_recovery_duration_seconds_count{{outcome="Remediated"}})') == 1
    assert total(f'sum({prefix}_hypotheses_total{{cause="ImageNotFound",rank="Top"}})') == 2
    assert total(f"sum({prefix}_votes_total)") == 12
    assert total(f"sum({prefix}_lease_held)") == 8
    assert total(f'max({prefix}_consensus_members{{state="Able"}})') == 6
    assert total(f'max({prefix}_circuit_breaker_state{{state="Closed"}})') == 1
    assert total(f"count({prefix}_build_info)") == 9
    assert 0 < total(f"max(time() - {prefix}_agent_heartbeat_timestamp_seconds)") < 60
    assert total(f'count({{__name__=~"{prefix}_.*_created"}}) or vector(0)') == 0
    assert total(f'max(count by (instance) ({{__name__=~"{prefix}_.+"}}))') < 2000


def test_a_healthy_operator_raises_no_alert_but_for_keys_that_end_today(worked: str) -> None:
    assert alerts(worked) == {"IncidentCommanderKeyExpiring"}, "the keys of this test count for six hours"


def test_what_dies_is_missed(house: House, worked: str) -> None:
    house.kill("executor", "agent-detection")
    try:
        house.wait(
            "the executor is missed",
            lambda: alerts(worked) >= {"IncidentCommanderNoLeader"},
            seconds=30,
        )
        missed = _value(worked, 'sum(ALERTS{alertname="IncidentCommanderNoLeader", component="executor"})')
        assert missed == 1
        assert _value(worked, 'sum(ALERTS{component="coordinator"}) or vector(0)') == 0
        house.wait("five can vote", lambda: _value(worked, _ABLE) == 5, seconds=90)
        assert "IncidentCommanderBelowQuorum" not in alerts(worked)
    finally:
        house.start("executor", "agent-detection")
    house.wait("nobody is missed", lambda: alerts(worked) == {"IncidentCommanderKeyExpiring"}, seconds=120)


_ABLE = 'max(incident_commander_consensus_members{state="Able"})'


def alerts(url: str) -> set[str]:
    """Names of the operator's own alerts that are pending or firing."""
    with urllib.request.urlopen(f"{url}/api/v1/alerts", timeout=10) as answer:
        found = json.loads(answer.read())["data"]["alerts"]
    return {alert["labels"]["alertname"] for alert in found}


def _answers(url: str) -> bool:
    with contextlib.suppress(OSError, urllib.error.HTTPError), urllib.request.urlopen(url, timeout=5) as answer:
        return bool(answer.status == 200)
    return False


def _value(url: str, query: str) -> float:
    form = urllib.parse.urlencode({"query": query}).encode()
    with urllib.request.urlopen(f"{url}/api/v1/query", form, timeout=10) as answer:
        found = re.search(rb'"value":\[[^,]+,"([^"]+)"\]', answer.read())
    return float(found[1]) if found else float("nan")
