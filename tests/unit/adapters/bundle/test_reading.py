"""A folder is seen through the ports: what is there is evidence, what is not is a gap, and nothing crashes."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from incident_agents.diagnosis.verdict import Verdict
from incident_commander.adapters.bundle.bundle import Bundle
from incident_commander.adapters.bundle.cluster import BundleCluster
from incident_commander.adapters.bundle.folder import Bounds, Broken, Folder
from incident_commander.adapters.bundle.metrics import BundleMetrics
from incident_commander.adapters.bundle.replay import read_evidence
from incident_commander.api import kinds
from incident_commander.api.meta import TargetRef
from incident_commander.cli.work.replaying import diagnose_bundle
from incident_commander.errors import BundleError, Forbidden, LogsUnavailable, MetricsUnavailable, NotFound
from incident_commander.evidence import queries
from incident_commander.ports import Object, PatchType
from tests.unit.adapters.bundle.folders import MANIFEST, bundle, listed, without_identity, write
from tests.unit.diagnosis.builders import NOW, NS, crash_looping, deployment, event, node, pod, replica_set, running

WEB = deployment(ready=0)
RS = replica_set(WEB, "6d4b75cb6d", ready=0)
SICK = pod(RS, "abcde", crash_looping())
LOG = f"logs/{NS}/{SICK['metadata']['name']}/web"


def without_owner(obj: Object) -> Object:
    return {**obj, "metadata": {k: v for k, v in obj["metadata"].items() if k != "ownerReferences"}}


class TestWhatIsThere:
    def test_objects_logs_series_notes_and_alerts_become_evidence(self, tmp_path: Path) -> None:
        at = NOW.timestamp()
        answer = {
            "status": "success",
            "data": {
                "resultType": "matrix",
                "result": [{"metric": {"service": "web"}, "values": [[at - 5, "1.5"], [at, "NaN"]]}],
            },
        }
        alert = {"labels": {"alertname": "Slow"}, "startsAt": MANIFEST["capturedAt"], "status": {"state": "active"}}
        root = bundle(
            tmp_path,
            WEB,
            RS,
            SICK,
            files={
                f"{LOG}.log": "start\n",
                f"{LOG}.previous.log": "boot\n\x1b[31mpanic: no rate\x1b[0m\n",
                "metrics/latency.json": answer,
                "extra/systemctl.node-1.txt": "kubelet.service: inactive (dead)\n",
                "alerts.json": [alert],
            },
        )
        found = read_evidence(root)
        assert found.captured_at == NOW
        assert found.find(kinds.DEPLOYMENT, NS, "web") is not None
        assert {(log.previous, log.lines) for log in found.logs} == {
            (False, ("start",)),
            (True, ("boot", "panic: no rate")),
        }
        assert [s.points for s in found.series["latency"]] == [((at - 5, 1.5),)]
        assert [(n.name, n.lines) for n in found.notes] == [("systemctl.node-1", ("kubelet.service: inactive (dead)",))]
        assert [a.name for a in found.alerts] == ["Slow"]

    def test_a_missing_file_was_not_asked_and_an_empty_list_was(self, tmp_path: Path) -> None:
        root = bundle(tmp_path, WEB, files={"objects/nodes.json": listed([])})
        found = read_evidence(root)
        assert found.asked(kinds.NODE)
        assert found.of(kinds.NODE) == ()
        assert not found.asked(kinds.EVENT)
        assert any("events" in gap and "not in the bundle" in gap for gap in found.gaps)
        assert not any("nodes" in gap for gap in found.gaps)

    def test_owners_are_found_by_kind_and_name_where_there_are_no_uids(self, tmp_path: Path) -> None:
        root = bundle(tmp_path, *(without_identity(o) for o in (WEB, RS, SICK, node())))
        write(root, f"{LOG}.previous.log", "panic: no rate\n")
        found = diagnose_bundle(root)
        assert "uid" not in found.case.evidence.of(kinds.POD)[0]["metadata"]
        assert str(found.diagnosis.hypotheses[0].object) == f"Deployment/{NS}/web"

    @pytest.mark.parametrize("sets", [True, False])
    def test_where_no_owner_was_recorded_selectors_tell_whose_pods_are(self, tmp_path: Path, sets: bool) -> None:
        web, rs = deployment(), replica_set(deployment(), "6d4b75cb6d")
        objects = [without_owner(o) for o in (pod(rs, "abcde"), pod(rs, "fghij"), rs) if sets or o is not rs]
        found = diagnose_bundle(bundle(tmp_path, web, *objects, node()))
        assert found.verdict is Verdict.HEALTHY, found.diagnosis.hypotheses
        assert [w.ref for w in found.case.workloads] == [f"Deployment/{NS}/web"]

    def test_a_pod_without_an_owner_among_others_is_on_its_own(self, tmp_path: Path) -> None:
        web, rs = deployment(replicas=1), replica_set(deployment(), "6d4b75cb6d", replicas=1, ready=1)
        found = diagnose_bundle(bundle(tmp_path, web, rs, pod(rs, "abcde"), without_owner(pod(rs, "fghij")), node()))
        assert len(found.case.workloads) == 2

    def test_a_target_narrows_it_and_named_queries_are_answered_from_the_recording(self, tmp_path: Path) -> None:
        at, name = NOW.timestamp(), SICK["metadata"]["name"]
        rows = [
            {"metric": {"namespace": NS, "pod": p, "container": "web"}, "values": [[at - 60, "1"], [at, "2"]]}
            for p in (name, "other-5b5c9d7f6c-zzzzz")
        ]
        root = bundle(tmp_path, WEB, RS, SICK)
        write(root, "metrics/container_restarts.json", {"resultType": "matrix", "result": rows})
        target = TargetRef(api_version="apps/v1", kind="Deployment", namespace=NS, name="web")
        found = read_evidence(root, target=target)
        assert [s.labels["pod"] for s in found.metrics["container_restarts"].series] == [name]
        assert any("container_cpu_usage" in gap and "not recorded in the bundle" in gap for gap in found.gaps)

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
    def test_files_may_be_written_by_any_shell(self, tmp_path: Path, encoding: str) -> None:
        root = bundle(tmp_path, manifest=None)
        write(root, "bundle.json", json.dumps(MANIFEST).encode(encoding))
        write(root, "objects/pods.json", json.dumps(listed([SICK])).encode(encoding))
        write(root, f"{LOG}.log", "grün\r\n".encode(encoding))
        found = read_evidence(root)
        assert found.captured_at == NOW
        assert len(found.of(kinds.POD)) == 1
        assert found.logs[0].lines == ("grün",)

    def test_one_object_alone_counts_as_a_list(self, tmp_path: Path) -> None:
        root = bundle(tmp_path, files={"objects/pods.json": SICK})
        assert len(read_evidence(root).of(kinds.POD)) == 1

    def test_values_of_secrets_are_not_even_kept_in_memory(self, tmp_path: Path) -> None:
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "Opaque",
            "metadata": {"name": "db", "namespace": NS, "annotations": {"last-applied": "aHVudGVyMg=="}},
            "data": {"password": "aHVudGVyMg=="},
            "stringData": {"user": "hunter2"},
        }
        found = read_evidence(bundle(tmp_path, secret))
        assert found.of(kinds.SECRET)[0]["data"] == {"password": "", "user": ""}
        assert "aHVudGVyMg" not in json.dumps(found.objects)
        assert "hunter2" not in json.dumps(found.objects)


class TestWhatIsBroken:
    @pytest.mark.parametrize(
        ("content", "said"),
        [
            ("{", "not JSON: line 1"),
            ("[" * 100_000, "nested"),
            ('{"items":' + "[" * 80 + "]" * 80 + "}", "nested deeper than 64"),
            ('{"kind":"Status","status":"Failure"}', "neither a List nor a Pod"),
            (b"\x00\x01\xff\xfe\x93", "not JSON"),
            ("[" + "," * 2_000_001, "more than 2000000 values"),
            ('{"items":[1' + "0" * 5000 + "]}", "not JSON"),
        ],
    )
    def test_a_broken_file_is_a_gap_and_the_rest_is_read(self, tmp_path: Path, content: Any, said: str) -> None:
        root = bundle(tmp_path, WEB, files={"objects/pods.json": content})
        found = read_evidence(root)
        assert not found.asked(kinds.POD)
        assert found.asked(kinds.DEPLOYMENT)
        assert found.partial == ("pods",)
        assert any(gap.startswith("pods: Invalid: objects/pods.json") and said in gap for gap in found.gaps)

    def test_items_that_are_no_objects_are_counted(self, tmp_path: Path) -> None:
        odd = [{**SICK, "kind": 7}, {**SICK, "status": "Running"}, {**SICK, "spec": []}]
        root = bundle(
            tmp_path, files={"objects/pods.json": listed([SICK, 7, {"metadata": []}, {"kind": "Node"}, *odd])}
        )
        found = read_evidence(root)
        assert len(found.of(kinds.POD)) == 1
        assert "pods: 5 are not well-formed objects" in found.gaps
        assert found.partial == ("pods",)

    @pytest.mark.parametrize(
        ("manifest", "said"),
        [
            (None, "bundle.json: missing"),
            ([], "bundle.json: not an object"),
            ("{", "bundle.json: not JSON"),
            ({"version": 2, "capturedAt": "2026-03-03T12:00:00Z"}, "version 2"),
            ({"version": 1, "capturedAt": "yesterday"}, "capturedAt is 'yesterday'"),
            ({"version": 1, "capturedAt": "0001-01-01T00:00:00Z"}, "capturedAt is '0001-"),
            ({"version": 1, "capturedAt": "9999-12-31T23:59:59Z"}, "capturedAt is '9999-"),
        ],
    )
    def test_without_a_sound_manifest_the_newest_fact_is_the_time(
        self, tmp_path: Path, manifest: Any, said: str
    ) -> None:
        seen = event(SICK, "BackOff", "restarting", age=0)
        found = read_evidence(bundle(tmp_path, SICK, seen, manifest=manifest))
        assert found.captured_at == NOW
        assert any(said in gap for gap in found.gaps)

    def test_facts_at_the_ends_of_time_do_not_tell_it(self, tmp_path: Path) -> None:
        seen = event(SICK, "BackOff", "restarting", age=0)
        odd = {**event(SICK, "Killing", "x", age=0), "lastTimestamp": "9999-12-31T23:59:59Z"}
        alerts = [{"labels": {"alertname": "A"}, "startsAt": "0001-01-01T00:00:00Z"}]
        root = bundle(tmp_path, SICK, seen, odd, manifest=None, files={"alerts.json": alerts})
        assert read_evidence(root).captured_at == NOW

    def test_broken_series_and_alerts_are_gaps(self, tmp_path: Path) -> None:
        root = bundle(
            tmp_path,
            WEB,
            files={
                "metrics/cpu.json": {"status": "error", "errorType": "timeout", "error": "query timed out"},
                "metrics/memory.json": {"status": "success", "data": {"resultType": "matrix", "result": [{"a": 1}]}},
                "metrics/rps.json": [1],
                "alerts.json": [{"labels": {"alertname": "A"}}, "x"],
                "extra/notes.pdf": b"%PDF",
                "objects/pods.txt": "x",
                "objects/widgets.example.com.json": listed([]),
                f"logs/{NS}/p/app.txt": "x",
            },
        )
        gaps = "\n".join(read_evidence(root).gaps)
        for said in (
            "metrics/cpu.json: Prometheus answered: timeout: query timed out",
            "metrics/memory.json: not an answer of Prometheus",
            "metrics/rps.json: not an answer of Prometheus",
            "alerts.json: 2 entries are not alerts",
            "extra/notes.pdf: not read",
            "objects/pods.txt: not read",
            "not kinds that are read: widgets.example.com",
            f"logs/{NS}/p/app.txt: neither NAME.log",
        ):
            assert said in gaps

    def test_a_folder_that_is_no_bundle_is_refused_with_a_hint(self, tmp_path: Path) -> None:
        with pytest.raises(BundleError, match="there is no such folder"):
            Bundle(tmp_path / "nowhere")
        with pytest.raises(BundleError, match="not a folder"):
            Bundle(write(tmp_path, "file", "x"))
        with pytest.raises(BundleError, match="File name too long"):
            Bundle(tmp_path / ("x" * 300))
        with pytest.raises(BundleError, match=r"neither bundle.json nor objects/ is there; it seems to be a part of"):
            Bundle(bundle(tmp_path / "whole", WEB) / "objects")
        write(tmp_path, "others/notes.txt", "x")
        with pytest.raises(BundleError, match="no bundle"):
            Bundle(tmp_path / "others")
        bundle(tmp_path / "many" / "one", WEB)
        with pytest.raises(BundleError, match=r"bundles inside of it, the first is .*one"):
            Bundle(tmp_path / "many")


class TestNothingOutside:
    def test_links_and_special_files_are_not_followed(self, tmp_path: Path) -> None:
        secret = write(tmp_path, "elsewhere/pods.json", listed([SICK]))
        root = bundle(tmp_path / "b", WEB)
        (root / "objects/pods.json").symlink_to(secret)
        (root / "extra").symlink_to(secret.parent)
        write(root, f"logs/{NS}/p/ok.log", "fine")
        (root / f"logs/{NS}/p/app.log").symlink_to("/etc/passwd")
        os.mkfifo(root / "objects/nodes.json")
        found = read_evidence(root)
        assert not found.asked(kinds.POD)
        assert not found.asked(kinds.NODE)
        assert found.notes == ()
        assert [log.lines for log in found.logs] == [("fine",)]
        gaps = "\n".join(found.gaps)
        assert "objects/pods.json: not a regular file" in gaps
        assert "objects/nodes.json: not a regular file" in gaps
        assert "extra: not a folder" in gaps

    @pytest.mark.parametrize("place", ["../../etc", "/etc", "a\x00b"])
    async def test_names_in_objects_do_not_lead_out(self, tmp_path: Path, place: str) -> None:
        cluster = BundleCluster(Bundle(bundle(tmp_path, WEB)))
        with pytest.raises(LogsUnavailable):
            await cluster.logs(place, "passwd", "x")

    def test_a_linked_folder_in_the_middle_leads_out_and_is_refused(self, tmp_path: Path) -> None:
        write(tmp_path, "elsewhere/app.log", "secret")
        root = bundle(tmp_path / "b", WEB)
        write(root, "logs/x", "")
        (root / "logs/ns").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(Broken, match="leads out of the bundle"):
            Folder(root).read("logs/ns/app.log")

    def test_sizes_and_numbers_of_files_are_bounded(self, tmp_path: Path) -> None:
        root = bundle(tmp_path, WEB)
        write(root, "objects/pods.json", listed([SICK]))
        small = Bundle(root, Bounds(file_bytes=100))
        with pytest.raises(Broken, match="too many to be read"):
            small.objects(kinds.POD)
        for n in range(20):
            write(root, f"extra/{n}.txt", "x")
        few = Bundle(root, Bounds(entries=10))
        assert len(few.notes()) <= 10
        assert any("more than 10 files" in finding for finding in few.findings())

    def test_of_a_huge_log_the_end_is_read_from_a_whole_line_on(self, tmp_path: Path) -> None:
        root = bundle(tmp_path, SICK)
        with write(root, f"{LOG}.log", "").open("wb") as file:
            file.seek(10 * 1024**3)
            file.write(b"cut off\nthe end\n")
        found = read_evidence(root)
        assert found.logs[0].lines == ("the end",)


class TestAsAPort:
    async def test_it_answers_get_and_selectors_and_refuses_writes(self, tmp_path: Path) -> None:
        other = pod(RS, "fghij", running())
        cluster = BundleCluster(Bundle(bundle(tmp_path, WEB, SICK, other)))
        name = SICK["metadata"]["name"]
        assert (await cluster.get(kinds.POD, NS, name))["metadata"]["name"] == name
        assert len(await cluster.list(kinds.POD, NS, fields=f"metadata.name={name}")) == 1
        assert await cluster.list(kinds.POD, NS, labels="app=nothing") == []
        assert await cluster.list(kinds.POD, "elsewhere") == []
        assert await cluster.offers(kinds.POD)
        assert not await cluster.offers(kinds.POD, "resize")
        with pytest.raises(NotFound):
            await cluster.get(kinds.POD, NS, "nobody")
        for write_it in (
            cluster.create(kinds.POD, NS, other),
            cluster.patch(kinds.POD, NS, name, {}, patch_type=PatchType.MERGE),
            cluster.delete(kinds.POD, NS, name),
        ):
            with pytest.raises(Forbidden, match="nothing can be written"):
                await write_it

    async def test_an_instant_query_does_not_find_what_is_long_over(self, tmp_path: Path) -> None:
        at = NOW.timestamp()
        rows = [{"metric": {"job": job}, "values": [[at - age, "1"]]} for job, age in (("a", 30), ("b", 900))]
        root = bundle(tmp_path, WEB, files={"metrics/sources_up.json": {"resultType": "matrix", "result": rows}})
        metrics = BundleMetrics(Bundle(root))
        assert [s.labels["job"] for s in await metrics.query(queries.sources_up(), NOW)] == ["a"]
        found = await metrics.query_range(queries.sources_up(), NOW - timedelta(hours=1), NOW, 15)
        assert len(found) == 2
        with pytest.raises(MetricsUnavailable, match="not recorded"):
            await metrics.query(queries.node_conditions("n"), NOW)
