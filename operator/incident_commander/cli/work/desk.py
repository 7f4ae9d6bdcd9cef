"""What a command works with: a cluster, a namespace, the time, and two consoles."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import typer
from pydantic import ValidationError
from rich.console import Console

from incident_commander.api import kinds
from incident_commander.api.agent import Agent
from incident_commander.api.incident import Incident
from incident_commander.cli.options import Where
from incident_commander.cli.render.text import safe
from incident_commander.cli.work.failure import CommandError, ExitCode, explain
from incident_commander.cli.work.kubeconfig import current_namespace
from incident_commander.cli.work.whoami import whoami
from incident_commander.errors import Forbidden, IncidentCommanderError, NotFound
from incident_commander.ports import Cluster, Object


@dataclass(frozen=True, slots=True)
class Connection:
    """An API server, the namespace that its context names, and how to hang up."""

    cluster: Cluster
    namespace: str
    close: Callable[[], Awaitable[None]]


async def connect(where: Where) -> Connection:
    """The API server that kubectl would talk to."""
    from incident_commander.adapters.kubernetes import KubernetesCluster

    cluster = await KubernetesCluster.connect(where.kubeconfig, where.context, user_agent="kubectl-incident")
    return Connection(cluster, current_namespace(where.kubeconfig, where.context), cluster.close)


@dataclass(frozen=True, slots=True)
class Session:
    """What the process brings; tests bring another. ``program`` is how the user calls us."""

    connect: Callable[[Where], Awaitable[Connection]] = connect
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    program: str = "incident-commander"


class Desk:
    """One command being carried out."""

    def __init__(self, session: Session, connection: Connection, where: Where) -> None:
        self.cluster = connection.cluster
        self.namespace = where.namespace or connection.namespace
        self.everywhere = where.all_namespaces
        self.now = session.now
        self.program = session.program
        self.out = console()
        self.tried = "start"

    def trying(self, what: str) -> None:
        """Say what comes next, in words that follow "cannot", for the error that may come of it."""
        self.tried = what

    def no(self, found: str, advice: str) -> CommandError:
        """The answer is no."""
        return CommandError(self.tried, found, advice)

    def flag(self) -> str:
        """How to name this namespace on a command line."""
        return f"-n {self.namespace}"

    async def incident(self, name: str) -> tuple[Object, Incident]:
        """An Incident as stored, and read."""
        self.trying(f"read Incident {self.namespace}/{name}")
        stored = await self.cluster.get(kinds.INCIDENT, self.namespace, name)
        return stored, read_incident(stored, self.tried)

    async def namespace_must_exist(self, namespace: str, advice: str) -> None:
        """That nothing is found must not read as good news where only the name is misspelt. Raises ``CommandError``."""
        try:
            await self.cluster.get(kinds.NAMESPACE, None, namespace)
        except NotFound:
            raise CommandError(self.tried, f"there is no namespace {namespace}", advice, ExitCode.NOT_FOUND) from None
        except Forbidden:
            return  # who may not read namespaces is told what is found in it

    async def agents(self) -> list[Agent]:
        """All Agents. One that cannot be understood is an error: leaving it out would change the quorum."""
        self.trying("list the Agents, whose public keys votes are verified with")
        return [read_agent(item, self.tried) for item in await self.cluster.list(kinds.AGENT)]

    async def username(self) -> str:
        """Who we are to the API server."""
        self.trying("ask the API server who you are (SelfSubjectReview)")
        found = await whoami(self.cluster)
        if not found.username:
            raise self.no("the answer names no user", "log in to the cluster, then repeat")
        return found.username

    def confirm(self, question: str, *, yes: bool) -> None:
        """Ask, unless ``yes``. Anything but a yes ends the command; so does the end of input."""
        if yes:
            return
        try:
            agreed = typer.confirm(safe(question), err=True)
        except typer.Abort:
            agreed = False
        if not agreed:
            raise self.no("you did not confirm; nothing was written", "repeat and answer y, or give --yes")


TO_VERIFY = "Who verifies needs ClusterRole incident-verifier, bound cluster-wide: Agents are of no namespace"
"""For who may not read Agents: a RoleBinding of incident-approver does not give it."""
Work = Callable[[Desk], Awaitable[ExitCode | None]]


def carry_out(context: typer.Context, where: Where, work: Work) -> None:
    """Connect, work, hang up; print what went wrong; leave with the exit code."""
    session = session_of(context)
    code = asyncio.run(_carry_out(session, where, work))
    raise typer.Exit(code)


def session_of(context: typer.Context) -> Session:
    """The session that a test gave, or the process's own."""
    if isinstance(context.obj, Session):
        return context.obj
    return Session(program=context.find_root().info_name or "incident-commander")


def fail(error: IncidentCommanderError, tried: str, program: str) -> ExitCode:
    """Print an error for people on standard error."""
    explained = explain(error, tried, program)
    explained.show(console(stderr=True))
    return explained.code


class _Page(Console):
    """A file or a pipe is not filled up to the width of a terminal: lines end where their text does."""

    def print(self, *objects: Any, **options: Any) -> None:
        """As a console does, without blanks at the ends of lines."""
        with self.capture() as captured:
            super().print(*objects, **options)
        self.file.write(_BLANKS.sub("", captured.get()))
        self.file.flush()


_BLANKS = re.compile(r"[ \t]+(?=\n|$)")


def console(*, stderr: bool = False) -> Console:
    """Markup, highlighting and emoji codes are off: text of others must stay text.

    With NO_COLOR set, it is plain text: neither colours nor bold.
    """
    file = sys.stderr if stderr else sys.stdout
    kind = Console if file.isatty() else _Page
    colours: Literal["auto"] | None = None if os.environ.get("NO_COLOR") else "auto"
    return kind(file=file, markup=False, highlight=False, emoji=False, color_system=colours)


def read_incident(stored: Object, tried: str) -> Incident:
    """Parse, or say which field is wrong."""
    try:
        return Incident.model_validate(stored)
    except ValidationError as error:
        raise _malformed("Incident", stored, tried, error) from None


def read_agent(stored: Object, tried: str) -> Agent:
    """Parse, or say which field is wrong."""
    try:
        return Agent.model_validate(stored)
    except ValidationError as error:
        raise _malformed("Agent", stored, tried, error) from None


def _malformed(kind: str, stored: Object, tried: str, error: ValidationError) -> CommandError:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    path = ".".join(str(part) for part in first["loc"])
    name = (stored.get("metadata") or {}).get("name", "?")
    return CommandError(
        tried,
        f"{kind} {name} does not have the shape of this version: {path}: {first['msg']}",
        "use the version of this program that fits the installed CRDs, or correct the field",
    )


async def _carry_out(session: Session, where: Where, work: Work) -> ExitCode:
    try:
        connection = await session.connect(where)
    except IncidentCommanderError as error:
        return fail(error, "find the API server", session.program)
    desk = Desk(session, connection, where)
    try:
        return await work(desk) or ExitCode.DONE
    except IncidentCommanderError as error:
        return fail(error, desk.tried, session.program)
    finally:
        await connection.close()
