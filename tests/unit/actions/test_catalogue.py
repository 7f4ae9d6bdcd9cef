"""The catalogue holds every action that can be named, and cannot be added to."""

import pytest

from incident_commander.actions.catalogue import CATALOGUE
from incident_commander.api import kinds
from incident_commander.api.plan import ActionName
from incident_commander.errors import Refusal
from tests.unit.actions.workloads import plan, workload


def test_every_name_has_its_action() -> None:
    assert {name: action.name for name, action in CATALOGUE.items()} == {name: name for name in ActionName}


def test_it_is_frozen() -> None:
    with pytest.raises(TypeError):
        CATALOGUE[ActionName.ESCALATE] = CATALOGUE[ActionName.DELETE_POD]  # type: ignore[index]


@pytest.mark.parametrize("name", [n for n in ActionName if n is not ActionName.ESCALATE])
def test_no_action_takes_a_kind_that_must_never_be_touched(name: ActionName) -> None:
    for kind in ("Secret", "ServiceAccount", "Namespace", "ClusterRole", "Incident"):
        with pytest.raises(Refusal) as refused:
            plan(name, {**workload(), "kind": kind})
        assert refused.value.reason == "KindNotSupported"
    assert CATALOGUE[name].kinds <= {kind.kind for kind in kinds.ALL}
