"""The status patch: applied by the API server's merge rules it yields exactly the next status."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from incident_commander.api.incident import Execution, IncidentStatus, Outcome, Phase
from incident_commander.api.statement import Hypothesis
from incident_commander.coordinator.status import status_patch


def merge(target: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


facts = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.text("xyz", max_size=3), max_size=3)
statuses = st.builds(
    IncidentStatus,
    phase=st.sampled_from(list(Phase)),
    outcome=st.none() | st.sampled_from(list(Outcome)),
    message=st.text("mn", max_size=3),
    confidence=st.none() | st.integers(0, 100),
    hypotheses=st.lists(
        st.builds(
            Hypothesis, cause=st.just("Unknown"), confidence=st.integers(0, 100), summary=st.just("s"), facts=facts
        ),
        max_size=2,
    ),
)


@given(statuses, statuses)
def test_merging_the_patch_yields_the_next_status(before: IncidentStatus, after: IncidentStatus) -> None:
    patch = status_patch(before, after)
    assert merge(before.to_json(), patch or {}) == after.to_json()
    assert (patch is None) == (before == after)


def test_execution_is_never_in_it() -> None:
    before = IncidentStatus(execution=Execution())
    after = before.model_copy(update={"phase": Phase.CLOSED, "execution": Execution(waiting_until=None)})
    assert status_patch(before, after) == {"phase": "Closed"}
