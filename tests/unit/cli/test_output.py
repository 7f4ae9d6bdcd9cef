"""Where standard output leads nowhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="no device that is always full")
def test_output_that_cannot_be_written_is_an_error_and_no_traceback() -> None:
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", "from incident_commander.cli.main import main; main()", "--version"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("error: cannot write the output\nfound: No space left on device\n")
    assert "Traceback" not in done.stderr
