"""Whatever stands in a bundle, it is read, diagnosed, told and drawn: never a crash, never unbounded, never markup."""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from incident_commander.adapters.bundle.replay import read_evidence
from incident_commander.cli.diagnose.document import document
from incident_commander.cli.diagnose.markdown import report_markdown
from incident_commander.cli.diagnose.report import Report, report_of
from incident_commander.cli.diagnose.terminal import report_view
from incident_commander.cli.render.graph import dot, mermaid
from incident_commander.cli.work.replaying import diagnose_bundle
from incident_commander.evidence.graph import graph
from incident_commander.evidence.redaction.objects import redact_value
from incident_commander.evidence.redaction.redactor import Redactor
from incident_commander.evidence.scope import RECORDED_LIMITS
from incident_commander.ports import Object
from tests.unit.adapters.bundle.folders import bundle, listed, write
from tests.unit.diagnosis.builders import (
    NS,
    crash_looping,
    deployment,
    event,
    node,
    pod,
    replica_set,
    running,
    service,
)

CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
HOSTILE = (
    "\x1b[2J", "\x1b]0;x\x07", "[red]x[/]", "<script>x</script>", "](http://e)", "`x`", "\u202e", "\x00", "../..",
    "\ud800", "${x}", "'; --", "0" * 300, "\n# x", "-----BEGIN PRIVATE KEY-----", "9999-12-31T23:59:59Z",
)  # fmt: skip
KEYS = (
    "name", "namespace", "metadata", "spec", "status", "labels", "containers", "containerStatuses", "conditions",
    "env", "value", "type", "reason", "message", "involvedObject", "selector", "ports", "items", "template", "image",
    "state", "ownerReferences", "controller", "kind", "resources", "limits", "annotations", "managedFields", "rules",
    "time",
)  # fmt: skip

TEXTS = st.sampled_from(HOSTILE) | st.text(max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | TEXTS,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | TEXTS, below, max_size=5),
    max_leaves=20,
)

WEB = deployment(ready=0)
RS = replica_set(WEB, "6d4b75cb6d", ready=0)
SICK = pod(RS, "abcde", crash_looping())
SOUND: tuple[Object, ...] = (
    WEB, RS, SICK, pod(RS, "fghij", running()), node(), service("web", {"app": "web"}),
    event(SICK, "BackOff", "Back-off restarting failed container"),
)  # fmt: skip
FILES = (
    "pods", "deployments.apps", "replicasets.apps", "nodes", "services", "events", "endpoints", "configmaps",
    "networkpolicies.networking.k8s.io", "persistentvolumeclaims", "resourcequotas", "ingresses.networking.k8s.io",
    "horizontalpodautoscalers.autoscaling", "secrets", "jobs.batch", "statefulsets.apps",
    "leases.coordination.k8s.io",
)  # fmt: skip

LISTS = VALUES | st.lists(VALUES, max_size=4).map(listed)
SETTINGS = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def changed(value: Any, draw: Any, depth: int = 0) -> Any:
    """A copy of a JSON value in which one thing is something else, or missing."""
    if (depth > 1 and draw(st.integers(0, 4)) == 0) or not isinstance(value, dict | list) or not value:
        return draw(VALUES)
    if isinstance(value, list):
        place = draw(st.integers(0, len(value) - 1))
        return [changed(item, draw, depth + 1) if n == place else item for n, item in enumerate(value)]
    key = draw(st.sampled_from(sorted(value)))
    if draw(st.integers(0, 5)) == 0:
        return {k: v for k, v in value.items() if k != key}
    return {k: changed(v, draw, depth + 1) if k == key else v for k, v in value.items()}


