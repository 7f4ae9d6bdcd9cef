"""``incident-commander bundle`` and ``kubectl incident bundle``."""

from __future__ import annotations

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


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog=examples(
            "kubectl incident bundle web-5f2c81a90d -n shop",
            "incident-commander bundle -n shop -o ./shop-outage",
            "incident-commander diagnose bundle ./shop-outage",
        )
    )(bundle)


def bundle(
    ctx: typer.Context,
    name: Annotated[
        str | None, typer.Argument(help="An Incident; default: the whole namespace.", show_default=False)
    ] = None,
    namespace: NamespaceOption = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="A new folder; default: by name and time."),
    ] = None,
    prometheus_url: PrometheusOption = None,
    alertmanager_url: AlertmanagerOption = None,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
) -> None:
    """Write what the tools answer now into a folder.

    Objects, logs, series and alerts of a namespace, as `diagnose bundle DIR` reads them, without any cluster.
    Of Secrets only names and keys are written. Passwords, tokens, keys, cookies and e-mail addresses in logs,
    variables, arguments, ConfigMaps and annotations are replaced; equal ones stay recognizable as equal. Read
    it before you pass it on: no rule finds every secret. What could not be read is listed in bundle.json.
    The folder appears when it is complete, and nothing is ever overwritten.
    """
    from incident_commander.cli.bundle import work
    from incident_commander.cli.work.desk import carry_out
    from incident_commander.cli.work.outside import Addresses

    addresses = Addresses(prometheus_url, alertmanager_url)
    carry_out(ctx, Where(kubeconfig, context, namespace), lambda desk: work.write(desk, name, output, addresses))
