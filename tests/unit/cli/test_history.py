"""verify of several Incidents in one file: a line for each, and none that is false is passed over."""

import json
from pathlib import Path

import pytest
import yaml

from incident_commander.api.incident import Incident, Phase
from tests.unit.cli.stage import applied, incident, words
from tests.unit.cli.test_verifying import Files, done


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


class TestAHistory:
    def write(self, files: Files, *incidents: Incident) -> None:
        items = [i.to_json() for i in incidents]
        files.incident.write_text(yaml.safe_dump({"kind": "List", "items": items}))

    def test_each_that_was_decided_gets_a_line_and_is_counted(self, files: Files) -> None:
        undecided = Incident(metadata=renamed("new").metadata, spec=done().spec)
        self.write(files, done(), done(), undecided)
        ran = files.verify()
        assert ran.code == 0
        assert ran.out.splitlines()[0] == "VERIFIED  2 of 2 verified; in 1 more nothing was decided"
        assert ran.out.count("✓ VERIFIED  shop/web-crash") == 2
        assert "not covered, since no vote signs it:" in ran.out

    def test_one_that_is_false_fails_all_and_its_first_false_claim_is_named(self, files: Files) -> None:
        self.write(files, done(), renamed("b"))
        ran = files.verify()
        assert ran.code == 1
        assert ran.out.splitlines()[0] == "NOT VERIFIED  1 of 2 verified"
        assert "✗ NOT VERIFIED  shop/b  every approval names this Incident" in ran.out
        data = json.loads(files.verify("-o", "json").out)
        assert [i["verified"] for i in data["incidents"]] == [True, False]

    def test_one_that_was_acted_on_without_a_certificate_is_not_passed_over(self, files: Files) -> None:
        bare = done().status.consensus.model_copy(update={"certificate": None})
        self.write(files, done(), incident(Phase.RESOLVED, execution=applied(), consensus=bare))
        assert "there is no certificate" in files.verify().out
        assert files.verify().code == 1

    def test_one_that_cannot_be_read_is_named_and_the_others_are_judged(self, files: Files) -> None:
        broken = renamed("b").to_json() | {"status": 5}
        files.incident.write_text(yaml.safe_dump({"kind": "List", "items": [done().to_json(), broken]}))
        ran = files.verify()
        assert ran.code == 1
        assert "✗ NOT VERIFIED  shop/b  not readable" in ran.out
        assert "✓ VERIFIED  shop/web-crash" in ran.out

    def test_nothing_decided_is_neither_verified_nor_wrong(self, files: Files) -> None:
        bare = Incident(metadata=done().metadata, spec=done().spec)
        self.write(files, bare, bare)
        ran = files.verify()
        assert (ran.code, ran.err) == (6, "")
        assert ran.out.splitlines()[0] == "2 Incidents  NOTHING DECIDED YET"
        data = json.loads(files.verify("-o", "json").out)
        assert (data["verified"], len(data["undecided"])) == (None, 2)

    def test_a_name_may_repeat_across_namespaces(self, files: Files) -> None:
        self.write(files, done(), renamed("web-crash", "bank"))
        assert "say which: NAMESPACE/NAME" in words(files.verify("web-crash").err)
        assert files.verify("shop/web-crash").code == 0
        assert files.verify("web-crash", "-n", "shop").code == 0
        assert files.verify("bank/web-crash").code == 1


def renamed(name: str, namespace: str = "shop") -> Incident:
    metadata = done().metadata.model_copy(update={"name": name, "namespace": namespace})
    return done().model_copy(update={"metadata": metadata})