def told(root: Path) -> Report:
    """All that can be made of a bundle, and what must be true of it."""
    workup = diagnose_bundle(root)
    report = report_of("bundle", workup)
    console = Console(width=80, record=True, file=Path("/dev/null").open("w"), markup=False)  # noqa: SIM115
    console.print(report_view(report))
    shown = console.export_text()
    console.file.close()
    assert not CONTROL.search(shown)
    assert len(shown) < 300_000
    assert not CONTROL.search(report_markdown(report))
    assert json.dumps(document(report).to_json(), ensure_ascii=True, allow_nan=False).isascii()
    found = graph(workup.case.evidence)
    assert not CONTROL.search(mermaid(found))
    assert not CONTROL.search(dot(found))
    return report


class TestFuzzedBundles:
    @SETTINGS
    @given(st.data())
    def test_objects_of_any_odd_shape(self, data: st.DataObject) -> None:
        with tempfile.TemporaryDirectory() as place:
            objects = list(SOUND)
            for _ in range(data.draw(st.integers(1, 4))):
                at = data.draw(st.integers(0, len(objects) - 1))
                mutated = changed(objects[at], data.draw)
                objects[at] = {**objects[at], **mutated} if isinstance(mutated, dict) else objects[at]
                objects[at]["apiVersion"], objects[at]["kind"] = SOUND[at]["apiVersion"], SOUND[at]["kind"]
            told(bundle(Path(place), *objects))

    @SETTINGS
    @given(
        st.dictionaries(st.sampled_from(FILES), VALUES | st.lists(VALUES, max_size=4).map(listed), max_size=6), VALUES
    )
    def test_files_of_any_json(self, files: dict[str, Any], manifest: Any) -> None:
        with tempfile.TemporaryDirectory() as place:
            root = bundle(Path(place), *SOUND, files={"bundle.json": json.dumps(manifest)})
            for resource, content in files.items():
                write(root, f"objects/{resource}.json", json.dumps(content))
            told(root)

    @SETTINGS
    @given(
        st.dictionaries(
            st.sampled_from(["bundle.json", "alerts.json", "objects/pods.json", "metrics/cpu.json", "extra/x.txt",
                             "objects/events.json", f"logs/{NS}/{SICK['metadata']['name']}/web.previous.log"]),
            st.binary(max_size=200) | TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass"))
            | st.text(max_size=80).map(lambda text: text.encode("utf-16", "surrogatepass")),
            min_size=1, max_size=4,
        )
    )  # fmt: skip
    def test_files_of_any_bytes(self, files: dict[str, bytes]) -> None:
        with tempfile.TemporaryDirectory() as place:
            root = bundle(Path(place), *SOUND)
            for path, content in files.items():
                write(root, path, content)
            told(root)

    @SETTINGS
    @given(VALUES, st.lists(VALUES, max_size=4), VALUES)
    def test_series_alerts_and_manifests_of_any_json(self, series: Any, alerts: Any, labels: Any) -> None:
        with tempfile.TemporaryDirectory() as place:
            root = bundle(Path(place), *SOUND)
            result = [{"metric": labels, "values": [[1, "2"], [2, "NaN"]]}, series]
            write(root, "metrics/cpu.json", {"status": "success", "data": {"resultType": "matrix", "result": result}})
            write(
                root, "metrics/memory.json", {"resultType": "vector", "result": [{"metric": labels, "value": series}]}
            )
            write(
                root,
                "alerts.json",
                [*alerts, {"labels": labels, "startsAt": "2026-03-03T11:59:00Z", "annotations": series}],
            )
            told(root)

    @SETTINGS
    @given(VALUES)
    def test_any_value_can_be_redacted(self, value: Any) -> None:
        redact_value(value, Redactor(b"k"))


def test_huge_lists_are_read_to_the_bound_and_the_rest_is_named(tmp_path: Path) -> None:
    crowd = [pod(RS, f"p{n:05}", running()) for n in range(600)]
    limits = replace(RECORDED_LIMITS, objects_per_kind=500)
    found = read_evidence(bundle(tmp_path, WEB, RS, node(), *crowd, SICK), limits=limits)
    assert any("pods: 500 of 601 were looked at" in gap for gap in found.gaps)
    assert any(p["metadata"]["name"] == SICK["metadata"]["name"] for p in found.objects["pods"])
