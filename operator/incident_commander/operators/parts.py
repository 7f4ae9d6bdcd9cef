"""The components, each put into a process."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from incident_agents.assembly import build_agent
from incident_agents.evidence_source import EvidenceSource
from incident_agents.runtime import AgentIdentity, AgentRunner
from incident_commander.adapters.gauges import AgentGauges, BreakerGauge
from incident_commander.adapters.webhook import Format, WebhookNotifier, address_from
from incident_commander.api.names import ANNOTATION_KEY_ID
from incident_commander.api.role import Role
from incident_commander.api.runbook import Runbook
from incident_commander.consensus.keys import SigningKey
from incident_commander.coordinator.policies import PolicyReviewer
from incident_commander.coordinator.reconciler import Coordinator
from incident_commander.coordinator.view import CoordinatorSettings
from incident_commander.errors import ConfigurationError
from incident_commander.executor.reconciler import Executor, ExecutorSettings
from incident_commander.operators.breaker import watch_breaker
from incident_commander.operators.process import Process
from incident_commander.operators.roster import watch_agents
from incident_commander.operators.wakeup import agent_interest, coordinator_interest, executor_interest
from incident_commander.planning.runbooks import builtin_runbooks
from incident_commander.settings import PREFIX, Address, Settings

if TYPE_CHECKING:
    from incident_commander.gateway.tls import Certificate

_BACKLOG = 2048


def add_coordinator(process: Process) -> None:
    """Reconciles Incidents: gather, decide, record."""
    cluster = process.cluster("coordinator")
    coordinator = Coordinator(
        cluster=cluster,
        metrics=process.metrics,
        clock=process.clock,
        settings=CoordinatorSettings(operator_namespace=process.settings.namespace),
        telemetry=process.telemetry,
        notifier=_notifier(process),
    )
    process.telemetry.coordinates()
    process.count_open_incidents()
    gauges = AgentGauges(process.registry)
    process.serve(partial(watch_agents, cluster, process.clock, gauges, process.settings.namespace, process.stop))
    lease = process.lease("coordinator", cluster)
    process.add("coordinator", coordinator.reconcile, coordinator_interest, lease)
    reviewer = PolicyReviewer(cluster, process.clock, process.settings.disabled_actions, process.metrics)
    process.repeat("policies", reviewer.review_all, lease)


def _notifier(process: Process) -> WebhookNotifier | None:
    """How people are told; None where no webhook is set."""
    settings = process.settings
    address = address_from(settings.notify_url, settings.notify_url_file)
    if address is None:
        return None
    notifier = WebhookNotifier(
        address, Format(settings.notify_format), process.telemetry, token_file=settings.notify_token_file
    )
    notifier.check()
    process.serve(partial(notifier.run, process.stop))
    return notifier


def add_executor(process: Process) -> None:
    """Carries out certified plans."""
    cluster = process.cluster("executor")
    executor = Executor(
        cluster=cluster,
        clock=process.clock,
        settings=ExecutorSettings(
            operator_namespace=process.settings.namespace, disabled_actions=process.settings.disabled_actions
        ),
        telemetry=process.telemetry,
    )
    gauge = BreakerGauge(process.registry)
    process.serve(partial(watch_breaker, cluster, gauge, process.settings.namespace, process.stop))
    process.add("executor", executor.reconcile, executor_interest, process.lease("executor", cluster))


def add_agent(
    process: Process, role: Role, name: str, key: SigningKey, runbooks: list[Runbook], source: EvidenceSource | None
) -> None:
    """One agent. ``source`` is shared by agents of one process; None: it gathers with its own identity."""
    component = f"agent-{name}"
    cluster = process.cluster(component)
    agent = build_agent(
        role,
        cluster=cluster,
        metrics=process.metrics,
        clock=process.clock,
        runbooks=runbooks,
        source=source,
        operator_namespace=process.settings.namespace,
        disabled_actions=process.settings.disabled_actions,
    )
    lease = process.lease(component, cluster, {ANNOTATION_KEY_ID: key.key_id})
    runner = AgentRunner(
        agent,
        AgentIdentity(name, key),
        cluster,
        process.clock,
        telemetry=process.telemetry,
        in_charge=lease.held,
    )
    process.add(component, runner.reconcile, agent_interest(name, role.value, agent.speaks_in), lease)


def add_gateway(process: Process) -> None:
    """Receives alerts. Its web framework is imported here: other processes do not pay for it."""
    from incident_commander.gateway.app import create_app
    from incident_commander.gateway.reviewer import ClusterReviewer
    from incident_commander.gateway.server import server
    from incident_commander.gateway.settings import Authentication, GatewaySettings

    bind = process.settings.gateway_bind
    settings = GatewaySettings(
        host=bind.host,
        port=bind.port,
        authentication=Authentication.TOKEN_REVIEW if process.settings.gateway_tokens else Authentication.NONE,
        operator_namespace=process.settings.namespace,
    )
    cluster = process.cluster("gateway")
    reviewer = ClusterReviewer(cluster, process.clock, settings) if process.settings.gateway_tokens else None
    app = create_app(cluster, reviewer, process.clock, settings, process.registry)
    certificate = _certificate(process.settings)
    web = server(app, settings, certificate)
    # The process listens to signals itself, and tells the server.
    web.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]

    async def serve() -> None:
        # Bound here: the server would end the process where the address is taken, and say less.
        serving = asyncio.create_task(web.serve(sockets=[listen(bind)]))
        stopping = asyncio.create_task(process.stop.wait())
        renewing = asyncio.create_task(certificate.keep()) if certificate is not None else None
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if renewing is not None:
            renewing.cancel()
        app.state.gateway.draining = True
        web.should_exit = True
        await serving
        stopping.cancel()

    process.serve(serve)


def _certificate(settings: Settings) -> Certificate | None:
    from incident_commander.gateway.tls import Certificate, TlsFiles

    found, key = settings.gateway_tls_cert_file, settings.gateway_tls_key_file
    return Certificate(TlsFiles(found, key)) if found is not None and key is not None else None


def listen(bind: Address) -> socket.socket:
    """A listening socket. Raises ``ConfigurationError`` when the address is taken or is not ours."""
    family = socket.AF_INET6 if ":" in bind.host else socket.AF_INET
    try:
        return socket.create_server((bind.host, bind.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ConfigurationError(
            f"{PREFIX}GATEWAY_BIND: cannot listen on {bind.host}:{bind.port} ({error.strerror}); choose another address"
        ) from error


def read_key(path: Path | None, setting: str, role: str) -> SigningKey:
    """An agent's private key. Raises ``ConfigurationError`` that says how to make one."""
    how = f"make one with `incident-commander keygen ROLE --name {role} | kubectl apply -f -`"
    if path is None:
        raise ConfigurationError(f"{PREFIX}{setting} is not set: agent {role} has no signing key; {how}")
    try:
        return SigningKey.from_pem(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{PREFIX}{setting}: {path} cannot be read ({error.strerror}); {how}") from error


def add_one_agent(process: Process, role: Role) -> None:
    """The agent that a process of its own runs."""
    settings = process.settings
    name = settings.agent_name or role.value
    key = read_key(settings.key_file, "KEY_FILE", name)
    add_agent(process, role, name, key, builtin_runbooks() if role is Role.RESOLUTION else [], None)


def add_everything(process: Process) -> None:
    """All components in one process, for development. The agents share what they read, nothing else."""
    settings = process.settings
    if settings.keys_dir is None:
        raise ConfigurationError(
            f"{PREFIX}KEYS_DIR is not set: the agents have no signing keys; "
            "make one for each with `incident-commander keygen ROLE --out DIR | kubectl apply -f -`, "
            "and set --keys-dir DIR"
        )
    keys = {role: read_key(settings.keys_dir / f"{role}.pem", "KEYS_DIR", role.value) for role in Role}
    add_coordinator(process)
    add_executor(process)
    source = EvidenceSource(
        process.cluster("agent-diagnosis"), process.metrics, process.clock, operator_namespace=settings.namespace
    )
    runbooks = builtin_runbooks()
    for role, key in keys.items():
        add_agent(process, role, role.value, key, runbooks, source)
    add_gateway(process)
