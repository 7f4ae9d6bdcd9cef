"""What Helm prints after an installation: it can be pasted, and agrees with the pages."""

from __future__ import annotations

import textwrap
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from charts.helm import CHART, NAMESPACE, ROOT, helm
from incident_commander.cli.doctor.facts import Facts
from incident_commander.cli.doctor.finding import Verdict
from incident_commander.cli.doctor.monitoring_checks import alertmanager


def notes(tmp_path: Path, *settings: str) -> str:
    nowhere = tmp_path / "kubeconfig"
    nowhere.touch()
    sets = [part for setting in settings for part in ("--set", setting)]
    text = helm(
        *("install", "incident-commander", str(CHART), "--namespace", NAMESPACE, "--dry-run=client", *sets),
        env={"KUBECONFIG": str(nowhere)},
    )
    return text.partition("\nNOTES:\n")[2]


def snippet(text: str) -> dict[str, Any]:
    """Alertmanager's configuration, out of the notes."""
    lines = text.splitlines()
    first = next(i for i, line in enumerate(lines) if line.strip() == "route:")
    last = next(i for i, line in enumerate(lines) if i > first and not line.strip())
    found: dict[str, Any] = yaml.safe_load(textwrap.dedent("\n".join(lines[first:last])))
    return found


@pytest.mark.parametrize(
    ("settings", "scheme"), [((), "http"), (("gateway.tls.secretName=web", "gateway.service.port=8443"), "https")]
)
def test_the_receiver_can_be_pasted_and_is_what_the_doctor_looks_for(
    tmp_path: Path, settings: tuple[str, ...], scheme: str
) -> None:
    config = snippet(notes(tmp_path, *settings))
    facts = Facts(datetime.now(UTC), NAMESPACE, "jane", alertmanager=config)
    assert [finding.verdict for finding in alertmanager(facts)] == [Verdict.OK]
    (hook,) = config["receivers"][0]["webhook_configs"]
    port = 8443 if scheme == "https" else 8080
    assert hook["url"] == f"{scheme}://gateway.{NAMESPACE}.svc:{port}/api/v1/alerts"
    assert ("tls_config" in hook["http_config"]) is (scheme == "https")


def test_notes_and_page_recommend_the_same_way_to_keep_values(tmp_path: Path) -> None:
    said, page = notes(tmp_path), (ROOT / "docs" / "operations.md").read_text()
    assert "--reset-then-reuse-values" in said
    assert "--reset-then-reuse-values" in page
    assert "--reuse-values" not in said


def test_a_missing_prometheus_is_told_first_and_only_then(tmp_path: Path) -> None:
    assert "prometheus.url is not set" in notes(tmp_path)
    assert "prometheus.url is not set" not in notes(tmp_path, "prometheus.url=http://p:9090")
