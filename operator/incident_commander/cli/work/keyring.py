"""keys init and list: each agent's private key in its Secret, the public half in its Agent resource.

Whoever may do this decides who votes: an administrator, and the chart's hook Job for the moments it runs. The Agent is
written before the Secret, so that an agent never signs with a key that nobody knows yet; and before either, the write
of the Secret is tried as a dry-run, so that none is listed whose private half could not be stored.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime, timedelta

from incident_commander.api import kinds
from incident_commander.api.agent import Agent, AgentSpec, PublicKey
from incident_commander.api.meta import ObjectMeta, format_time
from incident_commander.api.names import ANNOTATION_KEY_ID
from incident_commander.api.role import Role
from incident_commander.cli.render.text import styled
from incident_commander.cli.work.desk import Desk, read_agent
from incident_commander.consensus.envelope import key_counts
from incident_commander.consensus.keys import SigningKey
from incident_commander.errors import ClusterError, ConfigurationError, IncidentCommanderError, NotFound
from incident_commander.ports import Object, PatchType

CLOCK_MARGIN = timedelta(minutes=5)
"""A new key counts from a little before now: the clock that verifies may be behind this one."""
FIELD_MANAGER = "incident-commander-keys"
SOON = timedelta(days=30)
"""A key that runs out within this is pointed out."""
LISTED_AT_MOST = 4
"""Keys of one Agent, as its CRD has it."""
_USELESS = "its votes count for nothing"
_LABELS = {"app.kubernetes.io/part-of": "incident-commander"}


def secret_of(agent: str) -> str:
    """Name of the Secret with the agent's private key; only that agent mounts it."""
    return f"agent-{agent}-key"


async def init(desk: Desk, *, days: int) -> None:
    """Make what is missing of the six agents' keys; what is there is kept. Safe to repeat."""
    for role in Role:
        said = await _ensure(desk, role, timedelta(days=days))
        desk.out.print(styled(f"{role.value:14} {said}"))


async def show(desk: Desk) -> None:
    """Each agent's keys: which one it signs with, and until when they count."""
    now = desk.now()
    agents = await desk.agents()
    try:
        signing, unread = _signing(await desk.cluster.list(kinds.LEASE, desk.namespace)), ""
    except ClusterError as error:
        signing, unread = {}, f" (Leases of {desk.namespace} cannot be read: {error})"
    for agent in agents:
        name, keys = agent.metadata.name, sorted(agent.spec.public_keys, key=lambda k: k.not_after)
        signs = signing.get(name)
        remedy = await _remedy(desk, name, keys, signs, now) if signs else ""
        for key in keys:
            mark = "*" if key.key_id == signs else " "
            said = _standing(key, keys, now, remedy=remedy if key.key_id == signs else "")
            desk.out.print(styled(f"{name:14}{mark}{key.key_id[:12]}  {said}"))
        if signs and all(key.key_id != signs for key in keys):
            desk.out.print(styled(f"{name:14}*{signs[:12]}  NOT LISTED, {_USELESS}: {remedy}"))
    if signing:
        desk.out.print(styled("* the key that the agent's process signs with"))
    untold = [agent.metadata.name for agent in agents if agent.metadata.name not in signing]
    if untold:
        desk.out.print(styled(f"not known which key signs: {', '.join(untold)}{unread}"))


def _signing(leases: Sequence[Object]) -> dict[str, str]:
    """Agent to the id of the key that its process signs with, as the agents' held Leases tell it."""
    told = {}
    for lease in leases:
        agent = str(lease["metadata"]["name"]).removeprefix("agent-")
        key_id = (lease["metadata"].get("annotations") or {}).get(ANNOTATION_KEY_ID)
        if key_id and (lease.get("spec") or {}).get("holderIdentity"):
            told[agent] = str(key_id)
    return told


async def _remedy(desk: Desk, name: str, keys: Sequence[PublicKey], signs: str, now: datetime) -> str:
    """What gives an agent that signs with ``signs`` the newest key that counts.

    A restart does only when its Secret holds another key, and that one counts. Rotation always does, and is what is
    said where the Secret cannot be read.
    """
    newest = max((k for k in keys if key_counts(k, now)), key=lambda k: k.not_after, default=None)
    if newest is not None and newest.key_id == signs:
        return ""
    rotate = f"incident-commander keys rotate {name} {desk.flag()}"
    try:
        stored = await read_key(desk, name)
    except IncidentCommanderError:
        return rotate
    if stored is None:
        return f"its Secret is gone: incident-commander keys init {desk.flag()}, then restart it"
    if stored.key_id != signs and any(k.key_id == stored.key_id and key_counts(k, now) for k in keys):
        return f"restart it, its Secret holds {stored.key_id[:12]}"
    return rotate


def _standing(key: PublicKey, keys: Sequence[PublicKey], now: datetime, *, remedy: str) -> str:
    """What there is to say of one listed key. One that a later key has followed needs no rotation.

    ``remedy`` is set for the key that the agent's process signs with, unless it is the newest that counts.
    """
    followed = any(k.not_before >= key.not_before and k.not_after > key.not_after and key_counts(k, now) for k in keys)
    if remedy and not key_counts(key, now):
        begins = key.not_before > now
        when = f"counts from {format_time(key.not_before)}" if begins else f"RAN OUT at {format_time(key.not_after)}"
        return f"{when}, {_USELESS}: {remedy}"
    if not followed:
        return _validity(key, now)
    if key.not_after <= now:
        return f"previous key, ran out at {format_time(key.not_after)}"
    until = f"previous key, runs out by itself at {format_time(key.not_after)}"
    return f"{until}; STILL SIGNED WITH, before then: {remedy}" if remedy else until


