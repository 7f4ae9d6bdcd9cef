"""Programs that wait for their disk. Series are generated (see ``exporters``)."""

import pytest

from incident_agents.diagnosis.ranking import BAR
from incident_commander.api.causes import Cause
from tests.unit.diagnosis.builders import log, told
from tests.unit.diagnosis.exporters import node_exporter
from tests.unit.diagnosis.shop import Shop, shop

REDIS = "Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer without waiting for fsync"
MYSQL = "InnoDB: page_cleaner: 1000ms intended loop took 8243ms. The settings might not be optimal."


def waits(line: str, times: int = 6) -> Shop:
    made = shop()
    made.logs.append(log(made.pods["db"], "ready for connections", *[line] * times, container="db"))
    return made


@pytest.mark.parametrize("line", [REDIS, MYSQL])
def test_its_words_alone_make_a_suspicion_and_the_nodes_figures_make_it_sure(line: str) -> None:
    alone = waits(line).diagnose().hypotheses[0]
    assert (alone.cause, str(alone.object)) == (Cause.DISK_SATURATED, "Deployment/shop/db")
    busy = node_exporter("node-a", disk=(0.1, 0.6))
    both = waits(line).diagnose(series=busy).hypotheses[0]
    assert both.cause is Cause.DISK_SATURATED
    assert BAR <= alone.confidence < 70 < both.confidence


def test_one_such_line_is_an_accident() -> None:
    found = waits(REDIS, 1).diagnose()
    assert all(h.confidence < BAR for h in found.hypotheses), told(found)
