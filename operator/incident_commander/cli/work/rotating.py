"""keys rotate: a new signing key for one agent, with nothing half-done at any failure.

In this order: the write of the Secret is tried as a server-side dry-run; the new public key is listed beside the
others; the private half goes into the Secret; and only then do the keys before it end. So at every moment the key in
the Secret counts, and until it is another one, so does the one before.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from incident_commander import errors
from incident_commander.api import kinds
from incident_commander.api.agent import Agent, PublicKey
from incident_commander.api.meta import format_time
from incident_commander.api.names import ANNOTATION_RESTARTED_AT
from incident_commander.cli.render.text import styled
from incident_commander.cli.work.desk import Desk
from incident_commander.cli.work.failure import CommandError, ExitCode, explain
from incident_commander.cli.work.keyring import (
    FIELD_MANAGER,
    LISTED_AT_MOST,
    find_agent,
    public_half,
    publish,
    read_key,
    secret_of,
    store,
)
from incident_commander.consensus.keys import SigningKey
from incident_commander.ports import PatchType

_REFUSALS = (errors.NotFound, errors.AlreadyExists, errors.Conflict, errors.Forbidden, errors.Invalid, errors.Throttled)
"""The API server's own word that it has not written. After any other error it may have, or may yet."""
_TRIES = 4
"""Of ending the old keys, when somebody else changes the Agent at the same time (the coordinator writes its status)."""


async def rotate(desk: Desk, name: str, *, days: int, overlap_hours: int, restart: bool) -> None:
    """A new key for one agent. The ones before count for ``overlap_hours`` more: votes in flight stay valid."""
    agent = await find_agent(desk, name)
    if agent is None:
        desk.trying(f"rotate the key of agent {name}")
        raise desk.no(f"there is no Agent {name}", "make the six of them: incident-commander keys init")
    now = desk.now().replace(microsecond=0)
    end = now + timedelta(hours=overlap_hours)
    kept = _kept(desk, agent, now, end)
    await _must_have_secret(desk, name)
    key = SigningKey.generate()
    public = public_half(key, now, timedelta(days=days))
    await store(desk, name, key, exists=True, dry_run=True)
    await _list_beside(desk, agent, kept, public)
    await _hand_over(desk, agent, key)
    desk.out.print(styled(f"{name}: new key {key.key_id[:12]}, counts until {format_time(public.not_after)}"))
    for old in await _end(desk, name, key.key_id, {k.key_id for k in kept}, end):
        desk.out.print(styled(f"{name}: key {old.key_id[:12]} counts until {format_time(old.not_after)}"))
    if restart:
        await _restart(desk, name)


def _kept(desk: Desk, agent: Agent, now: datetime, end: datetime) -> list[PublicKey]:
    """The keys that stay listed beside the new one, as they are. One that would end before it begins is dropped."""
    desk.trying(f"rotate the key of agent {agent.metadata.name}")
    kept = [k for k in agent.spec.public_keys if k.not_after > now and k.not_before < end]
    if len(kept) >= LISTED_AT_MOST:
        first = min(k.not_after for k in kept)
        raise desk.no(
            f"{len(kept)} keys of it still count, and an Agent lists at most {LISTED_AT_MOST}",
            f"wait until {format_time(first)}, when the first of them runs out, or remove one from spec.publicKeys",
        )
    return kept


async def _must_have_secret(desk: Desk, name: str) -> None:
    """Where there is none, this is not the agent's namespace, or the Secret was lost: no key may end for either."""
    if await read_key(desk, name, lenient=True) is not None:
        return
    raise CommandError(
        f"rotate the key of agent {name}; nothing was changed",
        f"there is no Secret {desk.namespace}/{secret_of(name)}",
        f"name the operator's namespace with -n; if it is {desk.namespace} and the Secret was lost: "
        f"incident-commander keys init {desk.flag()}",
        ExitCode.NOT_FOUND,
    )


async def _list_beside(desk: Desk, agent: Agent, kept: list[PublicKey], public: PublicKey) -> None:
    """First: who signs with the new key must be believed. The others count as before."""
    name = agent.metadata.name

    async def write() -> None:
        await publish(desk, agent, [*kept, public])

    async def landed() -> bool:
        found = await find_agent(desk, name)
        return found is not None and any(k.key_id == public.key_id for k in found.spec.public_keys)

    try:
        await _sure(write, landed)
    except _REFUSALS:
        raise  # nothing was changed
    except errors.ClusterError as error:
        raise _stands(
            desk,
            error,
            f"list the new public key in Agent {name}",
            f"every key counts as before. Should Agent {name} list key {public.key_id[:12]} after all, remove it from "
            f"spec.publicKeys: nobody has its private half. Then rotate again",
        ) from None


