"""A bundle is written whole or not at all, over nothing, without secrets; and tells the same as the cluster did."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from incident_agents.diagnosis.engine import diagnose, work_up
from incident_agents.diagnosis.verdict import Verdict
from incident_commander.adapters.bundle.bundle import Bundle
from incident_commander.adapters.bundle.recorder import RecordingCluster, RecordingMetrics
from incident_commander.adapters.bundle.replay import replay
from incident_commander.adapters.bundle.writer import Record, recorded, write_bundle
from incident_commander.api import kinds
from incident_commander.api.meta import TargetRef
from incident_commander.errors import BundleError, Forbidden
from incident_commander.evidence.evidence import target_of
from incident_commander.evidence.gatherer import gather
from incident_commander.evidence.redaction.redactor import Redactor
from incident_commander.evidence.scope import RECORDED
from incident_commander.ports import LogPlace, Object, Series
from tests.unit.diagnosis.builders import (
    NOW,
    NS,
    container,
    crash_looping,
    deployment,
    event,
    merged,
    node,
    pod,
    replica_set,
    running,
    service,
)
from tests.unit.evidence.fakes import FakeClock, FakeCluster, FakeMetrics

WEB = deployment(ready=0)
RS = replica_set(WEB, "6d4b75cb6d", ready=0)
SICK = merged(
    pod(RS, "abcde", crash_looping()),
    {"spec": {"containers": [container(env=[{"name": "DB_PASSWORD", "value": "hunter2"}])]}},
)
NAME = SICK["metadata"]["name"]
SECRET: Object = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "db", "namespace": NS},
    "data": {"password": "aHVudGVyMg=="},
}
CONFIG: Object = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "conf", "namespace": NS},
    "data": {"STORE": "http://store:6379", "app.properties": "db.password=hunter2\nport=8080\n"},
}
LOGS = {(NAME, "web", True): "boot\npanic: cannot reach postgres://shop:hunter2@db:5432/x: connection refused\n"}
OBJECTS = (WEB, RS, SICK, node(), SECRET, CONFIG, service("store", {"app": "store"}), event(SICK, "BackOff", "restart"))


def record(**more: Any) -> Record:
    about: dict[str, Any] = {"captured_at": NOW, "namespaces": [NS], "source": "test"}
    return Record(**(about | more))


def everything(root: Path) -> str:
    return "\n".join(path.read_text() for path in sorted(root.rglob("*")) if path.is_file())


class TestARecording:
    async def recorded(self, root: Path, *, target: TargetRef | None = None) -> tuple[Any, Any]:
        """The diagnosis of a live cluster, and that of the bundle that was written on the way."""
        points = tuple((NOW.timestamp() - 15 * n, float(n)) for n in range(20, 0, -1))
        labels = {"namespace": NS, "pod": NAME, "container": "web"}
        cluster = RecordingCluster(FakeCluster(*OBJECTS, logs=LOGS))
        metrics = RecordingMetrics(FakeMetrics({"container_restarts": [Series(labels, points)]}))
        live = await gather(target, cluster=cluster, metrics=metrics, clock=FakeClock(), namespace=NS, scope=RECORDED)
        about = {"captured_at": NOW, "namespaces": [NS], "source": "test", "gaps": live.gaps, "target": target}
        write_bundle(root, recorded(cluster, metrics, **about), Redactor(b"k"))
        again = await replay(Bundle(root))
        return diagnose(live, None, NOW), diagnose(again, None, again.captured_at)

    @pytest.mark.parametrize("target", [None, target_of(WEB)])
    async def test_replayed_it_gives_the_same_diagnosis(self, tmp_path: Path, target: TargetRef | None) -> None:
        live, again = await self.recorded(tmp_path / "b", target=target)
        told = [(h.cause, str(h.object), h.confidence, h.summary) for h in live.hypotheses]
        assert [(h.cause, str(h.object), h.confidence, h.summary) for h in again.hypotheses] == told
        assert told

    async def test_no_secret_is_in_any_file_and_what_locates_is(self, tmp_path: Path) -> None:
        await self.recorded(tmp_path / "b")
        text = everything(tmp_path / "b")
        assert "hunter2" not in text
        assert "aHVudGVyMg" not in text
        assert "@db:5432/x: connection refused" in text
        assert "http://store:6379" in text
        assert "port=8080" in text

    async def test_equal_passwords_stay_equal(self, tmp_path: Path) -> None:
        await self.recorded(tmp_path / "b")
        pods = json.loads((tmp_path / "b/objects/pods.json").read_text())
        config = (tmp_path / "b/objects/configmaps.json").read_text()
        hidden = pods["items"][0]["spec"]["containers"][0]["env"][0]["value"]
        assert hidden.startswith("[REDACTED:named:")
        assert hidden in config

    async def test_series_are_recorded_for_the_whole_namespace(self, tmp_path: Path) -> None:
        await self.recorded(tmp_path / "b")
        assert list(Bundle(tmp_path / "b").series()["container_restarts"][0].labels) == [
            "namespace",
            "pod",
            "container",
        ]

    async def test_what_could_not_be_read_is_told_again(self, tmp_path: Path) -> None:
        cluster = RecordingCluster(FakeCluster(WEB, refuse={kinds.NODE: Forbidden("nodes is forbidden")}))
        live = await gather(None, cluster=cluster, metrics=None, clock=FakeClock(), namespace=NS)
        write_bundle(
            tmp_path / "b",
            recorded(cluster, None, captured_at=NOW, namespaces=[NS], source="test", gaps=live.gaps),
            Redactor(),
        )
        again = await replay(Bundle(tmp_path / "b"))
        assert any("when it was captured: nodes: Forbidden" in gap for gap in again.gaps)
        assert not again.asked(kinds.NODE)


class TestTheFolder:
    def test_it_is_complete_and_nothing_else_is_left(self, tmp_path: Path) -> None:
        alerts = [{"labels": {"alertname": "Slow", "mail": "ann@example.com"}, "startsAt": "2026-03-03T12:00:00Z"}]
        made = record(alerts=alerts, notes={"top": "PID 1"}, objects={kinds.POD: [SICK]})
        write_bundle(tmp_path / "b", made, Redactor())
        assert [path.name for path in tmp_path.iterdir()] == ["b"]
        bundle = Bundle(tmp_path / "b")
        assert (bundle.captured_at, len(bundle.alerts()), bundle.notes()) == (NOW, 1, {"top": "PID 1\n"})
        assert "ann@example.com" not in everything(tmp_path / "b")

    @pytest.mark.parametrize("there", ["file", "folder", "link"])
    def test_nothing_is_overwritten(self, tmp_path: Path, there: str) -> None:
        place = tmp_path / "b"
        if there == "file":
            place.write_text("mine")
        elif there == "folder":
            place.mkdir()
        else:
            place.symlink_to(tmp_path / "nowhere")
        with pytest.raises(BundleError, match="is there already"):
            write_bundle(place, record(), Redactor())
        assert [path.name for path in tmp_path.iterdir()] == ["b"]

    def test_when_it_fails_in_the_middle_nothing_is_left(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: Any, **__: Any) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("incident_commander.adapters.bundle.writer._manifest", full)
        with pytest.raises(BundleError, match="No space left on device"):
            write_bundle(tmp_path / "b", record(objects={kinds.POD: [SICK]}), Redactor())
        assert list(tmp_path.iterdir()) == []

    def test_an_interruption_leaves_nothing_either(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def stop(*_: Any, **__: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("incident_commander.adapters.bundle.writer._manifest", stop)
        with pytest.raises(KeyboardInterrupt):
            write_bundle(tmp_path / "b", record(), Redactor())
        assert list(tmp_path.iterdir()) == []

    def test_a_missing_parent_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(BundleError, match="there is no such folder"):
            write_bundle(tmp_path / "no" / "b", record(), Redactor())

    def test_names_that_lead_elsewhere_are_not_written(self, tmp_path: Path) -> None:
        series = [Series({"a": "b"}, ((NOW.timestamp(), 1.0),))]
        made = record(
            logs={LogPlace("..", "..", "x"): "out", LogPlace(NS, "p", "c"): "in"},
            series={"../x": series, "expression:y": series},
            notes={"/etc/passwd": "x"},
        )
        write_bundle(tmp_path / "b", made, Redactor())
        found = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
        assert found == ["b/bundle.json", f"b/logs/{NS}/p/c.log", "b/metrics/expression:y.json"]

    def test_values_survive_to_the_digit(self, tmp_path: Path) -> None:
        points = ((NOW.timestamp(), 0.1), ((NOW + timedelta(seconds=5)).timestamp(), 1e300))
        write_bundle(tmp_path / "b", record(series={"cpu": [Series({"pod": "p"}, points)]}), Redactor())
        assert Bundle(tmp_path / "b").series()["cpu"][0].points == points


async def test_healthy_stays_healthy(tmp_path: Path) -> None:
    well = deployment(ready=2)
    rs = replica_set(well, "6d4b75cb6d", ready=2)
    cluster = RecordingCluster(FakeCluster(well, rs, pod(rs, "a", running()), pod(rs, "b", running()), node()))
    await gather(target_of(well), cluster=cluster, metrics=None, clock=FakeClock(), namespace=NS)
    about = {"captured_at": NOW, "namespaces": [NS], "source": "test", "target": target_of(well)}
    write_bundle(tmp_path / "b", recorded(cluster, None, **about), Redactor())
    assert work_up(await replay(Bundle(tmp_path / "b")), None, NOW).verdict is Verdict.HEALTHY
