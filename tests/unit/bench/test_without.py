"""Parts of the evidence are taken away as if they had never been saved."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

import pytest

from bench.without import parts, without
from incident_commander.api import kinds
from incident_commander.evidence.evidence import Evidence, Log, Note

EVIDENCE = Evidence(
    target=None,
    captured_at=datetime(2026, 1, 1, tzinfo=UTC),
    objects={"events": ({"kind": "Event"},), "replicasets.apps": (), "pods": ({"kind": "Pod"},)},
    logs=(Log("ns", "pod", "main", False, ("a line",)),),
    notes=(Note("get-pods.ns", ("a line",)),),
)


def test_resources_are_named_by_their_plural_and_count_as_not_asked() -> None:
    left = without(parts("events, replicasets"), EVIDENCE)

    assert not left.asked(kinds.EVENT)
    assert not left.asked(kinds.REPLICA_SET)
    assert left.of(kinds.POD)
    assert left.logs
    assert left.notes


def test_logs_and_the_output_of_other_tools_go_by_their_own_names() -> None:
    left = without(parts("logs,extra"), EVIDENCE)

    assert not left.logs
    assert not left.notes
    assert left.objects == EVIDENCE.objects


def test_nothing_left_out_changes_nothing() -> None:
    assert without(parts(""), EVIDENCE) == EVIDENCE


def test_an_unknown_part_is_named_and_refused() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="nothing is called evnets"):
        parts("evnets,logs")
