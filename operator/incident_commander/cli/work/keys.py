"""keygen: a signing key for one agent, and the Agent resource with its public half."""

from __future__ import annotations

import os
import re
from datetime import datetime, timedelta
from pathlib import Path

import yaml

from incident_commander.api.agent import Agent, AgentSpec
from incident_commander.api.meta import ObjectMeta
from incident_commander.api.role import Role
from incident_commander.cli.work.desk import console
from incident_commander.cli.work.failure import CommandError, ExitCode
from incident_commander.cli.work.keyring import CLOCK_MARGIN
from incident_commander.consensus.keys import SigningKey

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_NAME_MAX = 63


def keygen(role: Role, name: str, *, days: int, directory: Path, now: datetime) -> None:
    """Write ``NAME.pem``, readable by its owner only and never over another, and print the manifest.

    Raises CommandError when the name cannot be an Agent's or the file cannot be written.
    """
    if len(name) > _NAME_MAX or not _NAME.fullmatch(name):
        raise CommandError(
            f"make a key for agent {name!r}",
            "the name is not a DNS-1123 label: at most 63 lower-case letters, digits and '-', "
            "beginning and ending with a letter or digit",
            "choose another --name",
            ExitCode.USAGE,
        )
    key = SigningKey.generate()
    path = directory / f"{name}.pem"
    tried = f"write the private key to {path}"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key.to_pem())
    except FileExistsError:
        raise CommandError(
            tried, "the file exists", "move it away, or choose another --out; keys are never overwritten"
        ) from None
    except OSError as error:
        raise CommandError(
            tried, str(error), "choose a directory you may write to with --out", ExitCode.USAGE
        ) from None
    start = now.replace(microsecond=0) - CLOCK_MARGIN
    agent = Agent(
        metadata=ObjectMeta(name=name),
        spec=AgentSpec(
            role=role,
            service_account=f"agent-{name}",
            public_keys=[key.public_key(start, start + timedelta(days=days))],
        ),
    )
    manifest = {
        "apiVersion": agent.api_version,
        "kind": agent.kind,
        "metadata": {"name": name},
        "spec": agent.spec.to_json(),
    }
    out = console().file
    out.write(f"# private key: {path} (keep it in one Secret that only this agent mounts, and nowhere else)\n")
    out.write("# to rotate: add the new key to spec.publicKeys, restart the agent with it, then remove the old one\n")
    out.write(yaml.safe_dump(manifest, sort_keys=False))