async def _hand_over(desk: Desk, agent: Agent, key: SigningKey) -> None:
    """Store the private half. When it certainly was not stored, the Agent is put back as it was."""
    name = agent.metadata.name
    tried = f"write Secret {desk.namespace}/{secret_of(name)}"

    async def write() -> None:
        await store(desk, name, key, exists=True)

    async def landed() -> bool:
        found = await read_key(desk, name, lenient=True)
        return found is not None and found.key_id == key.key_id

    try:
        await _sure(write, landed)
        return
    except _REFUSALS as refused:
        error: errors.ClusterError = refused
    except errors.ClusterError as unknown:
        raise _stands(
            desk,
            unknown,
            tried,
            f"it is not known whether it was written, so Agent {name} lists the new key {key.key_id[:12]}, and the "
            f"keys before it count as they did. Once the API server answers, rotate again",
        ) from None
    try:
        found = await find_agent(desk, name)
        if found is not None:
            desk.trying(f"put Agent {name} back as it was")
            await publish(desk, found, _put_back(agent.spec.public_keys, found.spec.public_keys, key.key_id))
    except errors.IncidentCommanderError as second:
        raise _stands(
            desk,
            error,
            tried,
            f"Agent {name} lists key {key.key_id[:12]}, whose private half nobody has, and taking it back failed "
            f"({second}): remove it from spec.publicKeys. The keys before it count as they did",
        ) from None
    raise _stands(
        desk, error, tried, f"mend this, then rotate again: Agent {name} was put back, its keys count as before"
    ) from None


async def _end(desk: Desk, name: str, new: str, kept: set[str], end: datetime) -> list[PublicKey]:
    """Let the keys before the new one end; answers them. The Secret holds the new one already."""
    tried = f"let the keys before the new one end in Agent {name}"
    try:
        for left in reversed(range(_TRIES)):
            agent = await find_agent(desk, name)
            if agent is None:
                raise errors.NotFound(f"Agent {name} was deleted meanwhile")
            listed = agent.spec.public_keys
            ended = [
                k.model_copy(update={"not_after": min(k.not_after, end)}) if k.key_id in kept else k for k in listed
            ]
            desk.trying(tried)
            try:
                if ended != listed:
                    await publish(desk, agent, ended)
            except errors.Conflict:
                if not left:
                    raise
            else:
                return [k for k in ended if k.key_id in kept]
    except errors.ClusterError as error:
        raise _stands(
            desk,
            error,
            tried,
            f"the new key {new[:12]} is stored and counts; the ones before it still count as long as they did. Restart "
            f"the agent: kubectl rollout restart deployment/agent-{name} {desk.flag()}; then set their notAfter to "
            f"{format_time(end)}: kubectl edit agent {name}",
        ) from None
    raise AssertionError("the last try answers or raises")


def _put_back(before: Sequence[PublicKey], now: Sequence[PublicKey], new: str) -> list[PublicKey]:
    """What was listed before, and what somebody else has listed meanwhile."""
    others = [k for k in now if k.key_id != new]
    dropped = [k for k in before if all(k.key_id != other.key_id for other in others)]
    return [*dropped, *others][-LISTED_AT_MOST:]


async def _sure(write: Callable[[], Awaitable[None]], landed: Callable[[], Awaitable[bool]]) -> None:
    """A write whose answer was lost is done when what it wrote is there. Raises ClusterError as ``write`` does."""
    try:
        await write()
    except _REFUSALS:
        raise
    except errors.ClusterError:
        try:
            done = await landed()
        except errors.IncidentCommanderError:
            done = False
        if not done:
            raise


def _stands(desk: Desk, error: errors.ClusterError, tried: str, advice: str) -> CommandError:
    """What was tried and found, and in what state everything is now."""
    return CommandError(tried, str(error), advice, explain(error, tried, desk.program).code)


async def _restart(desk: Desk, name: str) -> None:
    """A process reads its key when it starts. Where no Deployment of ours runs the agent, say what to do."""
    at = format_time(desk.now())
    body = {"spec": {"template": {"metadata": {"annotations": {ANNOTATION_RESTARTED_AT: at}}}}}
    for deployment in (f"agent-{name}", "all-in-one"):
        desk.trying(f"restart Deployment {desk.namespace}/{deployment}, which still signs with the key before")
        try:
            await desk.cluster.patch(
                kinds.DEPLOYMENT,
                desk.namespace,
                deployment,
                body,
                patch_type=PatchType.MERGE,
                field_manager=FIELD_MANAGER,
            )
        except errors.NotFound:
            continue
        except errors.ClusterError as error:
            raise desk.no(
                str(error), f"the new key is stored: kubectl rollout restart deployment/{deployment} {desk.flag()}"
            ) from None
        desk.out.print(styled(f"{name}: restarting Deployment {deployment}, which then signs with it"))
        return
    desk.out.print(styled(f"{name}: no Deployment of it in namespace {desk.namespace}; restart its process"))
