"""``diagnose``: the verdict first, then evidence, then what was ruled out and what was not seen."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from docs.generators import report
from incident_commander.api import kinds
from incident_commander.api.statement import Citation, CitationKind
from incident_commander.cli.diagnose.document import DiagnosisReport
from incident_commander.cli.diagnose.markdown import code, escaped
from incident_commander.cli.diagnose.terminal import where
from incident_commander.cli.main import full_app
from incident_commander.cli.options import Where
from incident_commander.cli.work.desk import Connection, Session
from incident_commander.errors import Forbidden
from incident_commander.ports import Object
from tests.unit.adapters.bundle.folders import MANIFEST, bundle, listed, write
from tests.unit.diagnosis.builders import (
    NS,
    container,
    crash_looping,
    deployment,
    endpoint_slice,
    node,
    pod,
    replica_set,
    running,
    service,
    template,
    waiting,
)
from tests.unit.evidence.fakes import FakeCluster

WEB = deployment(ready=0)
RS = replica_set(WEB, "6d4b75cb6d", ready=0)
SICK = pod(RS, "abcde", crash_looping())
WELL = deployment(ready=2)
HOSTILE = "\x1b[2J\x1b]0;owned\x07[bold red]x[/] <script>alert(1)</script> [a](http://evil) `rm` \u202egnp @all"


def run(*arguments: str, cluster: FakeCluster | None = None, width: int = 80) -> Result:
    async def connect(_: Where) -> Connection:
        async def close() -> None:
            pass

        assert cluster is not None
        return Connection(cluster, NS, close)

    runner = CliRunner(env={"COLUMNS": str(width), "INCIDENT_COMMANDER_PROMETHEUS_URL": ""})
    return runner.invoke(full_app(), ["diagnose", *arguments], obj=Session(connect=connect))


def misfits(value: Any, schema: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Where a JSON value is not as a schema without references says."""
    types: dict[str, Any] = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float)}
    if not isinstance(value, types[schema["type"]]):
        yield f"{path} is no {schema['type']}"
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{path} is {value!r}"
    elif isinstance(value, list):
        for item in value:
            yield from misfits(item, schema["items"], f"{path}[]")
    elif isinstance(value, dict):
        known, others = schema.get("properties", {}), schema.get("additionalProperties")
        yield from (f"{path}.{name} is missing" for name in schema.get("required", ()) if name not in value)
        for name, child in value.items():
            if (of := known.get(name, others)) is None:
                yield f"{path}.{name} is not explained"
            else:
                yield from misfits(child, of, f"{path}.{name}")


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    root = bundle(tmp_path, WEB, RS, SICK, node(), files={"objects/events.json": listed([])})
    write(root, f"logs/{NS}/{SICK['metadata']['name']}/web.previous.log", "boot\npanic: no rate\n")
    return root


