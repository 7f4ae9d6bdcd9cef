"""``incident-commander doctor``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from incident_commander.api.names import OPERATOR_NAMESPACE
from incident_commander.cli.options import ContextOption, KubeconfigOption, Output, OutputOption


def examine_cluster(
    ctx: typer.Context,
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Of the operator.")] = OPERATOR_NAMESPACE,
    gateway_url: Annotated[
        str, typer.Option(help="Default: the Service gateway in the namespace.", show_default=False)
    ] = "",
    prometheus_url: Annotated[
        str | None, typer.Option(help="Default: what the operator's Deployments are told.", show_default=False)
    ] = None,
    alertmanager_url: Annotated[
        str | None, typer.Option(help="Default: the one that Prometheus sends to.", show_default=False)
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="The token that Alertmanager sends.", exists=True, dir_okay=False)
    ] = None,
    output: OutputOption = Output.TABLE,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
) -> None:
    """Check a cluster, before and after installing.

    Versions, CRDs, rights of every identity, admission policies, heartbeats, keys, clock, the gateway and its
    token, Prometheus, kube-state-metrics, and Alertmanager's route. Each line says what to do about it. It reads
    only. Exits with 0 when nothing failed and nothing was hidden from it, else with 1.

    In-cluster addresses (http://prometheus.monitoring.svc:9090) work from a workstation too: what does not
    resolve is asked through the API server.
    """
    from incident_commander.cli.doctor.work import Wanted, examine_with
    from incident_commander.cli.work.desk import session_of

    try:
        token = token_file.read_text().strip() if token_file is not None else None
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{token_file} cannot be read: {error}", param_hint="--token-file") from None
    wanted = Wanted(namespace, gateway_url, prometheus_url, alertmanager_url, token)
    raise typer.Exit(examine_with(wanted, kubeconfig, context, output, session_of(ctx)))
