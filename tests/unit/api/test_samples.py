"""The resources in deploy/samples, which people apply to try them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import yaml

from incident_commander.api.agent import Agent

SAMPLE = Path(__file__).resolve().parents[3] / "deploy" / "samples" / "agent.yaml"
FIRST_RELEASE = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_sample_agent_has_no_vote() -> None:
    """Its private key is in RFC 8032, section 7.1: anybody could sign with it."""
    agent = Agent.model_validate(yaml.safe_load(SAMPLE.read_text()))
    assert agent.spec.public_keys
    assert all(key.not_after <= FIRST_RELEASE for key in agent.spec.public_keys)
    assert agent.metadata.name not in {role.value for role in type(agent.spec.role)}, "it would replace a real one"
