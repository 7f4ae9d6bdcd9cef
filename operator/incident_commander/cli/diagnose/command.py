"""``incident-commander diagnose``."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

from incident_commander.cli.options import (
    AlertmanagerOption,
    ContextOption,
    KubeconfigOption,
    NamespaceOption,
    PrometheusOption,
    Where,
    examples,
)

_BUNDLE = "bundle"


class Drawing(enum.StrEnum):
    """``--graph``."""

    MERMAID = "mermaid"
    DOT = "dot"


class Form(enum.StrEnum):
    """``-o``."""

    TEXT = "text"
    WIDE = "wide"
    JSON = "json"
    MARKDOWN = "markdown"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog=examples(
            "incident-commander diagnose -n shop",
            "incident-commander diagnose -n shop deployment/web",
            "incident-commander diagnose bundle ./incident-4711",
            "incident-commander diagnose bundle ./incident-4711 -o markdown",
            "incident-commander diagnose -n shop --graph dot | dot -Tsvg > shop.svg",
        )
    )(diagnose)


def diagnose(
    ctx: typer.Context,
    what: Annotated[
        list[str] | None,
        typer.Argument(
            help="A workload, Service, claim or node; or the word bundle and a folder. Default: the whole namespace.",
            metavar="[KIND/NAME | bundle DIR [KIND/NAME]]",
            show_default=False,
        ),
    ] = None,
    namespace: NamespaceOption = None,
    output: Annotated[Form, typer.Option("--output", "-o", help="How to print.")] = Form.TEXT,
    graph: Annotated[
        Drawing | None,
        typer.Option(help="Draw the topology instead of telling the diagnosis.", show_default=False),
    ] = None,
    prometheus_url: PrometheusOption = None,
    alertmanager_url: AlertmanagerOption = None,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
) -> None:
    """Name the cause of an incident, and why.

    On a live namespace, or on a bundle (see `bundle --help`) without any cluster. Nothing is written. The
    verdict comes first, then the evidence line by line, what was ruled out, and what could not be seen. -o wide
    shows all evidence and what each question was looked at in; the shape of -o json is in docs/diagnose.md.
    Exits with 0 when a cause is named or all is well, and with 1 when that is unknown or inconclusive.
    """
    from incident_commander.cli.diagnose import work
    from incident_commander.cli.work.desk import carry_out, session_of
    from incident_commander.cli.work.outside import Addresses

    words = what or []
    if graph is not None and output not in (Form.TEXT, Form.WIDE):
        raise typer.BadParameter(f"draws, and -o {output} tells the diagnosis: give one of them", param_hint="--graph")
    if words and words[0] == _BUNDLE:
        if len(words) < 2 or not words[1]:
            raise typer.BadParameter("give one folder: diagnose bundle DIR [KIND/NAME]", param_hint="DIR")
        if len(words) > 3:
            more = " ".join(words[3:])
            raise typer.BadParameter(f"one target at a time: {words[2]}, and then {more!r}", param_hint="KIND/NAME")
        about = words[2] if len(words) > 2 else None
        raise typer.Exit(
            work.diagnose_folder(Path(words[1]), about, namespace, graph or output, session_of(ctx).program)
        )
    if len(words) > 1:
        raise typer.BadParameter(f"one KIND/NAME, or bundle DIR; found {' '.join(words)!r}", param_hint="KIND/NAME")
    target, addresses = words[0] if words else None, Addresses(prometheus_url, alertmanager_url)
    carry_out(
        ctx,
        Where(kubeconfig, context, namespace),
        lambda desk: work.diagnose_live(desk, target, addresses, graph or output),
    )
