"""Processes that outlive the command that starts them, each with a pid file and a log of its own.

A pid file holds the pid and the process's start time, so that a number given to somebody else meanwhile is never taken
for ours.
"""

from __future__ import annotations

import contextlib
import os
import signal
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from e2e.cluster.parts.layout import LOG_FOLDER, PID_FOLDER, ClusterError
from e2e.cluster.parts.progress import step, wait_for

_STOP_SECONDS = 5.0


def ensure(
    name: str,
    command: list[str],
    ready: Callable[[], bool],
    seconds: float = 60,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Start the process unless it runs, and wait until it is ready. Raises ClusterError with the end of its log."""
    if pid_of(name) is None:
        with step(f"starting {name}"):
            _start(name, command, environment or {})
            wait_for(name, lambda: _still(name) and ready(), seconds, lambda: tail(name))
    else:
        wait_for(name, ready, seconds, lambda: tail(name))


def pid_of(name: str) -> int | None:
    """The pid of a running process that we started, or None."""
    try:
        pid, started = (PID_FOLDER / f"{name}.pid").read_text().split()
    except FileNotFoundError:
        return None
    return int(pid) if _start_time(int(pid)) == started else None


def names() -> list[str]:
    """All that was started, running or not, in the order of starting."""
    files = sorted(PID_FOLDER.glob("*.pid"), key=lambda file: file.stat().st_mtime_ns)
    return [file.stem for file in files]


def signal_to(name: str, number: signal.Signals) -> None:
    if (pid := pid_of(name)) is not None:
        os.kill(pid, number)


def stop(name: str, *, hard: bool = False) -> None:
    """End one process: asked first, then killed; `hard` skips the asking."""
    if (pid := pid_of(name)) is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL if hard else signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        while pid_of(name) is not None:
            if time.monotonic() > deadline:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)
    (PID_FOLDER / f"{name}.pid").unlink(missing_ok=True)


def log_of(name: str) -> Path:
    return LOG_FOLDER / f"{name}.log"


def tail(name: str, lines: int = 20) -> str:
    """The end of a process's log, for an error message."""
    if not log_of(name).exists():
        return ""
    text = log_of(name).read_text(errors="replace").splitlines()[-lines:]
    return f"  the end of {log_of(name)}:\n" + "\n".join(f"    {line[:300]}" for line in text)


def answers(url: str) -> bool:
    """Whether one of our processes says that it is well; on loopback its certificate does not matter."""
    anybody = ssl.create_default_context()
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    try:
        with urllib.request.urlopen(url, timeout=5, context=anybody) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _start(name: str, command: list[str], environment: Mapping[str, str]) -> None:
    for folder in (LOG_FOLDER, PID_FOLDER):
        folder.mkdir(parents=True, exist_ok=True)
    with log_of(name).open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=os.environ | environment,
        )
    (PID_FOLDER / f"{name}.pid").write_text(f"{process.pid} {_start_time(process.pid)}")


def _still(name: str) -> bool:
    """True while it runs. Raises ClusterError when it ended: nobody need wait for it any longer."""
    if pid_of(name) is None:
        raise ClusterError(f"{name} ended instead of becoming ready\n{tail(name)}")
    return True


def _start_time(pid: int) -> str | None:
    """When the process started, in clock ticks since the boot; None when there is none, or only its remains."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else fields[19]