async def _ensure(desk: Desk, role: Role, validity: timedelta) -> str:
    """Answers what was found or done, for people."""
    name, now = role.value, desk.now().replace(microsecond=0)
    agent, key = await find_agent(desk, name), await read_key(desk, name)
    if agent is None:
        # A Secret that outlived its Agent keeps its key.
        made = key or SigningKey.generate()
        if key is None:
            await store(desk, name, made, exists=False, dry_run=True)
        spec = AgentSpec(role=role, service_account=f"agent-{name}", public_keys=[public_half(made, now, validity)])
        await _create_agent(desk, name, spec)
        if key is None:
            await store(desk, name, made, exists=False)
        how = "made its key" if key is None else "registered the key of its Secret"
        return f"{how}; it counts until {format_time(spec.public_keys[0].not_after)}"
    listed = {k.key_id: k for k in agent.spec.public_keys}
    if key is not None and key.key_id in listed:
        return f"kept its key; {_validity(listed[key.key_id], now)}"
    # The Secret was lost or replaced: what the agent has now must be listed, or its votes count for nothing.
    made = key or SigningKey.generate()
    still = [k for k in agent.spec.public_keys if k.not_after > now][-(LISTED_AT_MOST - 1) :]
    public = public_half(made, now, validity)
    if key is None:
        await store(desk, name, made, exists=False, dry_run=True)
    await publish(desk, agent, [*still, public])
    if key is None:
        await store(desk, name, made, exists=False)
    how = "its Secret was gone: made a key" if key is None else "listed the key of its Secret"
    return f"{how}; it counts until {format_time(public.not_after)}"


async def find_agent(desk: Desk, name: str) -> Agent | None:
    """The Agent of that name; None where there is none. Raises CommandError for one that cannot be understood."""
    desk.trying(f"read Agent {name}")
    try:
        return read_agent(await desk.cluster.get(kinds.AGENT, None, name), desk.tried)
    except NotFound:
        return None


async def read_key(desk: Desk, name: str, *, lenient: bool = False) -> SigningKey | None:
    """The private key in the agent's Secret; None where there is no Secret.

    Raises CommandError for one that cannot be used, unless ``lenient``: rotation replaces it.
    """
    secret = secret_of(name)
    desk.trying(f"read Secret {desk.namespace}/{secret}")
    try:
        stored = await desk.cluster.get(kinds.SECRET, desk.namespace, secret)
    except NotFound:
        return None
    try:
        return SigningKey.from_pem(base64.b64decode((stored.get("data") or {})[f"{name}.pem"], validate=True))
    except KeyError:
        found = f"it has no {name}.pem"
    except (ConfigurationError, binascii.Error, ValueError) as error:
        found = str(error)
    if lenient:
        return SigningKey.generate()
    raise desk.no(found, f"replace it: incident-commander keys rotate {name} {desk.flag()}")


def public_half(key: SigningKey, now: datetime, validity: timedelta) -> PublicKey:
    """What an Agent lists of a key that counts from now, or a little before, for ``validity``."""
    return key.public_key(now - CLOCK_MARGIN, now + validity)


async def _create_agent(desk: Desk, name: str, spec: AgentSpec) -> None:
    desk.trying(f"create Agent {name}")
    agent = Agent(metadata=ObjectMeta(name=name), spec=spec)
    body = {
        "apiVersion": agent.api_version,
        "kind": agent.kind,
        "metadata": {"name": name, "labels": _LABELS},
        "spec": spec.to_json(),
    }
    await desk.cluster.create(kinds.AGENT, None, body, field_manager=FIELD_MANAGER)


async def publish(desk: Desk, agent: Agent, keys: Sequence[PublicKey]) -> None:
    """Replace the listed keys, unless somebody else has changed the Agent meanwhile (Conflict)."""
    name = agent.metadata.name
    desk.trying(f"list the new public key in Agent {name}")
    body: Object = {"spec": {"publicKeys": [k.to_json() for k in keys]}}
    if agent.metadata.resource_version:
        body["metadata"] = {"resourceVersion": agent.metadata.resource_version}
    await desk.cluster.patch(kinds.AGENT, None, name, body, patch_type=PatchType.MERGE, field_manager=FIELD_MANAGER)


async def store(desk: Desk, name: str, key: SigningKey, *, exists: bool, dry_run: bool = False) -> None:
    """Put the private key where only its agent finds it; ``dry_run``: ask the API server whether that would do."""
    secret = secret_of(name)
    desk.trying(f"write Secret {desk.namespace}/{secret}{'; nothing was changed' if dry_run else ''}")
    data = {f"{name}.pem": base64.b64encode(key.to_pem()).decode()}
    if exists:
        await desk.cluster.patch(
            kinds.SECRET,
            desk.namespace,
            secret,
            {"data": data},
            patch_type=PatchType.MERGE,
            dry_run=dry_run,
            field_manager=FIELD_MANAGER,
        )
        return
    body: Object = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": secret, "namespace": desk.namespace, "labels": _LABELS},
        "type": "Opaque",
        "data": data,
    }
    await desk.cluster.create(kinds.SECRET, desk.namespace, body, dry_run=dry_run, field_manager=FIELD_MANAGER)


def _validity(key: PublicKey, now: datetime) -> str:
    if key.not_after <= now:
        return f"RAN OUT at {format_time(key.not_after)}: rotate it"
    if key.not_before > now:
        return f"counts from {format_time(key.not_before)}"
    soon = ", soon: rotate it" if key.not_after - now < SOON else ""
    return f"counts until {format_time(key.not_after)}, {(key.not_after - now).days} days{soon}"
