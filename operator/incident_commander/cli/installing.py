"""Commands of the installer, which the chart's hook Job runs and an administrator may: keys and CRDs."""

from __future__ import annotations

from typing import Annotated

import typer

from incident_commander.api.names import OPERATOR_NAMESPACE
from incident_commander.cli.options import ContextOption, KubeconfigOption, Where, examples

_keys = typer.Typer(
    help="The agents' signing keys: a Secret each, and the public half in the Agent resource.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
_crds = typer.Typer(help="The CustomResourceDefinitions of this version.", no_args_is_help=True, rich_markup_mode=None)

NamespaceOption = Annotated[
    str, typer.Option("--namespace", "-n", help="Namespace of the operator.", rich_help_panel="Cluster")
]
DaysOption = Annotated[int, typer.Option(help="How long a new key counts.", min=1, max=3650)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(_keys, name="keys")
    app.add_typer(_crds, name="crds")


@_keys.command(epilog=examples("incident-commander keys init -n incident-commander"))
def init(
    ctx: typer.Context,
    days: DaysOption = 365,
    namespace: NamespaceOption = OPERATOR_NAMESPACE,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
) -> None:
    """Make what is missing of the six agents' keys.

    A key that is there is kept, so this is safe to repeat. The chart does it at every install and upgrade.
    """
    from incident_commander.cli.work import keyring
    from incident_commander.cli.work.desk import carry_out

    carry_out(ctx, Where(kubeconfig, context, namespace), lambda desk: keyring.init(desk, days=days))


@_keys.command(epilog=examples("incident-commander keys rotate diagnosis --overlap-hours 24"))
def rotate(
    ctx: typer.Context,
    agent: Annotated[str, typer.Argument(help="Name of the agent; of the six it is the role.")],
    days: DaysOption = 365,
    overlap_hours: Annotated[int, typer.Option(help="How long the keys before still count.", min=0, max=24 * 90)] = 24,
    restart: Annotated[bool, typer.Option(help="Restart its Deployment, which then signs with the new key.")] = True,
    namespace: NamespaceOption = OPERATOR_NAMESPACE,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
) -> None:
    """Give one agent a new key.

    The public half is listed first, then the Secret is replaced; only then do the keys before begin to end, and the
    agent is restarted. They count on for the overlap, so that what was signed with them stays valid. Where a write
    fails, the keys before count as they did, and what is left to do is said.
    """
    from incident_commander.cli.work import rotating
    from incident_commander.cli.work.desk import carry_out

    carry_out(
        ctx,
        Where(kubeconfig, context, namespace),
        lambda desk: rotating.rotate(desk, agent, days=days, overlap_hours=overlap_hours, restart=restart),
    )


@_keys.command(epilog=examples("incident-commander keys guarded -n incident-commander"))
def guarded(
    ctx: typer.Context,
    namespace: NamespaceOption = OPERATOR_NAMESPACE,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
) -> None:
    """Prove that whoever runs this could make no Secret but the agents' keys; exit code 1 when not.

    The chart's hook begins with it. It asks for a Secret that would hold another identity's token, as a dry-run,
    and is content when admission refuses. An administrator may make any Secret, and is told so.
    """
    from incident_commander.cli.work import guarded
    from incident_commander.cli.work.desk import carry_out

    carry_out(ctx, Where(kubeconfig, context, namespace), guarded.prove)


@_keys.command("list", epilog=examples("incident-commander keys list"))
def list_(
    ctx: typer.Context,
    namespace: NamespaceOption = OPERATOR_NAMESPACE,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
) -> None:
    """Show until when each agent's keys count, and which one its process signs with."""
    from incident_commander.cli.work import keyring
    from incident_commander.cli.work.desk import carry_out

    carry_out(ctx, Where(kubeconfig, context, namespace), keyring.show)


@_crds.command(epilog=examples("incident-commander crds apply"))
def apply(ctx: typer.Context, kubeconfig: KubeconfigOption = None, context: ContextOption = None) -> None:
    """Install or upgrade the CRDs. All Incidents, Agents, policies and runbooks are kept."""
    from incident_commander.cli.work import crds
    from incident_commander.cli.work.desk import carry_out

    carry_out(ctx, Where(kubeconfig, context), crds.apply)


@_crds.command(epilog=examples("incident-commander crds check"))
def check(ctx: typer.Context, kubeconfig: KubeconfigOption = None, context: ContextOption = None) -> None:
    """Say whether the cluster's CRDs are those of this version; exit code 1 when not."""
    from incident_commander.cli.work import crds
    from incident_commander.cli.work.desk import carry_out

    carry_out(ctx, Where(kubeconfig, context), crds.check)