class TestABundle:
    def test_the_verdict_stands_first_and_gaps_last(self, broken: Path) -> None:
        done = run("bundle", str(broken))
        assert done.exit_code == 0
        lines = done.stdout.splitlines()
        assert re.match(r"Cause: Crash\w+ in Deployment/shop/web", lines[0])
        headings = [line.split(",")[0] for line in lines if re.match(r"(Evidence|Ruled out|Could not|Not seen)", line)]
        assert headings == ["Evidence", "Ruled out", "Could not be examined", "Not seen"]
        assert "panic: no rate" in done.stdout
        assert max(map(len, lines)) <= 80

    def test_what_could_not_be_looked_for_is_not_called_ruled_out(self, broken: Path) -> None:
        told = json.loads(run("bundle", str(broken), "-o", "json").stdout)
        missing = {one["question"]: one["missing"] for one in told["notExamined"]}
        assert missing["The kernel throttles a container at its CPU limit"] == ["metrics"]
        assert not any("throttles" in one["question"] for one in told["ruledOut"])
        (pulls,) = [one for one in told["ruledOut"] if "cannot be pulled" in one["question"]]
        assert pulls["lookedAt"] == {"pods": 1, "events": 0}

    def test_wide_tells_what_each_question_was_looked_at_in(self, broken: Path) -> None:
        short, wide = (run("bundle", str(broken), "-o", form).stdout for form in ("text", "wide"))
        assert (
            "CPU, errors, memory, network latency and loss, replication lag and backlogs: without metrics"
            in " ".join(short.split())
        )
        assert "setups" not in short
        assert "The kernel throttles a container at its CPU limit (not read: metrics)" in " ".join(wide.split())
        assert len(short.splitlines()) <= 52
        assert len(wide.splitlines()) > len(short.splitlines())

    def test_lines_of_a_pipe_have_no_blanks_at_their_ends(self, broken: Path) -> None:
        lines = run("bundle", str(broken)).stdout.split("\n")
        assert lines == [line.rstrip() for line in lines]

    def test_what_changed_on_another_day_has_its_date(self, broken: Path) -> None:
        shown = run("bundle", str(broken)).stdout
        assert re.search(r"^  2026-03-02 12:00:00Z = Deployment/shop/web", shown, re.MULTILINE)
        assert re.search(r"^  11:59:00Z ! Pod/shop/", shown, re.MULTILINE)

    def test_json_has_the_whole_evidence(self, broken: Path) -> None:
        told = json.loads(run("bundle", str(broken), "-o", "json").stdout)
        assert told["verdict"] == "CauseFound"
        assert told["hypotheses"][0]["evidence"]
        assert told["capturedAt"].endswith("Z")
        assert any("not in the bundle" in gap for gap in told["gaps"])

    def test_a_cited_line_of_a_log_has_its_number(self, broken: Path) -> None:
        assert re.search(
            r"log of Pod/\S+/web:previous, line 2: panic: no rate", run("bundle", str(broken), width=200).stdout
        )

    def test_json_has_a_version_and_the_shape_that_is_published(self, broken: Path) -> None:
        text = run("bundle", str(broken), "-o", "json").stdout
        found = DiagnosisReport.model_validate_json(text)
        assert (found.api_version, found.kind) == ("incidentcommander.io/v1alpha1", "DiagnosisReport")
        published = report.schema()
        said = list(misfits(json.loads(text), report.inlined(published, published["$defs"])))
        assert not said
        assert list(misfits({"verdict": "Fine"}, report.inlined(published, published["$defs"])))

    def test_one_object_of_it_can_be_asked_about(self, broken: Path) -> None:
        assert run("bundle", str(broken), "deploy/web", "-n", NS).exit_code == 0

    def test_its_only_namespace_need_not_be_named(self, broken: Path) -> None:
        assert run("bundle", str(broken), "deploy/web").stdout.startswith("Cause: Crash")

    def test_one_of_several_namespaces_must_be_named(self, tmp_path: Path) -> None:
        manifest = {"version": 1, "capturedAt": "2026-01-01T00:00:00Z", "namespaces": [NS, "other"]}
        refused = run("bundle", str(bundle(tmp_path, WEB, manifest=manifest)), "deploy/web")
        assert refused.exit_code == 2
        assert "add -n NAMESPACE" in refused.stderr

    def test_a_folder_that_may_not_be_read_is_forbidden(self, broken: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(_: Path) -> bool:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "is_dir", refuse)
        done = run("bundle", str(broken), width=200)
        assert (done.exit_code, done.stdout) == (4, "")
        assert "Permission denied" in done.stderr
        assert "make it readable" in done.stderr

    def test_what_was_not_seen_is_named_in_full_when_wide(self, broken: Path) -> None:
        short, wide = (" ".join(run("bundle", str(broken), "-o", form).stdout.split()) for form in ("text", "wide"))
        assert "volumeattachments.storage.k8s.io" not in short
        assert re.search(r" and \d+ more: not in the bundle", short)
        assert "volumeattachments.storage.k8s.io" in wide
        assert not re.search(r" and \d+ more: not in the bundle", wide)

    def test_a_folder_that_is_no_bundle_is_an_error_that_helps(self, tmp_path: Path) -> None:
        done = run("bundle", str(tmp_path / "nowhere"))
        assert done.exit_code == 3
        assert "there is no such folder" in done.stderr
        assert "next:" in done.stderr
        assert run("bundle").exit_code == 2
        assert run("bundle", "").exit_code == 2

    def test_nothing_found_and_little_seen_is_inconclusive_and_exits_with_one(self, tmp_path: Path) -> None:
        done = run("bundle", str(bundle(tmp_path, service("web", {"app": "web"}))))
        assert done.exit_code == 1
        assert done.stdout.startswith("Inconclusive: ")
        assert re.search(r"none of the \d+ things that are looked for: without pods, events", done.stdout)
        assert len(done.stdout.splitlines()) < 25


