"""Programs that run out of memory without being killed by the kubelet's count."""

import pytest

from incident_agents.diagnosis.ranking import BAR
from incident_commander.api.causes import Cause
from tests.unit.diagnosis.builders import crash_looping, ended, log, told
from tests.unit.diagnosis.shop import Shop, shop

HEAP = 'Exception in thread "main" java.lang.OutOfMemoryError: Java heap space'
CHILD = "[ERROR] Worker (pid:41) was sent SIGKILL! Perhaps out of memory?"


def broken(line: str, *, code: int = 1, reason: str = "Error") -> Shop:
    made = shop()
    last = ended(code, reason)
    made.restarts(
        "orders", **{k: crash_looping(code=code, reason=reason, last=last)[k] for k in ("state", "lastState")}
    )
    made.logs.append(log(made.pods["orders"], "starting", line, container="orders", previous=True))
    return made


@pytest.mark.parametrize("line", [HEAP, CHILD])
def test_memory_is_the_cause_and_no_limit_is_suggested(line: str) -> None:
    found = broken(line).diagnose()
    top = found.hypotheses[0]
    assert (top.cause, str(top.object)) == (Cause.MEMORY_LIMIT_TOO_LOW, "Deployment/shop/orders"), told(found)
    assert "suggestedMemoryLimit" not in top.facts


def test_a_bound_of_the_program_is_told_from_that_of_the_container() -> None:
    assert "its own bound" in broken(HEAP).diagnose().hypotheses[0].summary
    assert "its own bound" not in broken(CHILD).diagnose().hypotheses[0].summary


def test_what_was_killed_by_the_containers_limit_is_told_once() -> None:
    found = broken(HEAP, code=137, reason="OOMKilled").diagnose()
    assert [h.cause for h in found.hypotheses].count(Cause.MEMORY_LIMIT_TOO_LOW) == 1, told(found)


def test_a_program_that_goes_on_is_hardly_a_suspicion() -> None:
    made = shop()
    made.logs.append(log(made.pods["orders"], CHILD, *["served"] * 8, container="orders"))
    assert all(h.confidence < BAR for h in made.diagnose().hypotheses)
