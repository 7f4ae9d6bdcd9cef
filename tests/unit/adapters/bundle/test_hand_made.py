"""What people save by hand: YAML, several kinds in one file, only logs, only series."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from incident_agents.diagnosis.engine import diagnose
from incident_commander.adapters.bundle.replay import read_evidence
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.ports import Object
from tests.unit.adapters.bundle.folders import listed, write
from tests.unit.diagnosis.builders import NS, crash_looping, deployment, node, pod, replica_set

WEB = deployment(ready=0)
RS = replica_set(WEB, "6d4b75cb6d", ready=0)
SICK = pod(RS, "abcde", crash_looping())


def saved(root: Path, name: str, *objects: Object) -> Path:
    write(root, f"objects/{name}", yaml.safe_dump(listed(objects)))
    return root


def test_yaml_of_several_kinds_in_one_file_is_read(tmp_path: Path) -> None:
    found = read_evidence(saved(tmp_path, "all.yaml", WEB, RS, SICK, node()))
    assert [len(found.of(kind)) for kind in (kinds.DEPLOYMENT, kinds.REPLICA_SET, kinds.POD, kinds.NODE)] == [1] * 4
    assert found.find(kinds.POD, NS, SICK["metadata"]["name"]) is not None
    assert not found.asked(kinds.SERVICE)


def test_json_of_several_kinds_is_read_as_well(tmp_path: Path) -> None:
    write(tmp_path, "objects/everything.json", listed([WEB, SICK]))
    found = read_evidence(tmp_path)
    assert found.asked(kinds.DEPLOYMENT)
    assert found.asked(kinds.POD)


def test_several_documents_and_single_objects_are_read(tmp_path: Path) -> None:
    write(tmp_path, "objects/a.yml", "---\n".join(yaml.safe_dump(obj) for obj in (WEB, SICK)))
    assert len(read_evidence(tmp_path).of(kinds.POD)) == 1


def test_times_stay_text_as_the_api_server_has_them(tmp_path: Path) -> None:
    meta = "metadata: {name: a, creationTimestamp: 2026-03-03T10:00:00Z}"
    write(tmp_path, "objects/n.yaml", f"apiVersion: v1\nkind: Node\n{meta}\n")
    (found,) = read_evidence(tmp_path).of(kinds.NODE)
    assert found["metadata"]["creationTimestamp"] == "2026-03-03T10:00:00Z"


def test_an_empty_list_is_asked_and_a_broken_one_is_not(tmp_path: Path) -> None:
    write(tmp_path, "objects/pods.yaml", "apiVersion: v1\nkind: List\nitems: []\n")
    write(tmp_path, "objects/services.yaml", "a: [1\n")
    found = read_evidence(tmp_path)
    assert found.asked(kinds.POD)
    assert not found.asked(kinds.SERVICE)
    assert any("objects/services.yaml: not YAML: line 2" in gap for gap in found.gaps)


@pytest.mark.parametrize(
    "text", ["NAME   READY   STATUS\nweb-1  0/1     CrashLoopBackOff\n", "", "No resources found\n"]
)
def test_a_table_or_a_message_is_no_empty_list(tmp_path: Path, text: str) -> None:
    write(tmp_path, "objects/pods.yaml", text)
    found = read_evidence(tmp_path)
    assert not found.asked(kinds.POD)
    assert any("objects/pods.yaml: no objects of Kubernetes; `kubectl get` prints" in gap for gap in found.gaps)


def test_what_stands_in_the_wrong_place_is_named(tmp_path: Path) -> None:
    saved(tmp_path, "pods.yaml", SICK)
    wrong = (
        "logs/web.log",
        "logs/shop/web.log",
        "logs/shop/a/b/web.log",
        "metrics/a/b.json",
        "extra/a/b.txt",
        "x/y.txt",
    )
    for path in wrong:
        write(tmp_path, path, "x")
    gaps = "\n".join(read_evidence(tmp_path).gaps)
    for said in (
        "logs/web.log: not read, it belongs 2 folders deeper (logs/NAMESPACE/POD/CONTAINER.log)",
        "logs/shop/web.log: not read, it belongs 1 folders deeper",
        "logs/shop/a/b/: no folder of a bundle",
        "metrics/a/: no folder of a bundle",
        "extra/a/: no folder of a bundle",
        "x/: no folder of a bundle, so what is in it was not read",
    ):
        assert said in gaps


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &x [1]\nb: *x\n", "aliases are not read"),
        ("a: " + "[" * 100 + "]" * 100, "nested deeper than"),
        ("!!python/object/apply:os.system ['true']", "not YAML"),
    ],
)
def test_yaml_that_could_do_harm_is_refused(tmp_path: Path, text: str, said: str) -> None:
    write(tmp_path, "objects/evil.yaml", text)
    assert any(said in gap for gap in read_evidence(tmp_path).gaps)


def test_a_file_beside_the_folders_is_told_where_it_belongs(tmp_path: Path) -> None:
    write(tmp_path, "deploy.yaml", "{}")
    saved(tmp_path, "pods.yaml", SICK)
    assert "deploy.yaml: not read; objects are read from the folder objects/" in read_evidence(tmp_path).gaps


class TestLogsAlone:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        write(tmp_path, f"logs/{NS}/web-1/web.log", "ready\nERROR no rate for order 7\n")
        return tmp_path

    def test_they_are_quoted_and_no_cause_is_claimed(self, root: Path) -> None:
        evidence = read_evidence(root)
        (unknown,) = diagnose(evidence, None, evidence.captured_at).hypotheses
        assert unknown.cause is Cause.UNKNOWN
        assert "no pods were read" in unknown.summary
        assert [c.value for c in unknown.evidence] == ["ERROR no rate for order 7"]

    def test_the_capture_was_when_they_were_written(self, root: Path) -> None:
        assert abs((datetime.now(UTC) - read_evidence(root).captured_at).total_seconds()) < 3600

    def test_files_that_were_written_at_the_epoch_tell_no_time(self, root: Path) -> None:
        for file in root.rglob("*.log"):
            os.utime(file, (0, 0))
        found = read_evidence(root)
        assert abs((datetime.now(UTC) - found.captured_at).total_seconds()) < 3600
        assert "nothing in the bundle tells when it was captured; ages are counted from now" in found.gaps


def test_nothing_but_empty_folders_tells_no_time(tmp_path: Path) -> None:
    (tmp_path / "objects").mkdir()
    assert read_evidence(tmp_path).captured_at.year > 2014
