"""An API server, or its store, that does not answer in time: by the words of those who need it."""

import pytest

from incident_agents.diagnosis.ranking import BAR
from incident_commander.api.causes import Cause
from tests.unit.diagnosis.builders import log, merged, node, told
from tests.unit.diagnosis.shop import Shop, shop

SLOW = "error updating lease: etcdserver: request timed out"
LOST = "E0303 leaderelection.go:441] failed to renew lease shop/controller: timed out waiting for the condition"


def speaking(line: str, *callers: str, times: int = 4) -> Shop:
    made = shop()
    made.nodes.append(merged(node("cp-1"), {"metadata": {"labels": {"node-role.kubernetes.io/control-plane": ""}}}))
    for caller in callers:
        made.logs.append(log(made.pods[caller], *[line] * times, container=caller))
    return made


@pytest.mark.parametrize(("line", "component"), [(SLOW, "etcd"), (LOST, "kube-apiserver")])
def test_the_component_is_told_by_the_words(line: str, component: str) -> None:
    top = speaking(line, "web", "orders").diagnose().hypotheses[0]
    assert (top.cause, str(top.object)) == (Cause.CONTROL_PLANE_DOWN, "Node/cp-1")
    assert top.facts["component"] == component


def test_several_that_say_so_are_surer_than_one() -> None:
    one, two = (speaking(SLOW, *who).diagnose().hypotheses[0].confidence for who in (("web",), ("web", "orders")))
    assert BAR <= one < two


def test_a_single_line_is_an_accident() -> None:
    found = speaking(SLOW, "web", times=1).diagnose()
    assert all(h.confidence < BAR for h in found.hypotheses), told(found)
