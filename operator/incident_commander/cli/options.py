"""Options that commands share, named as kubectl names them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

_CLUSTER = "Cluster"


class Output(enum.StrEnum):
    """``-o``."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


@dataclass(frozen=True, slots=True)
class Where:
    """Which API server, and where on it. ``namespace`` None is the kubeconfig context's."""

    kubeconfig: str | None = None
    context: str | None = None
    namespace: str | None = None
    all_namespaces: bool = False


def examples(*lines: str) -> str:
    """The end of a command's help. The first character keeps click from joining the lines."""
    return "\n".join(("\b", "Example:" if len(lines) == 1 else "Examples:", *(f"  {line}" for line in lines)))


NamespaceOption = Annotated[
    str | None,
    typer.Option("--namespace", "-n", help="Namespace; default: the context's.", rich_help_panel=_CLUSTER),
]
AllNamespacesOption = Annotated[
    bool, typer.Option("--all-namespaces", "-A", help="All namespaces.", rich_help_panel=_CLUSTER)
]
KubeconfigOption = Annotated[
    str | None,
    typer.Option(help="Path of a kubeconfig; default: $KUBECONFIG, ~/.kube/config.", rich_help_panel=_CLUSTER),
]
ContextOption = Annotated[
    str | None, typer.Option(help="Context of the kubeconfig; default: the current one.", rich_help_panel=_CLUSTER)
]
PrometheusOption = Annotated[
    str | None,
    typer.Option(
        "--prometheus-url",
        envvar="INCIDENT_COMMANDER_PROMETHEUS_URL",
        help="Else metrics are not seen.",
        show_default=False,
    ),
]
AlertmanagerOption = Annotated[
    str | None,
    typer.Option(
        "--alertmanager-url",
        envvar="INCIDENT_COMMANDER_ALERTMANAGER_URL",
        help="Else alerts are not seen.",
        show_default=False,
    ),
]
OperatorNamespaceOption = Annotated[str, typer.Option(help="Namespace of the operator.", rich_help_panel=_CLUSTER)]
OutputOption = Annotated[Output, typer.Option("--output", "-o", help="How to print.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DigestOption = Annotated[
    str | None,
    typer.Option(help="Act only when the plan has this digest: pins what you have read.", metavar="SHA256"),
]
ReasonOption = Annotated[str, typer.Option(help="Why; recorded in the Incident.")]
NameArgument = Annotated[str, typer.Argument(help="Name of the Incident.", show_default=False)]
ExistingFile = Annotated[Path, typer.Option(exists=True, dir_okay=False, readable=True)]
