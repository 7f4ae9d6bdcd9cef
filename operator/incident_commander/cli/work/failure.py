"""Errors for people: what was tried, what was found, what to do next; and the exit code."""

from __future__ import annotations

import enum
import re

from rich.console import Console
from rich.table import Table
from rich.text import Text

from incident_commander import errors
from incident_commander.api import kinds
from incident_commander.cli.render.text import safe_lines

INSTALL = "install the chart: `kubectl get crd incidents.incidentcommander.io` shows whether its resources are there"
_NOT_FOUND = re.compile(r'(?P<resource>[a-z0-9.-]+) "(?P<name>[^"]+)" not found')
_PLACE = re.compile(r"(?:in namespace (?=[a-z0-9-]+$)|\b[A-Z]\w+[ /](?=[a-z0-9-]+/))(?P<namespace>[a-z0-9-]+)")
"""Of ``Incident shop/web`` or ``Deployment web in namespace shop``, as commands say what they try."""


class ExitCode(enum.IntEnum):
    """Documented in ``--help`` and docs; scripts may rely on them."""

    DONE = 0
    NO = 1
    """The answer is no: verification failed, the Incident is not in a state for that, a person said no."""
    USAGE = 2
    NOT_FOUND = 3
    FORBIDDEN = 4
    CLUSTER = 5
    """The API server is away, overloaded, or refused the object."""
    UNDECIDED = 6
    """verify: nothing was decided yet, so there is nothing to verify, and nothing is wrong."""


class CommandError(errors.IncidentCommanderError):
    """Ends a command. Each part is a sentence without a full stop."""

    def __init__(self, tried: str, found: str, advice: str, code: ExitCode = ExitCode.NO) -> None:
        super().__init__(found)
        self.tried, self.found, self.advice, self.code = tried, found, advice, code

    def show(self, console: Console) -> None:
        """Three lines on the console, which is standard error."""
        table = Table.grid(padding=(0, 1, 0, 0))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        table.add_row(Text("error:", style="bold red"), _lines(f"cannot {self.tried}"))
        table.add_row(Text("found:", style="bold"), _lines(self.found))
        table.add_row(Text("next:", style="bold"), _lines(self.advice))
        console.print(table)


def explain(error: errors.IncidentCommanderError, tried: str, program: str) -> CommandError:
    """The same error for people, with advice that fits."""
    found = str(error) or type(error).__name__
    match error:
        case CommandError():
            return error
        case errors.NotFound():
            return CommandError(tried, found, _for_missing(found, tried, program), ExitCode.NOT_FOUND)
        case errors.Forbidden():
            return CommandError(
                tried,
                found,
                "ask for this right, or use another --context; `kubectl auth whoami` says who you are",
                ExitCode.FORBIDDEN,
            )
        case errors.Conflict():
            return CommandError(tried, found, "it changed meanwhile: look again, then repeat", ExitCode.CLUSTER)
        case errors.Invalid() | errors.AlreadyExists():
            return CommandError(tried, found, "correct what the API server names, then repeat", ExitCode.CLUSTER)
        case errors.ClusterError():
            return CommandError(
                tried,
                found,
                "see whether `kubectl version` is answered with the same --context, then repeat",
                ExitCode.CLUSTER,
            )
        case errors.ConfigurationError():
            return CommandError(tried, found, "correct the setting that is named", ExitCode.USAGE)
        case _:
            return CommandError(tried, found, f"see `{program} --help`", ExitCode.NO)


def _for_missing(found: str, tried: str, program: str) -> str:
    """Which kind was missing, and where to look for it: the API server says RESOURCE "NAME" not found."""
    named = _NOT_FOUND.search(found)
    if named is None:
        return INSTALL
    resource, place = named["resource"], _PLACE.search(tried)
    if resource == kinds.INCIDENT.resource:
        where = f"only namespace {place['namespace']} was looked in; " if place else ""
        return f"{where}`{program} list -A` shows the Incidents of all, and -n names another"
    flag = f" -n {place['namespace']}" if place else " -A"
    return f"`kubectl get {resource}{flag}` shows what there is; -n names another namespace"


def _lines(text: str) -> Text:
    return Text("\n".join(safe_lines(text)))
