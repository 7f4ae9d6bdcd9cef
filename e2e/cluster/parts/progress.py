"""Say what is being done and how long it has taken so far. All of it goes to stderr: stdout is for the result."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

from e2e.cluster.parts.layout import ClusterError

_STARTED = time.monotonic()
_TELL_EVERY_SECONDS = 5.0


def say(text: str) -> None:
    print(f"[{time.monotonic() - _STARTED:5.1f} s] {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def step(what: str) -> Iterator[None]:
    """Name a step when it begins, and say how long it took when it was worth mentioning."""
    say(what)
    began = time.monotonic()
    yield
    if (took := time.monotonic() - began) > 1:
        say(f"  … done in {took:.1f} s")


def wait_for(what: str, ready: Callable[[], bool], seconds: float, why_not: Callable[[], str] = lambda: "") -> None:
    """Wait until `ready`, telling every few seconds; raises ClusterError with `why_not()` when the time is up."""
    began = told = time.monotonic()
    while not ready():
        now = time.monotonic()
        if now - began > seconds:
            raise ClusterError(f"{what}: not within {seconds:.0f} s\n{why_not()}".rstrip())
        if now - told > _TELL_EVERY_SECONDS:
            told = now
            say(f"  waiting for {what}, {now - began:.0f} s")
        time.sleep(0.2)