class TestTheVerdict:
    """The three forms and the exit code say the same."""

    @staticmethod
    def legacy() -> list[Object]:
        """A Deployment that somebody has scaled to nothing, beside one that is well."""
        made = deployment("legacy", replicas=0)
        rs = replica_set(WELL, "6d4b75cb6d")
        return [WELL, rs, pod(rs, "abcde", running()), pod(rs, "fghij", running()), node(), made]

    @staticmethod
    def unwell() -> list[Object]:
        """A pod that has not been ready for long, and nothing says why."""
        odd = pod(RS, "abcde", running(ready=False))
        return [WEB, RS, odd, node()]

    @pytest.mark.parametrize(
        ("objects", "verdict", "word", "code"),
        [
            ([WEB, RS, SICK, node()], "CauseFound", "Cause", 0),
            (legacy(), "Healthy", "Healthy", 0),
            (unwell(), "Unknown", "Unknown", 1),
            ([service("web", {"app": "web"})], "Inconclusive", "Inconclusive", 1),
        ],
    )
    def test_is_the_same_in_every_form(
        self, tmp_path: Path, objects: list[Object], verdict: str, word: str, code: int
    ) -> None:
        root = str(bundle(tmp_path, *objects, files={"objects/events.json": listed([])}))
        text, markdown, whole = (run("bundle", root, "-o", form) for form in ("text", "markdown", "json"))
        told = json.loads(whole.stdout)
        assert told["verdict"] == verdict
        assert text.stdout.startswith(f"{word}: ")
        assert markdown.stdout.startswith(f"## {word}: ")
        assert {done.exit_code for done in (text, markdown, whole)} == {code}
        assert bool(told["hypotheses"]) == (verdict == "CauseFound")

    def test_that_all_is_well_lists_suspicions_as_such(self, tmp_path: Path) -> None:
        root = str(bundle(tmp_path, *self.legacy(), files={"objects/events.json": listed([])}))
        told = json.loads(run("bundle", root, "-o", "json").stdout)
        assert [one["cause"] for one in told["suspicions"]] == ["ScaledToZero"]
        assert "Unknown" not in told["headline"]
        assert "the other hypotheses are suspicions" in told["headline"]
        for form, heading in (("text", "Suspicions"), ("markdown", "### Suspicions")):
            shown = run("bundle", root, "-o", form).stdout
            assert re.search(rf"^{heading}$", shown, re.MULTILINE)
            assert "Less likely" not in shown


