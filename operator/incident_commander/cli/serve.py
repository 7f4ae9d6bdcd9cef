"""Commands that run the operator's processes. Heavy imports happen inside: other commands stay quick."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from incident_commander.api.role import Role
from incident_commander.errors import ConfigurationError, PartEnded
from incident_commander.log_level import LogLevel

if TYPE_CHECKING:
    from incident_commander.operators.process import Process
    from incident_commander.settings import Settings

Kubeconfig = Annotated[
    str | None,
    typer.Option(help="File that says where the API server is [INCIDENT_COMMANDER_KUBECONFIG, KUBECONFIG]."),
]
Context = Annotated[
    str | None,
    typer.Option(help="Context of the kubeconfig; else the current one [INCIDENT_COMMANDER_CONTEXT]."),
]
Namespace = Annotated[
    str | None,
    typer.Option(help="Namespace of the operator [INCIDENT_COMMANDER_NAMESPACE, incident-commander]."),
]
Prometheus = Annotated[
    str | None,
    typer.Option(help="URL of Prometheus; else metrics are gaps [INCIDENT_COMMANDER_PROMETHEUS_URL]."),
]
HealthBind = Annotated[
    str | None,
    typer.Option(help="/healthz, /readyz, /metrics [INCIDENT_COMMANDER_HEALTH_BIND, 0.0.0.0:8081]."),
]
GatewayBind = Annotated[
    str | None,
    typer.Option(help="Where alerts are received [INCIDENT_COMMANDER_GATEWAY_BIND, 127.0.0.1:8080]."),
]
NoToken = Annotated[
    bool,
    typer.Option("--no-token", help="Take alerts from everybody; on a loopback address only."),
]
LogLevelOption = Annotated[LogLevel | None, typer.Option(help="How much is logged [INCIDENT_COMMANDER_LOG_LEVEL].")]


def register(app: typer.Typer) -> None:
    """Add the commands that serve."""
    app.command()(run)
    app.command()(coordinator)
    app.command()(executor)
    app.command()(gateway)
    app.command()(agent)


def run(
    all_: Annotated[bool, typer.Option("--all", help="Coordinator, executor, gateway and six agents.")] = False,
    impersonate: Annotated[
        bool,
        typer.Option(
            help="Let each component act as its own ServiceAccount; your user must be allowed to impersonate."
        ),
    ] = True,
    keys_dir: Annotated[
        Path | None, typer.Option(help="Folder with <agent>.pem for each agent [INCIDENT_COMMANDER_KEYS_DIR].")
    ] = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    namespace: Namespace = None,
    prometheus_url: Prometheus = None,
    health_bind: HealthBind = None,
    gateway_bind: GatewayBind = None,
    no_token: NoToken = False,
    log_level: LogLevelOption = None,
) -> None:
    """Run everything in this one process, for development: one fault domain, separate identities."""
    if not all_:
        raise typer.BadParameter(
            "says nothing to run; add --all, or start one process: coordinator, executor, gateway, agent ROLE"
        )
    settings = _settings(kubeconfig, context, namespace, prometheus_url, health_bind, gateway_bind, no_token, log_level)
    if keys_dir is not None:
        settings = replace(settings, keys_dir=keys_dir)

    def add(process: Process) -> None:
        from incident_commander.operators.parts import add_everything

        add_everything(process)

    _serve(settings, add, impersonate=impersonate)


def coordinator(
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    namespace: Namespace = None,
    prometheus_url: Prometheus = None,
    health_bind: HealthBind = None,
    log_level: LogLevelOption = None,
) -> None:
    """Run the coordinator: it decides and records, and touches no workload."""

    def add(process: Process) -> None:
        from incident_commander.operators.parts import add_coordinator

        add_coordinator(process)

    _serve(_settings(kubeconfig, context, namespace, prometheus_url, health_bind, None, False, log_level), add)


def executor(
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    namespace: Namespace = None,
    health_bind: HealthBind = None,
    log_level: LogLevelOption = None,
) -> None:
    """Run the executor: it carries out what a certificate proves, and nothing else."""

    def add(process: Process) -> None:
        from incident_commander.operators.parts import add_executor

        add_executor(process)

    _serve(_settings(kubeconfig, context, namespace, None, health_bind, None, False, log_level), add)


def gateway(
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    namespace: Namespace = None,
    gateway_bind: GatewayBind = None,
    no_token: NoToken = False,
    log_level: LogLevelOption = None,
) -> None:
    """Run the gateway: it makes Incidents of alerts."""

    def add(process: Process) -> None:
        from incident_commander.operators.parts import add_gateway

        add_gateway(process)

    _serve(_settings(kubeconfig, context, namespace, None, None, gateway_bind, no_token, log_level), add)


def agent(
    role: Annotated[Role, typer.Argument(help="Which of the six.")],
    name: Annotated[
        str | None, typer.Option(help="Name of its Agent resource; else the role [INCIDENT_COMMANDER_AGENT_NAME].")
    ] = None,
    key_file: Annotated[Path | None, typer.Option(help="Its signing key, PEM [INCIDENT_COMMANDER_KEY_FILE].")] = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    namespace: Namespace = None,
    prometheus_url: Prometheus = None,
    health_bind: HealthBind = None,
    log_level: LogLevelOption = None,
) -> None:
    """Run one agent."""
    settings = _settings(kubeconfig, context, namespace, prometheus_url, health_bind, None, False, log_level)
    settings = replace(settings, agent_name=name or settings.agent_name, key_file=key_file or settings.key_file)

    def add(process: Process) -> None:
        from incident_commander.operators.parts import add_one_agent

        add_one_agent(process, role)

    _serve(settings, add)


def _settings(
    kubeconfig: str | None,
    context: str | None,
    namespace: str | None,
    prometheus_url: str | None,
    health_bind: str | None,
    gateway_bind: str | None,
    no_token: bool,
    log_level: LogLevel | None,
) -> Settings:
    """From the environment, overridden by what was given on the command line."""
    from incident_commander.settings import Address, Settings

    try:
        found = Settings.from_environment(os.environ)
        return replace(
            found,
            kubeconfig=kubeconfig or found.kubeconfig,
            context=context or found.context,
            namespace=namespace or found.namespace,
            prometheus_url=prometheus_url or found.prometheus_url,
            health_bind=Address.parse(health_bind, "HEALTH_BIND") if health_bind else found.health_bind,
            gateway_bind=Address.parse(gateway_bind, "GATEWAY_BIND") if gateway_bind else found.gateway_bind,
            gateway_tokens=found.gateway_tokens and not no_token,
            log_level=log_level or found.log_level,
        )
    except ConfigurationError as error:
        _give_up(error)
    except PartEnded as error:
        typer.echo(f"incident-commander: {error}", err=True)
        sys.exit(1)


def _serve(settings: Settings, add: Callable[[Process], None], *, impersonate: bool = False) -> None:
    import asyncio

    from incident_commander.adapters.kube_transport import Transport
    from incident_commander.operators.logs import configure
    from incident_commander.operators.process import Process

    configure(settings.log_level)

    async def main() -> None:
        process = Process(
            settings, await Transport.connect(settings.kubeconfig, settings.context), impersonate=impersonate
        )
        add(process)
        await process.run()

    try:
        asyncio.run(main())
    except ConfigurationError as error:
        _give_up(error)
    except PartEnded as error:
        typer.echo(f"incident-commander: {error}", err=True)
        sys.exit(1)


def _give_up(error: ConfigurationError) -> NoReturn:
    typer.echo(f"incident-commander: {error}", err=True)
    sys.exit(2)
