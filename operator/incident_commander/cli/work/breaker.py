"""breaker status, breaker reset: the switch that stops every action of the cluster, and that only people close."""

from __future__ import annotations

from rich.text import Text

from incident_commander.api import kinds
from incident_commander.api.meta import format_time
from incident_commander.cli.render.text import styled
from incident_commander.cli.work.deciding import FIELD_MANAGER
from incident_commander.cli.work.desk import Desk
from incident_commander.cli.work.failure import INSTALL, CommandError, ExitCode
from incident_commander.errors import Forbidden, NotFound
from incident_commander.ports import PatchType
from incident_commander.surroundings import BREAKER_CONFIG_MAP

_TRIPPED = "Tripped"


async def status(desk: Desk, operator_namespace: str) -> None:
    """Whether it is tripped, since when and why."""
    data = await _read(desk, operator_namespace)
    if data.get("state") == _TRIPPED:
        desk.out.print(Text.assemble(("TRIPPED", "bold red"), styled(f" since {data.get('trippedAt', 'unknown')}")))
        desk.out.print(styled(data.get("reason") or "no reason is recorded"))
        desk.out.print(styled(f"Nothing is carried out until: {desk.program} breaker reset --reason ..."))
        return
    desk.out.print(Text.assemble(("closed", "bold green"), "; plans may be carried out"))
    if data.get("resetAt"):
        desk.out.print(styled(f"Last reset at {data['resetAt']} by {data.get('resetBy', 'unknown')}."))


async def reset(desk: Desk, operator_namespace: str, *, reason: str, yes: bool) -> None:
    """Close it again, under the person's own name. Attempts from before no longer count towards the next trip."""
    data = await _read(desk, operator_namespace)
    desk.trying("reset the circuit breaker")
    if data.get("state") != _TRIPPED:
        raise desk.no("it is not tripped", "nothing has to be done")
    desk.out.print(styled(f"Tripped at {data.get('trippedAt', 'unknown')}: {data.get('reason', '')}"))
    desk.confirm("Close the circuit breaker, so that plans are carried out again?", yes=yes)
    user = await desk.username()
    desk.trying("reset the circuit breaker")
    changed = {
        "state": "Closed",
        "reason": "",
        "resetAt": format_time(desk.now()),
        "resetBy": user,
        "resetReason": reason,
    }
    await desk.cluster.patch(
        kinds.CONFIG_MAP,
        operator_namespace,
        BREAKER_CONFIG_MAP,
        {"data": changed},
        patch_type=PatchType.MERGE,
        field_manager=FIELD_MANAGER,
    )
    desk.out.print(styled(f"Closed by {user}."))


async def _read(desk: Desk, operator_namespace: str) -> dict[str, str]:
    desk.trying(f"read ConfigMap {operator_namespace}/{BREAKER_CONFIG_MAP}")
    try:
        stored = await desk.cluster.get(kinds.CONFIG_MAP, operator_namespace, BREAKER_CONFIG_MAP)
    except NotFound:
        await _require_installed(desk)
        desk.trying(f"read ConfigMap {operator_namespace}/{BREAKER_CONFIG_MAP}")
        return {}
    return {str(k): str(v) for k, v in (stored.get("data") or {}).items()}


async def _require_installed(desk: Desk) -> None:
    """Without a record the breaker never tripped, or there is nothing that it could stop."""
    desk.trying("find Incident Commander in this cluster")
    try:
        await desk.cluster.list(kinds.REMEDIATION_POLICY)
    except Forbidden:
        return
    except NotFound as error:
        raise CommandError(desk.tried, f"it is not installed: {error}", INSTALL, ExitCode.NOT_FOUND) from None
