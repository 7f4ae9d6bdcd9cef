"""Readiness and liveness probes against what a behaviour answers."""

from __future__ import annotations

from typing import Any

from incident_commander.rehearsal.behaviour import Behaviour


def probe_failure(probe: dict[str, Any], behaviour: Behaviour, age: float, ip: str, ports: dict[str, int]) -> str:
    """Why the probe fails, in the kubelet's words; empty when it succeeds."""
    http = probe.get("httpGet")
    target = http or probe.get("tcpSocket")
    up = age >= behaviour.ready_after and (behaviour.answering is None or behaviour.answering())
    if target is None:
        return "" if up else "command exited with 1"
    port = target["port"] if isinstance(target["port"], int) else ports.get(str(target["port"]), 0)
    up = up and (behaviour.port is None or behaviour.port == port)
    url = f'Get "http://{ip}:{port}{http.get("path", "/")}": ' if http else ""
    if not up:
        return f"{url}dial tcp {ip}:{port}: connect: connection refused"
    if behaviour.answer_seconds > float(probe.get("timeoutSeconds", 1)):
        return f"{url}context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    if http and not 200 <= behaviour.answer_status < 400:
        return f"HTTP probe failed with statuscode: {behaviour.answer_status}"
    return ""
