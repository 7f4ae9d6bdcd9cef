"""Running a command whose progress people want to see."""

from __future__ import annotations

import asyncio

from e2e.harness.waiting import Failure


async def stream(*command: str, seconds: float) -> int:
    """Run with our own output; answers the exit code. Raises ``Failure`` when it takes too long."""
    # In a session of its own, so that Ctrl-C lets us end it with SIGTERM and await its tidying up.
    process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL, start_new_session=True)
    try:
        return await asyncio.wait_for(process.wait(), seconds)
    except TimeoutError:
        raise Failure(f"`{' '.join(command)}` did not end within {seconds:.0f} s") from None
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
