"""Commands that write, each under the name of the person who calls: trigger, approve, reject, undo, breaker, keygen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from incident_commander.api.names import OPERATOR_NAMESPACE
from incident_commander.cli.options import (
    ContextOption,
    DigestOption,
    KubeconfigOption,
    NameArgument,
    NamespaceOption,
    OperatorNamespaceOption,
    ReasonOption,
    Where,
    YesOption,
    examples,
)

RoleName = Literal["detection", "diagnosis", "prediction", "resolution", "communication", "verification"]

_breaker = typer.Typer(
    help="See or reset the circuit breaker. While it is tripped, nothing is carried out anywhere.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        epilog=examples(
            'kubectl incident trigger deployment/web -n shop --reason "checkout is slow"',
            "kubectl incident trigger node/worker-3 --severity Critical",
        )
    )(trigger)
    app.command(
        epilog=examples(
            "kubectl incident approve web-5f2c81a90d -n shop",
            "kubectl incident approve web-5f2c81a90d -n shop --yes --digest sha256:afb3...",
        )
    )(approve)
    app.command(
        epilog=examples('kubectl incident reject web-5f2c81a90d -n shop --reason "release is being fixed forward"')
    )(reject)
    app.command(
        epilog=examples('kubectl incident undo web-5f2c81a90d -n shop --reason "we want the new release after all"')
    )(undo)
    app.add_typer(_breaker, name="breaker")
    app.command(
        epilog=examples(
            "incident-commander keygen diagnosis > agent-diagnosis.yaml",
            "kubectl create secret generic agent-diagnosis-key --from-file=diagnosis.pem -n incident-commander",
        )
    )(keygen)


def trigger(
    ctx: typer.Context,
    target: Annotated[str, typer.Argument(help="KIND/NAME, with kubectl's short names: deploy/web, node/n1.")],
    reason: ReasonOption = "",
    severity: Annotated[Literal["Critical", "Warning", "Info"], typer.Option(help="How bad it is.")] = "Warning",
    namespace: NamespaceOption = None,
    operator_namespace: OperatorNamespaceOption = OPERATOR_NAMESPACE,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
) -> None:
    """Open an Incident by hand.

    As if an alert had fired for the target. When an Incident is open for it already, that one is named instead, and
    the answer is exit code 1.
    """
    from incident_commander.api.statement import Severity
    from incident_commander.cli.work import triggering
    from incident_commander.cli.work.desk import carry_out

    carry_out(
        ctx,
        Where(kubeconfig, context, namespace),
        lambda desk: triggering.trigger(
            desk, target, reason=reason, severity=Severity(severity), operator_namespace=operator_namespace
        ),
    )


def approve(
    ctx: typer.Context,
    name: NameArgument,
    digest: DigestOption = None,
    reason: ReasonOption = "",
    yes: YesOption = False,
    namespace: NamespaceOption = None,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
) -> None:
    """Approve the plan that waits.

    Shows it, verifies its certificate, asks, and records your user name.
    The approval is bound to the digest of the plan: another plan is never approved by it.
    """
    _decide(ctx, name, "Approve", digest, reason, yes, Where(kubeconfig, context, namespace))


def reject(
    ctx: typer.Context,
    name: NameArgument,
    digest: DigestOption = None,
    reason: ReasonOption = "",
    yes: YesOption = False,
    namespace: NamespaceOption = None,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
) -> None:
    """Reject the plan that waits.

    Shows it, asks, and records your user name. Nothing is changed by it.
    """
    _decide(ctx, name, "Reject", digest, reason, yes, Where(kubeconfig, context, namespace))


def undo(
    ctx: typer.Context,
    name: NameArgument,
    digest: DigestOption = None,
    reason: ReasonOption = "",
    yes: YesOption = False,
    namespace: NamespaceOption = None,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
) -> None:
    """Take the last change back.

    Shows what that writes, asks, and records your user name.
    The executor undoes it from the pre-image, unless the object was changed by somebody else since.
    """
    from incident_commander.cli.work import deciding
    from incident_commander.cli.work.desk import carry_out

    carry_out(
        ctx,
        Where(kubeconfig, context, namespace),
        lambda desk: deciding.undo(desk, name, digest=digest, reason=reason, yes=yes),
    )


@_breaker.command("status", epilog=examples("kubectl incident breaker status"))
def breaker_status(
    ctx: typer.Context,
    operator_namespace: OperatorNamespaceOption = OPERATOR_NAMESPACE,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
) -> None:
    """Say whether it is tripped, and why."""
    from incident_commander.cli.work import breaker
    from incident_commander.cli.work.desk import carry_out

    carry_out(ctx, Where(kubeconfig, context), lambda desk: breaker.status(desk, operator_namespace))


@_breaker.command("reset", epilog=examples('kubectl incident breaker reset --reason "the registry is back"'))
def breaker_reset(
    ctx: typer.Context,
    reason: ReasonOption = "",
    yes: YesOption = False,
    operator_namespace: OperatorNamespaceOption = OPERATOR_NAMESPACE,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
) -> None:
    """Close it, so that plans are carried out."""
    from incident_commander.cli.work import breaker
    from incident_commander.cli.work.desk import carry_out

    carry_out(
        ctx,
        Where(kubeconfig, context),
        lambda desk: breaker.reset(desk, operator_namespace, reason=reason, yes=yes),
    )


def keygen(
    ctx: typer.Context,
    role: Annotated[RoleName, typer.Argument(help="Role of the agent.")],
    name: Annotated[str | None, typer.Option(help="Name of the Agent; default: its role.")] = None,
    days: Annotated[int, typer.Option(help="How long the key counts.", min=1, max=3650)] = 365,
    out: Annotated[
        Path, typer.Option(help="Folder for the private key.", exists=True, file_okay=False, writable=True)
    ] = Path(),
) -> None:
    """Make a signing key for an agent.

    The private half is written to NAME.pem, the Agent resource to standard output.
    """
    from incident_commander.api.role import Role
    from incident_commander.cli.work import keys
    from incident_commander.cli.work.desk import fail, session_of
    from incident_commander.errors import IncidentCommanderError

    session = session_of(ctx)
    try:
        keys.keygen(Role(role), name or role, days=days, directory=out, now=session.now())
    except IncidentCommanderError as error:
        raise typer.Exit(fail(error, "make a key", session.program)) from None


def _decide(
    ctx: typer.Context, name: str, verdict: str, digest: str | None, reason: str, yes: bool, where: Where
) -> None:
    from incident_commander.cli.work import deciding
    from incident_commander.cli.work.desk import carry_out

    carry_out(
        ctx,
        where,
        lambda desk: deciding.decide(desk, name, deciding.Verdict(verdict), digest=digest, reason=reason, yes=yes),
    )
