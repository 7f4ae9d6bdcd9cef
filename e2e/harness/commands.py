"""Running a command to its end."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass

from e2e.harness.waiting import Failure


@dataclass(frozen=True)
class Ran:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Both outputs, for messages."""
        return f"{self.out}\n{self.err}".strip()


async def run(
    *command: str,
    env: Mapping[str, str] | None = None,
    seconds: float = 60,
    check: bool = True,
    stdin: str | None = None,
) -> Ran:
    """Run, with more environment variables. Raises ``Failure`` when it takes too long, or fails (if ``check``)."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, **(env or {})},
        stdin=asyncio.subprocess.PIPE if stdin is not None else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    shown = " ".join(command[:8])
    try:
        out, err = await asyncio.wait_for(process.communicate(stdin.encode() if stdin is not None else None), seconds)
    except TimeoutError:
        raise Failure(f"`{shown}` did not end within {seconds:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    ran = Ran(process.returncode or 0, out.decode(errors="replace"), err.decode(errors="replace"))
    if check and ran.code:
        raise Failure(f"`{shown}` failed with {ran.code}: {ran.said[-2000:]}")
    return ran


def find_program(*names: str) -> str:
    """The first of these that is on PATH. Raises ``Failure``."""
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        raise Failure(f"none of {', '.join(names)} is on PATH: install one")
    return found
