"""Recorded logs are read from their beginning; what was not read is named, file by file and with numbers."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from incident_commander.adapters.bundle.replay import read_evidence
from incident_commander.api.statement import Citation, CitationKind
from incident_commander.cli.work.replaying import diagnose_bundle
from incident_commander.evidence.evidence import Evidence
from incident_commander.evidence.scope import RECORDED_LIMITS
from tests.unit.adapters.bundle.folders import bundle, write
from tests.unit.diagnosis.builders import NS, crash_looping, deployment, pod, replica_set

WEB = deployment(ready=0)
RS = replica_set(WEB, "6d4b75cb6d", ready=0)
SICK = pod(RS, "abcde", crash_looping())
NAME = SICK["metadata"]["name"]
LOG = f"logs/{NS}/{NAME}/web.previous.log"
LIMITS = replace(RECORDED_LIMITS, log_lines=500, log_bytes=64 * 1024)


def chatter(lines: int) -> list[str]:
    return [f"2026-01-31T12:00:00Z INFO order {n} placed" for n in range(1, lines + 1)]


def recorded(root: Path, lines: list[str]) -> Path:
    write(bundle(root, WEB, RS, SICK), LOG, "\n".join(lines) + "\n")
    return root


def gaps_about(found: Evidence, what: str) -> list[str]:
    return [gap for gap in found.gaps if what in gap]


class TestAFirstErrorFarAboveTheEnd:
    def test_is_the_evidence_with_the_number_of_its_line(self, tmp_path: Path) -> None:
        lines = chatter(20_000)
        lines[99] = "2026-01-31T12:00:00Z FATAL no rate for currency XTS"
        diagnosis = diagnose_bundle(recorded(tmp_path, lines)).diagnosis
        cited = [c for h in diagnosis.hypotheses for c in h.evidence if c.kind is CitationKind.LOG]
        ref = f"Pod/{NS}/{NAME}/web:previous"
        assert Citation(kind=CitationKind.LOG, ref=ref, path="line 100", value=lines[99]) in cited


class TestWhatWasNotSeen:
    def test_a_log_that_was_read_whole_is_no_gap(self, tmp_path: Path) -> None:
        found = read_evidence(recorded(tmp_path, chatter(400)), limits=LIMITS)
        assert not gaps_about(found, "log of")
        assert found.logs[0].numbers == tuple(range(1, 401))

    def test_lines_that_were_only_counted_are(self, tmp_path: Path) -> None:
        found = read_evidence(recorded(tmp_path, chatter(3000)), limits=LIMITS)
        left_out = 3000 - len(found.logs[0].lines)
        (gap,) = gaps_about(found, "log of")
        assert gap.startswith(f"log of {NS}/{NAME}/web (previous) ({left_out:,} of 3,000 lines): only counted")
        assert "the first record of each kind and the end were read line by line" in gap

    def test_bytes_that_were_not_read_are(self, tmp_path: Path) -> None:
        limits = replace(LIMITS, log_file_bytes=200_000)
        root = recorded(tmp_path, chatter(50_000))
        found = read_evidence(root, limits=limits)
        size = (root / LOG).stat().st_size
        (gap,) = gaps_about(found, "samples")
        assert gap.startswith(f"log of {NS}/{NAME}/web (previous) (")
        assert f" of {size:,} bytes)" in gap
        assert found.logs[0].lines[-1].endswith("order 50000 placed")
        assert set(found.logs[0].numbers[-100:]) == {0}
        assert found.logs[0].numbers[0] == 1

    def test_binary_lines_are_and_do_not_become_text(self, tmp_path: Path) -> None:
        root = recorded(tmp_path, ["start"])
        (root / LOG).write_bytes(b"start\n" + bytes(range(10)) * 4 + b"\nend\n")
        found = read_evidence(root)
        assert found.logs[0].lines == ("start", "end")
        assert gaps_about(found, "(1 of 3 lines): not text")

    def test_nothing_at_all_of_a_log_of_zeros_is_seen(self, tmp_path: Path) -> None:
        root = recorded(tmp_path, ["x"])
        with (root / LOG).open("wb") as file:
            file.truncate(3 * 1024**3)
        found = read_evidence(root, limits=replace(LIMITS, log_file_bytes=4 * 1024**2))
        assert found.logs[0].lines == ()
        assert gaps_about(found, "of 3,221,225,472 bytes")

    def test_lines_that_are_too_long_are(self, tmp_path: Path) -> None:
        found = read_evidence(recorded(tmp_path, ["a" * 3000, "b"]))
        assert gaps_about(found, "(1 lines): lines longer than 2,000 characters")

    def test_a_log_that_may_not_be_read_is(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        root, opened = recorded(tmp_path, ["a"]), os.open

        def refused(path: Any, *arguments: Any, **named: Any) -> int:
            if str(path).endswith(".log"):
                raise PermissionError(13, "Permission denied")
            return opened(path, *arguments, **named)

        monkeypatch.setattr(os, "open", refused)
        (gap,) = gaps_about(read_evidence(root), "Permission denied")
        assert gap.startswith(f"log of {NS}/{NAME}/web (previous): {LOG}: cannot be opened")

    def test_the_end_of_a_note_that_is_too_long_is_all_that_is_read(self, tmp_path: Path) -> None:
        root = recorded(tmp_path, ["a"])
        write(root, "extra/kubelet.txt", "x" * 80 + "\n" * 6000)
        write(root, "extra/journal.txt", ("y" * 99 + "\n") * 4000)
        gaps = "\n".join(read_evidence(root).gaps)
        assert "note kubelet: the last 5,000 lines were read" in gaps
        assert "extra/journal.txt: the last 262,144 of 400,000 bytes were read" in gaps


class TestManyLogs:
    def test_each_gets_its_share_and_small_ones_leave_theirs_to_others(self, tmp_path: Path) -> None:
        root = bundle(tmp_path, WEB)
        for name, lines in (("a", 30_000), ("b", 10), ("c", 30_000)):
            write(root, f"logs/{NS}/{name}/web.log", "\n".join(chatter(lines)))
        size = (root / f"logs/{NS}/a/web.log").stat().st_size
        limits = replace(LIMITS, log_files_bytes=2 * size + 1000)
        found = read_evidence(root, limits=limits)
        assert [log.pod for log in found.logs] == ["a", "b", "c"]
        assert not gaps_about(found, "samples")
        assert gaps_about(read_evidence(root, limits=replace(limits, log_files_bytes=size)), "samples")

    def test_what_is_kept_of_all_of_them_is_bounded(self, tmp_path: Path) -> None:
        root = bundle(tmp_path, WEB)
        for n in range(20):
            write(root, f"logs/{NS}/p{n}/web.log", "\n".join(chatter(4000)))
        found = read_evidence(root, limits=replace(LIMITS, logs_kept_bytes=200_000))
        assert sum(len(line) for log in found.logs for line in log.lines) < 400_000
        assert all(log.lines[-1].endswith("order 4000 placed") for log in found.logs)

    def test_short_lines_count_for_what_they_take_in_memory(self, tmp_path: Path) -> None:
        root = bundle(tmp_path, WEB)
        for n in range(20):
            write(root, f"logs/{NS}/p{n}/web.log", "x\n" * 5000)
        found = read_evidence(root, limits=replace(LIMITS, logs_kept_bytes=400_000))
        assert sum(len(log.lines) for log in found.logs) < 4000
        (gap,) = gaps_about(found, "only counted")
        assert gap.count("log of shop/p") == 20

    def test_when_the_time_is_over_the_end_of_each_is_read(self, tmp_path: Path) -> None:
        root = bundle(tmp_path, WEB)
        for name in ("a", "b"):
            write(root, f"logs/{NS}/{name}/web.log", "\n".join(chatter(60_000)))
        found = read_evidence(root, limits=replace(LIMITS, seconds=0))
        assert [log.lines[-1].rsplit(" ", 2)[1] for log in found.logs] == ["60000", "60000"]
        assert len(gaps_about(found, "log of")) >= 1


class TestOtherEncodings:
    @pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
    def test_a_long_log_is_read_in_them_as_well(self, tmp_path: Path, encoding: str) -> None:
        root = recorded(tmp_path, ["a"])
        lines = chatter(3000)
        lines[199] = "ERROR grün"
        (root / LOG).write_bytes("\r\n".join(lines).encode(encoding))
        (log,) = read_evidence(root, limits=LIMITS).logs
        assert log.number_of("ERROR grün") == 200
