"""A password was changed, and who uses it was not restarted."""

import pytest

from incident_commander.api.causes import Cause
from incident_commander.api.statement import Hypothesis
from tests.unit.diagnosis.builders import ago, log, meta
from tests.unit.diagnosis.shop import shop

REFUSED = 'pq: password authentication failed for user "orders"'
AT_START = "changed after it had started"


def refused(*, changed: float, by: str = "env") -> Hypothesis:
    """The container of orders started an hour ago; its Secret was changed so many seconds ago."""
    made = shop("postgres:17", 5432)
    container = made.pods["orders"]["spec"]["containers"][0]
    if by == "env":
        ref = {"secretKeyRef": {"name": "db", "key": "password"}}
        container["env"].append({"name": "DB_PASSWORD", "valueFrom": ref})
    else:
        container["envFrom"] = [{"secretRef": {"name": "db"}}]
    edits = [{"manager": "kubectl", "operation": "Update", "time": ago(seconds=changed)}]
    made.more.append({"apiVersion": "v1", "kind": "Secret", "metadata": meta("db", managedFields=edits)})
    made.logs.append(log(made.pods["orders"], *[REFUSED] * 5, container="orders"))
    return made.diagnose().hypotheses[0]


@pytest.mark.parametrize("by", ["env", "envFrom"])
def test_the_change_is_told_and_cited(by: str) -> None:
    top = refused(changed=600, by=by)
    assert top.cause is Cause.DATABASE_CREDENTIALS_INVALID
    assert "Secret db was " + AT_START in top.summary
    assert any(c.ref == "Secret/shop/db" for c in top.evidence)
    assert top.confidence > refused(changed=9000, by=by).confidence


def test_a_secret_that_was_changed_before_the_start_was_read() -> None:
    assert AT_START not in refused(changed=9000).summary
