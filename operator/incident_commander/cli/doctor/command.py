"""``incident-commander doctor``."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from incident_commander.api.names import OPERATOR_NAMESPACE
from incident_commander.cli.doctor.facts import Facts
from incident_commander.cli.doctor.gather import Wanted, gather
from incident_commander.cli.doctor.report import examine, healthy, report
from incident_commander.cli.options import ContextOption, KubeconfigOption, Output, OutputOption
from incident_commander.cli.work.desk import console, fail, session_of
from incident_commander.cli.work.failure import ExitCode
from incident_commander.cli.work.printing import print_data
from incident_commander.errors import IncidentCommanderError


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
    program = session_of(ctx).program
    try:
        token = token_file.read_text().strip() if token_file is not None else None
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{token_file} cannot be read: {error}", param_hint="--token-file") from None
    wanted = Wanted(namespace, gateway_url, prometheus_url, alertmanager_url, token)
    try:
        with Console(stderr=True).status("asking the API server, Prometheus and Alertmanager"):
            facts = asyncio.run(_look(kubeconfig, context, wanted, session_of(ctx).now))
    except IncidentCommanderError as error:
        raise typer.Exit(fail(error, "examine the cluster", program)) from None
    findings = examine(facts)
    if output is Output.TABLE:
        console().print(report(facts, findings))
    else:
        shown = [{"check": f.check, "verdict": f.verdict, "message": f.message, "advice": f.advice} for f in findings]
        print_data(console(), {"healthy": healthy(findings), "checks": shown}, output)
    raise typer.Exit(ExitCode.DONE if healthy(findings) else ExitCode.NO)


async def _look(kubeconfig: str | None, context: str | None, wanted: Wanted, now: Any) -> Facts:
    from incident_commander.adapters.kube_transport import Identity, Transport
    from incident_commander.adapters.kubernetes import KubernetesCluster
    from incident_commander.adapters.reach import Reach

    agent = "incident-commander-doctor"
    transport = await Transport.connect(kubeconfig, context)
    try:
        cluster = KubernetesCluster(transport, Identity(user_agent=agent))
        return await gather(cluster, Reach(transport, agent), now, wanted)
    finally:
        await transport.close()
