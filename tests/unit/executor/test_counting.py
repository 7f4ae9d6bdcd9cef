"""What the executor's work leaves in the metrics."""

from __future__ import annotations

from datetime import timedelta

from prometheus_client import CollectorRegistry

from incident_commander.adapters.telemetry import PrometheusTelemetry
from incident_commander.api import kinds
from incident_commander.api.meta import format_time
from incident_commander.ports import PatchType
from tests.unit.executor.stage import Stage


class Counted(Stage):
    def __init__(self, **values: str) -> None:
        super().__init__(**values)  # type: ignore[arg-type]
        self.registry = CollectorRegistry()
        self.telemetry = PrometheusTelemetry(self.registry)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"incident_commander_{name}", labels)


async def test_a_step_counts_when_it_was_applied_and_again_when_it_was_taken_back() -> None:
    stage = Counted()
    await stage.prepare()
    await stage.executor().reconcile("shop", "inc")
    assert stage.value("steps_total", action="RestartRollout", outcome="Applied") == 1
    await stage.settle()
    await stage.status(phase="RollingBack")
    await stage.executor().reconcile("shop", "inc")
    assert stage.value("steps_total", action="RestartRollout", outcome="Undone") == 1
    assert stage.value("steps_total", action="RestartRollout", outcome="Applied") == 1


async def test_a_refusal_for_good_counts_as_refused() -> None:
    stage = Counted()
    await stage.prepare()
    data = {"state": "Tripped", "reason": "three in a row"}
    breaker = {"metadata": {"name": "incident-commander-circuit-breaker"}, "data": data}
    stage.world.apply(kinds.CONFIG_MAP, "incident-commander", breaker)
    await stage.executor().reconcile("shop", "inc")
    labels = {"guard": "circuit-breaker", "reason": "BreakerTripped", "effect": "Refused"}
    assert stage.value("guard_refusals_total", **labels) == 1


async def test_what_passes_with_time_counts_once_as_waiting() -> None:
    stage = Counted()
    await stage.prepare()
    now = stage.world.clock.now()
    window = {"name": "sale", "from": format_time(now), "until": format_time(now + timedelta(minutes=2))}
    body = {"spec": {"freezeWindows": [window]}}
    await stage.admin.patch(kinds.REMEDIATION_POLICY, None, "p", body, patch_type=PatchType.MERGE)
    for _ in range(2):
        await stage.executor().reconcile("shop", "inc")
        stage.world.clock.advance_to(stage.world.clock.now() + timedelta(seconds=1))
    labels = {"guard": "freeze", "reason": "FreezeWindow", "effect": "Waiting"}
    assert stage.value("guard_refusals_total", **labels) == 1
