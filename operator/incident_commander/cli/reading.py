"""Commands that look: list, show, timeline, verify. Work is imported when it is done, so that help is quick."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from incident_commander.cli.options import (
    AllNamespacesOption,
    ContextOption,
    KubeconfigOption,
    NameArgument,
    NamespaceOption,
    Output,
    OutputOption,
    Where,
    examples,
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        "list",
        epilog=examples(
            "kubectl incident list -n shop",
            "kubectl incident list -A",
            "kubectl incident list -A -o json | jq '.items[].status.phase'",
        ),
    )(list_)
    app.command(
        epilog=examples(
            "kubectl incident show web-5f2c81a90d -n shop",
            "kubectl incident show web-5f2c81a90d -n shop -o yaml > incident.yaml",
        )
    )(show)
    app.command(
        epilog=examples(
            "kubectl incident proposal web-5f2c81a90d -n shop",
            "kubectl incident proposal web-5f2c81a90d -n shop > patches.yaml",
        )
    )(proposal)
    app.command(epilog=examples("kubectl incident timeline web-5f2c81a90d -n shop"))(timeline)
    app.command(
        epilog=examples(
            "kubectl incident verify web-5f2c81a90d -n shop",
            "kubectl get incident web-5f2c81a90d -n shop -o yaml > incident.yaml",
            "kubectl get agents -o yaml > agents.yaml",
            "kubectl incident verify -f incident.yaml --keys agents.yaml",
        )
    )(verify)


def list_(
    ctx: typer.Context,
    namespace: NamespaceOption = None,
    all_namespaces: AllNamespacesOption = False,
    output: OutputOption = Output.TABLE,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
) -> None:
    """List Incidents, open ones first."""
    from incident_commander.cli.work import looking
    from incident_commander.cli.work.desk import carry_out

    where = Where(kubeconfig, context, namespace, all_namespaces)
    carry_out(ctx, where, lambda desk: looking.list_incidents(desk, output))


def show(
    ctx: typer.Context,
    name: NameArgument,
    namespace: NamespaceOption = None,
    output: OutputOption = Output.TABLE,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
) -> None:
    """Show one Incident on one page.

    The verdict first, then evidence, the plan as a diff, votes, what was done, how it was verified, and the timeline.
    """
    from incident_commander.cli.work import looking
    from incident_commander.cli.work.desk import carry_out

    carry_out(ctx, Where(kubeconfig, context, namespace), lambda desk: looking.show(desk, name, output))


def proposal(
    ctx: typer.Context,
    name: NameArgument,
    namespace: NamespaceOption = None,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
) -> None:
    """Print what to change in git, as patches of a kustomization.

    For a target that Argo CD, Flux or another controller keeps: nothing was written to it. The reason stands above each
    patch. Elsewhere than with kustomize, make the same change by hand: path and value are what counts.
    """
    from incident_commander.cli.work import looking
    from incident_commander.cli.work.desk import carry_out

    carry_out(ctx, Where(kubeconfig, context, namespace), lambda desk: looking.proposal(desk, name))


def timeline(
    ctx: typer.Context,
    name: NameArgument,
    namespace: NamespaceOption = None,
    output: OutputOption = Output.TABLE,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
) -> None:
    """Tell what happened, in order.

    When (UTC), how long after the start, who, what.
    """
    from incident_commander.cli.work import looking
    from incident_commander.cli.work.desk import carry_out

    carry_out(ctx, Where(kubeconfig, context, namespace), lambda desk: looking.timeline(desk, name, output))


def verify(
    ctx: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            help="Name of the Incident; with --file also NAMESPACE/NAME, or none for all.", show_default=False
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="Exported Incidents: no cluster is asked.", exists=True, dir_okay=False),
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option(help="With --file: exported Agents, whose public keys are trusted.", exists=True, dir_okay=False),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(help="With --file: the exported RemediationPolicy, for its rules.", exists=True, dir_okay=False),
    ] = None,
    namespace: NamespaceOption = None,
    output: OutputOption = Output.TABLE,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
) -> None:
    """Prove that a quorum signed for what was done.

    Recomputes the digest of the plan, membership, quorum, and every signature, as of when the plan was
    certified. Exits with 0 when all of it holds, and with 1 when anything does not: the first false claim
    is named. Without a cluster it needs the exported Incidents and the public keys, and nothing else; of several
    Incidents each gets a line.
    """
    from incident_commander.cli.work import verifying
    from incident_commander.cli.work.desk import carry_out, session_of

    if file is not None:
        if keys is None:
            raise typer.BadParameter(
                "--file needs --keys: `kubectl get agents -o yaml > agents.yaml`", param_hint="--keys"
            )
        program = session_of(ctx).program
        raise typer.Exit(verifying.verify_files(file, keys, policy, name, namespace, output, program))
    if name is None or keys is not None or policy is not None:
        raise typer.BadParameter("give the NAME of an Incident, or --file and --keys", param_hint="NAME")
    wanted = name
    carry_out(ctx, Where(kubeconfig, context, namespace), lambda desk: verifying.verify_on_line(desk, wanted, output))
