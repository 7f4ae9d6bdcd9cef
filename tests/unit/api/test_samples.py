"""The resources in deploy/samples, which people apply to try them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import yaml

from incident_commander.api.agent import Agent
from incident_commander.api.incident import Incident
from incident_commander.api.policy import RemediationPolicy
from incident_commander.planning.promql import unparsable_checks
from incident_commander.planning.runbooks import load_text
from incident_commander.planning.step_parameters import wrong_parameters

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
SAMPLES = DEPLOY / "samples"
FIRST_RELEASE = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_sample_agent_has_no_vote() -> None:
    """Its private key is in RFC 8032, section 7.1: anybody could sign with it."""
    agent = Agent.model_validate(yaml.safe_load((SAMPLES / "agent.yaml").read_text()))
    assert agent.spec.public_keys
    assert all(key.not_after <= FIRST_RELEASE for key in agent.spec.public_keys)
    assert agent.metadata.name not in {role.value for role in type(agent.spec.role)}, "it would replace a real one"


def test_the_sample_runbook_is_for_the_alert_of_the_sample_incident_alone() -> None:
    """A runbook that is applied as it is must not rule workloads that it does not measure."""
    [runbook] = load_text((SAMPLES / "runbook.yaml").read_text(), "runbook.yaml")
    incident = Incident.model_validate(yaml.safe_load((SAMPLES / "incident.yaml").read_text()))
    assert runbook.spec.match.alerts == [alert.name for alert in incident.spec.alerts]
    assert wrong_parameters(runbook) == []
    assert unparsable_checks(runbook.spec.verification.promql, "promql") == []


def test_sample_policies_hold_for_namespaces_that_they_name_and_measure_no_other() -> None:
    for document in yaml.safe_load_all((SAMPLES / "remediationpolicy.yaml").read_text()):
        spec = RemediationPolicy.model_validate(document).spec
        assert spec.match.namespaces
        for check in spec.verification.promql:
            [namespace] = spec.match.namespaces
            assert f'namespace="{namespace}"' in check.query


def test_the_readme_lists_every_admission_policy_and_no_other() -> None:
    table = (DEPLOY / "README.md").read_text().partition("## What admission adds")[2]
    listed = re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE)
    assert sorted(listed) == sorted(file.stem for file in (DEPLOY / "admission").glob("*.yaml"))