class TestConsequences:
    """What the first cause explains is told in one line, and is no cause of its own."""

    @pytest.fixture
    def cascade(self, tmp_path: Path) -> Path:
        """A database whose image cannot be pulled, and who calls it."""
        store = container("db", ports=[{"containerPort": 5432}])
        db = deployment("db", replicas=1, ready=0, template=template("db", store))
        db_rs = replica_set(db, "aaaa", replicas=1, ready=0)
        unpulled = pod(
            db_rs, "abcde", waiting("ImagePullBackOff", "manifest unknown: not found", "db"), phase="Pending"
        )
        settings = [{"name": "DB_URL", "value": "postgres://db:5432/shop"}]
        spec = template("web", container("web", env=settings))
        web = deployment("web", replicas=1, ready=0, template=spec)
        web_rs = replica_set(web, "bbbb", replicas=1, ready=0)
        sick = pod(web_rs, "abcde", crash_looping())
        svc = service("db", {"app": "db"}, port=5432, target=5432)
        objects = (db, db_rs, unpulled, web, web_rs, sick, svc, endpoint_slice(svc), node())
        root = bundle(tmp_path, *objects, files={"objects/events.json": listed([])})
        said = "fatal: could not connect to db:5432: connection refused\n" * 3
        write(root, f"logs/{NS}/{sick['metadata']['name']}/web.previous.log", said)
        return root

    def test_stand_under_what_explains_them_in_json(self, cascade: Path) -> None:
        told = json.loads(run("bundle", str(cascade), "-o", "json").stdout)
        (root,) = told["hypotheses"]
        assert (root["cause"], root["object"]["name"]) == ("ImageNotFound", "db")
        assert {"DependencyDown", "CrashLoop"} <= {one["cause"] for one in root["explains"]}
        assert told["suspicions"] == []

    def test_are_one_line_on_a_terminal_and_in_markdown(self, cascade: Path) -> None:
        text, markdown = (run("bundle", str(cascade), "-o", form, width=200).stdout for form in ("text", "markdown"))
        assert re.search(r"^Explains: .*CrashLoop in Deployment/shop/web", text, re.MULTILINE)
        assert re.search(r"^Explains: .*CrashLoop in Deployment/shop/web", markdown, re.MULTILINE)
        assert "Also" not in text + markdown
        assert "Less likely" not in text + markdown


class TestASlipOfTheKeyboard:
    def test_a_namespace_that_the_bundle_has_nothing_of_is_not_found(self, broken: Path) -> None:
        for arguments in ((), ("deploy/web",)):
            done = run("bundle", str(broken), *arguments, "-n", "nope", width=200)
            assert (done.exit_code, done.stdout) == (3, "")
            assert f"the bundle holds nothing of namespace nope; it has {NS}" in done.stderr

    def test_an_object_that_nothing_speaks_of_is_not_found_and_near_ones_are_named(self, broken: Path) -> None:
        done = run("bundle", str(broken), "deploy/wbe", "-n", NS, width=200)
        assert (done.exit_code, done.stdout) == (3, "")
        assert "the bundle has no Deployment wbe" in done.stderr
        assert "did you mean deployment/web?" in done.stderr

    def test_an_object_that_an_event_speaks_of_is_gone_and_the_event_is_cited(self, tmp_path: Path) -> None:
        about = {"kind": "Deployment", "namespace": NS, "name": "cart"}
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "cart.1", "namespace": NS},
            "involvedObject": about,
            "reason": "ScalingReplicaSet",
            "message": "Scaled down replica set cart-1 to 0",
        }
        done = run("bundle", str(bundle(tmp_path, WEB, event)), "deploy/cart", "-n", NS, "-o", "json")
        assert done.exit_code == 0
        (first, *_) = json.loads(done.stdout)["hypotheses"]
        assert first["cause"] == "TargetGone"
        assert first["evidence"][0]["value"] == "Scaled down replica set cart-1 to 0"

    def test_the_owner_that_a_replica_set_names_is_gone(self, tmp_path: Path) -> None:
        done = run("bundle", str(bundle(tmp_path, deployment("other"), RS)), "deploy/web", "-o", "json")
        (first, *_) = json.loads(done.stdout)["hypotheses"]
        assert (first["cause"], first["evidence"][0]["value"]) == ("TargetGone", "web")

    def test_an_object_that_an_incident_is_about_is_gone_and_the_incident_is_cited(self, tmp_path: Path) -> None:
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": NS, "name": "cart"}
        incident = {
            "apiVersion": "incidentcommander.io/v1alpha1",
            "kind": "Incident",
            "metadata": {"name": "cart-1", "namespace": NS},
            "spec": {"targetRef": target},
        }
        done = run("bundle", str(bundle(tmp_path, WEB, incident)), "deploy/cart", "-o", "json")
        (first, *_) = json.loads(done.stdout)["hypotheses"]
        assert first["cause"] == "TargetGone"
        (cited,) = first["evidence"]
        assert (cited["ref"], cited["path"], cited["value"]) == (f"Incident/{NS}/cart-1", "spec.targetRef.name", "cart")

    def test_the_target_that_the_manifest_names_is_gone_and_the_manifest_is_cited(self, tmp_path: Path) -> None:
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": NS, "name": "cart"}
        root = bundle(tmp_path, WEB, manifest={**MANIFEST, "target": target})
        (first, *_) = json.loads(run("bundle", str(root), "-o", "json").stdout)["hypotheses"]
        assert first["cause"] == "TargetGone"
        assert first["evidence"] == [{"kind": "Note", "ref": "bundle.json", "path": "target.name", "value": "cart"}]

    def test_a_drawing_and_a_form_exclude_each_other(self, broken: Path) -> None:
        assert run("bundle", str(broken), "--graph", "dot", "-o", "json").exit_code == 2

    def test_a_second_target_is_refused_by_name(self, broken: Path) -> None:
        done = run("bundle", str(broken), "deploy/web", "deploy/api", width=200)
        assert done.exit_code == 2
        assert "one target at a time" in done.stderr


