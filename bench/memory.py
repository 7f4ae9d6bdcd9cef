"""Resident memory of a process, and of a Kopf operator that does nothing, to compare with."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from bench.proc import resident_mib
from tests.controlplane import Assets, ControlPlane, find_or_build
from tests.functional.installed import install

GOAL_MIB = 120.0
_SETTLE_SECONDS = 20.0
_NOTHING = """
import kopf

@kopf.on.event("incidentcommander.io", "v1alpha1", "incidents")
async def look(**_):
    pass
"""


def idle_kopf_mib(*, say: Callable[[str], None]) -> dict[str, Any]:
    """The same Kopf, watching the same resource, with an empty handler. With and without the kubernetes client."""
    assets = find_or_build(progress=say)
    if not isinstance(assets, Assets):
        raise RuntimeError(f"no API server: {assets}")
    with ControlPlane(assets, controller_manager=False) as plane:
        install(plane)
        handler = plane.folder / "nothing.py"
        found = {}
        for name, extra in (("kopf", ""), ("kopf_and_kubernetes_client", "import kubernetes.client\n")):
            handler.write_text(extra + _NOTHING)
            command = [sys.executable, "-m", "kopf", "run", "--standalone", "--all-namespaces", str(handler)]
            environment = {**os.environ, "KUBECONFIG": str(plane.kubeconfig)}
            say(f"an idle operator: {name}")
            process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                time.sleep(_SETTLE_SECONDS)
                found[name] = resident_mib(process.pid)
            finally:
                process.terminate()
                process.wait()
    return found
