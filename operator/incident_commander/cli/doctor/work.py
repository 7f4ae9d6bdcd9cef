"""Looks at a cluster, judges, prints."""

from __future__ import annotations

import asyncio
from typing import Any

from rich.console import Console

from incident_commander.cli.doctor.facts import Facts
from incident_commander.cli.doctor.gather import Wanted, gather
from incident_commander.cli.doctor.report import examine, healthy, report
from incident_commander.cli.options import Output
from incident_commander.cli.work.desk import Session, console, fail
from incident_commander.cli.work.failure import ExitCode
from incident_commander.cli.work.printing import print_data
from incident_commander.errors import IncidentCommanderError

__all__ = ["Wanted", "examine_with"]


def examine_with(
    wanted: Wanted, kubeconfig: str | None, context: str | None, output: Output, session: Session
) -> ExitCode:
    """All checks of one cluster."""
    try:
        with Console(stderr=True).status("asking the API server, Prometheus and Alertmanager"):
            facts = asyncio.run(_look(kubeconfig, context, wanted, session.now))
    except IncidentCommanderError as error:
        return fail(error, "examine the cluster", session.program)
    findings = examine(facts)
    if output is Output.TABLE:
        console().print(report(facts, findings))
    else:
        shown = [{"check": f.check, "verdict": f.verdict, "message": f.message, "advice": f.advice} for f in findings]
        print_data(console(), {"healthy": healthy(findings), "checks": shown}, output)
    return ExitCode.DONE if healthy(findings) else ExitCode.NO


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