class TestHostileText:
    @pytest.fixture
    def hostile(self, tmp_path: Path) -> Path:
        sick: Object = copy.deepcopy(SICK)
        waiting = sick["status"]["containerStatuses"][0]["state"]["waiting"]
        waiting["message"] = HOSTILE
        sick["metadata"]["annotations"] = {"note": HOSTILE}
        root = bundle(tmp_path, WEB, RS, sick, files={"objects/events.json": listed([])})
        write(root, f"logs/{NS}/{sick['metadata']['name']}/web.previous.log", f"panic: {HOSTILE}\n")
        write(root, "extra/\x1b[31mred\x07.md", "x")
        return root

    def test_no_control_or_direction_character_reaches_the_terminal(self, hostile: Path) -> None:
        shown = run("bundle", str(hostile), width=200).stdout
        assert "[bold red]x[/]" in shown
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)

    def test_markdown_carries_neither_html_nor_links(self, hostile: Path) -> None:
        shown = run("bundle", str(hostile), "-o", "markdown").stdout
        assert "panic: " in shown
        outside = re.sub(r"(`+).*?\1", "", shown)
        assert "<script" not in outside
        assert "](http" not in outside.replace("\\]\\(http", "")

    def test_json_is_ascii(self, hostile: Path) -> None:
        assert run("bundle", str(hostile), "-o", "json").stdout.isascii()

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("ask @all", "ask \\@&#8203;all"),
            ("web:1@sha256:ab", "web\\:1\\@sha256\\:ab"),
            ("see www.evil.example", "see www\\.evil.example"),
            ("http://evil.example", "http\\://evil.example"),
        ],
    )
    def test_markdown_mentions_nobody_and_has_no_bare_links(self, text: str, shown: str) -> None:
        assert escaped(text) == shown

    @pytest.mark.parametrize("text", ["a`b", "``", "`", "", " ", "x``y`z", "<b>", "1. one", "# h", "- l", "| t |"])
    def test_code_and_text_end_where_they_should(self, text: str) -> None:
        fenced = code(text)
        run_ = re.match("`+", fenced)
        assert run_ is not None
        assert fenced.endswith(run_.group())
        assert run_.group() not in fenced[len(run_.group()) : -len(run_.group())]
        assert not re.match(r"\s*([#>|-]|\d+\.)\s", escaped(text))


def test_a_cited_series_says_whose_it_is_and_a_query_is_named() -> None:
    ref = 'cpu_cores{pod="web-a"}'
    assert where(Citation(kind=CitationKind.METRIC, ref=ref, path="cpu_cores", value="1")) == f"metric {ref}"
    query = Citation(kind=CitationKind.METRIC, ref="sum(rate(cpu[5m]))", path="container_cpu_usage", value="1")
    assert where(query) == "metric container_cpu_usage"


