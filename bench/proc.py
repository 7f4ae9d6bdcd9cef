"""What /proc tells of a process."""

from __future__ import annotations

import os
from pathlib import Path


def resident_mib(pid: int) -> float:
    """Resident memory now (VmRSS), in MiB."""
    return _memory(pid, "VmRSS")


def peak_mib(pid: int) -> float:
    """Highest resident memory so far (VmHWM), in MiB."""
    return _memory(pid, "VmHWM")


def cpu_seconds(pid: int) -> float:
    """Time on a CPU so far, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int, name: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    line = next(line for line in lines if line.startswith(f"{name}:"))
    return round(int(line.split()[1]) / 1024, 1)
