"""Entry points: ``incident-commander`` and the kubectl plugin ``kubectl incident``."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Annotated

import typer

from incident_commander.cli import acting, installing, reading
from incident_commander.cli.bundle import command as bundle
from incident_commander.cli.diagnose import command as diagnose
from incident_commander.cli.options import examples

_EXIT_CODES = """
\b
Exit codes:
  0  done, or the answer is yes
  1  the answer is no: not verified, not in a state for that, not confirmed
  2  the command line or the configuration is wrong
  3  not found
  4  forbidden
  5  the API server is away or refused the object
  6  verify: nothing was decided yet
"""


def plugin_app() -> typer.Typer:
    """What people do with Incidents."""
    app = _empty("See, decide and prove what Incident Commander does about incidents.")
    bundle.register(app)
    reading.register(app)
    acting.register(app)
    installing.register(app)
    return app


def full_app() -> typer.Typer:
    """The same, and the processes of the operator."""
    from incident_commander.cli import serve

    app = _empty("From a Prometheus alert to a verified fix: the operator, and what people do with its Incidents.")
    from incident_commander.cli.doctor.command import examine_cluster

    app.command(epilog=examples("incident-commander demo --seed 7"))(demo)
    app.command(
        "doctor",
        epilog=examples(
            "incident-commander doctor --prometheus-url http://prometheus.monitoring.svc:9090",
            "incident-commander doctor --token-file alertmanager.token -o json",
        ),
    )(examine_cluster)
    diagnose.register(app)
    bundle.register(app)
    reading.register(app)
    acting.register(app)
    installing.register(app)
    serve.register(app)
    return app


def demo(
    seed: Annotated[
        int | None,
        typer.Option(help="The same seed shows the same, to the byte; default: a new one.", show_default=False),
    ] = None,
) -> None:
    """Watch two incidents, without a cluster.

    From alert to the end: one is mended, the fix of the other does not help and is undone.
    """
    from incident_commander.cli.demo import demo as play

    play(seed)


def main() -> None:
    """``incident-commander``."""
    _run(full_app(), "incident-commander")


def plugin() -> None:
    """``kubectl incident``: kubectl runs the program ``kubectl-incident`` that it finds in PATH."""
    _run(plugin_app(), "kubectl incident")


def _empty(help_: str) -> typer.Typer:
    app = typer.Typer(
        help=help_,
        epilog=_EXIT_CODES,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    return app


def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=lambda value: _version(value), is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    pass


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("incident-commander"))
        raise typer.Exit


def _run(app: typer.Typer, name: str) -> None:
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets a question mark instead of a traceback.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        try:
            app(prog_name=name)
        finally:
            sys.stdout.flush()
    except OSError as error:
        if error.errno not in _NOWHERE_TO_WRITE:
            raise
        # What could not be written must not be tried again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(f"error: cannot write the output\nfound: {error.strerror}\nnext:  free space, or write elsewhere")


_NOWHERE_TO_WRITE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""Of a file or a device to which standard output leads."""
