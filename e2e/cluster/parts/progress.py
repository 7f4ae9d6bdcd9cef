"""Say what is being done and how long it has taken so far. All of it goes to stderr: stdout is for the result."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import IO

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


def watch(command: list[str]) -> None:
    """Run a slow command, telling every few seconds what it said last. Raises ClusterError when it fails."""
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        began = time.monotonic()
        while True:
            try:
                code = process.wait(_TELL_EVERY_SECONDS)
                break
            except subprocess.TimeoutExpired:
                last = _said(output).strip().rpartition("\n")[2]
                say(f"  {command[0]}, {time.monotonic() - began:.0f} s: {last[:100]}")
        if code:
            raise ClusterError(f"`{' '.join(command[:4])}` failed with {code}: {_said(output)[-2000:]}")


def _said(output: IO[str]) -> str:
    return os.pread(output.fileno(), 1 << 20, 0).decode(errors="replace")


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
