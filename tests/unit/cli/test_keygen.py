"""keygen: a private file, a manifest that counts from now, and never a key overwritten."""

import stat
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from incident_commander.api.agent import Agent
from incident_commander.api.role import Role
from incident_commander.consensus.keys import SigningKey
from incident_commander.consensus.membership import members_of
from tests.unit.cli.stage import Stage
from tests.unit.consensus.council import NOW


@pytest.mark.parametrize("role", list(Role))
def test_the_file_is_the_private_half_of_the_manifests_key(role: Role, tmp_path: Path) -> None:
    ran = Stage().run("keygen", role, "--out", str(tmp_path))
    assert ran.code == 0
    agent = Agent.model_validate(yaml.safe_load(ran.out))
    path = tmp_path / f"{role}.pem"
    assert SigningKey.from_pem(path.read_bytes()).key_id == agent.spec.public_keys[0].key_id
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (agent.metadata.name, agent.spec.role, agent.spec.service_account) == (role, role, f"agent-{role}")
    assert "PRIVATE" not in ran.out


def test_the_key_counts_at_once_and_for_as_long_as_was_asked(tmp_path: Path) -> None:
    agent = Agent.model_validate(
        yaml.safe_load(Stage().run("keygen", "diagnosis", "--days", "7", "--out", str(tmp_path)).out)
    )
    assert members_of([agent], NOW)
    assert members_of([agent], NOW + timedelta(days=6))
    assert not members_of([agent], NOW + timedelta(days=7))


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "second.pem"
    path.write_text("precious")
    ran = Stage().run("keygen", "diagnosis", "--name", "second", "--out", str(tmp_path))
    assert ran.code == 1
    assert path.read_text() == "precious"
    assert "never overwritten" in ran.err
    assert ran.out == ""


def test_the_service_account_follows_the_name_as_admission_wants_it(tmp_path: Path) -> None:
    ran = Stage().run("keygen", "diagnosis", "--name", "second", "--out", str(tmp_path))
    agent = Agent.model_validate(yaml.safe_load(ran.out))
    assert (agent.metadata.name, agent.spec.service_account) == ("second", "agent-second")


def test_an_unknown_role_is_a_wrong_command_line(tmp_path: Path) -> None:
    assert Stage().run("keygen", "oracle", "--out", str(tmp_path)).code == 2


@pytest.mark.parametrize("name", ["../x y", "/tmp/x", "a.b", "A", "-a", "a-", "a" * 64, ".", "a\n"])
def test_a_name_that_no_agent_can_have_is_refused_and_nothing_is_written(name: str, tmp_path: Path) -> None:
    out = tmp_path / "keys"
    out.mkdir()
    ran = Stage().run("keygen", "diagnosis", f"--name={name}", "--out", str(out))
    assert ran.code == 2
    assert "not a DNS-1123 label" in ran.err
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []
