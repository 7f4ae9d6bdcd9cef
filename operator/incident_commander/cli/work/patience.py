"""Something to look at for whoever waits longer than two seconds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.status import Status

from incident_commander.cli.render.text import styled

PATIENCE_SECONDS = 2.0


@contextmanager
def progress(console: Console, what: str) -> Iterator[None]:
    """After two seconds, ``what`` is said: with a spinner on a terminal, as one line elsewhere."""
    shown: list[Status] = []
    lock = threading.Lock()
    over = False

    def show() -> None:
        with lock:
            if over:
                return
            if console.is_terminal:
                status = Status(styled(what), console=console)
                shown.append(status)
                status.start()
            else:
                console.print(styled(f"{what} ..."))

    timer = threading.Timer(PATIENCE_SECONDS, show)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        with lock:
            over = True
        for status in shown:
            status.stop()
