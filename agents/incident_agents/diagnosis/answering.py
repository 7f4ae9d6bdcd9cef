"""Who answers requests without errors now, by what is measured: whatever his log said before is over."""

from __future__ import annotations

from datetime import timedelta

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.movements import failing_shares

_LATELY, _AT_LAST = timedelta(minutes=5), timedelta(minutes=2)
"""How long it must have gone well; and of shares over a window, which speak of the minutes before, how long at last."""
_OVER_WINDOW = "request_error_ratio"
_FEW, _LEAST = 0.002, 2
"""The share of requests that may fail, and the number of values that must say so."""


def answering(case: Case) -> frozenset[str]:
    """The workloads (by reference) whose requests have been measured for the last minutes and went well.

    Where nobody asks there is no share of failures, and nothing is known. Series of pods that are gone say nothing.
    """
    well: set[str] = set()
    ill: set[str] = set()
    for moved in failing_shares(case):
        since = (case.now - (_AT_LAST if moved.name == _OVER_WINDOW else _LATELY)).timestamp()
        if late := [value for at, value in moved.points if at >= since]:
            (well if len(late) >= _LEAST and max(late) <= _FEW else ill).add(moved.subject)
    return frozenset(well - ill)