class TestALiveNamespace:
    def test_it_names_the_cause(self) -> None:
        done = run("-n", NS, cluster=FakeCluster(WEB, RS, SICK, node()))
        assert done.exit_code == 0
        assert done.stdout.startswith("Cause: Crash")
        assert "no Prometheus is configured" in done.stdout

    def test_more_of_a_log_is_read_than_an_agent_reads_and_its_bound_is_told(self) -> None:
        log = {(SICK["metadata"]["name"], "web", True): "panic: no rate\n" + "bye\n" * 1999}
        shown = " ".join(run("-n", NS, cluster=FakeCluster(WEB, RS, SICK, node(), logs=log)).stdout.split())
        assert "the last 2,000 lines were read; what stands before is not seen" in shown
        assert "panic: no rate" in shown

    def test_a_target_that_does_not_exist_is_not_found(self) -> None:
        done = run("deploy/nobody", cluster=FakeCluster(WEB))
        assert done.exit_code == 3

    def test_a_namespace_that_does_not_exist_is_not_found(self) -> None:
        done = run("-n", "shpo", cluster=FakeCluster(WEB))
        assert (done.exit_code, done.stdout) == (3, "")
        assert "there is no namespace shpo" in done.stderr

    def test_who_may_not_read_pods_is_told_and_exits_with_four(self) -> None:
        refuse = {kind: Forbidden('User "ann" cannot list') for kind in (kinds.POD, kinds.NAMESPACE)}
        done = run("-n", NS, cluster=FakeCluster(WEB, refuse=refuse))
        assert done.exit_code == 4
        assert "user ann may not list this" in " ".join(done.stdout.split())

    def test_a_healthy_target_is_called_healthy(self) -> None:
        rs = replica_set(WELL, "6d4b75cb6d", ready=2)
        done = run(
            "deploy/web",
            cluster=FakeCluster(WELL, rs, pod(rs, "abcde", running()), pod(rs, "fghij", running()), node()),
        )
        assert done.exit_code == 0
        assert done.stdout.startswith("Healthy: ")

    def test_a_namespace_is_healthy_when_each_of_its_workloads_is(self) -> None:
        rs = replica_set(WELL, "6d4b75cb6d", ready=2)
        done = run("-n", NS, cluster=FakeCluster(WELL, rs, pod(rs, "a", running()), pod(rs, "b", running()), node()))
        assert done.exit_code == 0
        assert done.stdout.startswith("Healthy: everything that was looked at: healthy: all 1 workloads")

    def test_an_empty_namespace_is_not_called_healthy(self) -> None:
        done = run("-n", NS, cluster=FakeCluster(node()))
        assert done.exit_code == 1
        assert done.stdout.startswith("Inconclusive: ")

    def test_what_names_no_object_is_refused(self) -> None:
        assert run("deploy", cluster=FakeCluster()).exit_code == 2
        assert run("deplyo/web", cluster=FakeCluster()).exit_code == 2
        assert run("deploy/a", "deploy/b", cluster=FakeCluster()).exit_code == 2


class TestTheRest:
    def test_what_changed_stands_between_the_evidence_and_the_rest(self, broken: Path) -> None:
        shown = run("bundle", str(broken)).stdout
        places = [shown.index(title) for title in ("Evidence", "What changed (=) and what was seen (!)", "Ruled out")]
        assert places == sorted(places)
        assert json.loads(run("bundle", str(broken), "-o", "json").stdout)["timeline"]

    @pytest.mark.parametrize(("form", "start"), [("mermaid", "flowchart LR"), ("dot", "digraph incident {")])
    def test_the_topology_can_be_drawn(self, broken: Path, form: str, start: str) -> None:
        done = run("bundle", str(broken), "--graph", form)
        assert done.exit_code == 0
        assert done.stdout.startswith(start)
        assert "Deployment/shop/web" in done.stdout
