"""Processes of this machine that the suite starts, and ends by the ids it started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from e2e.harness.waiting import Failure

_END_SECONDS = 25
"""Longer than the gateway finishes requests in flight."""


@dataclass
class Program:
    """A command, and where its output goes."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it; output is appended to its log."""
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C on the terminal reaches us alone, and we end them in order.
            self.process = await asyncio.create_subprocess_exec(
                *self.command,
                env={**_inherited(), **self.environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def check(self) -> None:
        """Raises ``Failure`` with the end of its log when it is not running."""
        if self.process is None or self.process.returncode is not None:
            code = None if self.process is None else self.process.returncode
            raise Failure(f"{self.name} is not running (exit code {code}); its log ends with:\n{self.tail(15)}")

    async def kill(self) -> None:
        """SIGKILL: it gets no chance to tidy up."""
        self.check()
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def end(self) -> None:
        """SIGTERM, and SIGKILL when that does not help."""
        process = self.process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), _END_SECONDS)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def tail(self, lines: int) -> str:
        """The last lines of its log."""
        if not self.log.exists():
            return "(no log)"
        text = self.log.read_bytes()[-65536:].decode(errors="replace").splitlines()
        return "\n".join(f"    {line[:400]}" for line in text[-lines:]) or "    (empty)"


def _inherited() -> dict[str, str]:
    """The environment without anybody's cluster credentials or settings of the operator."""
    return {
        name: text
        for name, text in os.environ.items()
        if name != "KUBECONFIG" and not name.startswith(("INCIDENT_COMMANDER_", "KUBERNETES_"))
    }
