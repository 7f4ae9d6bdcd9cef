"""Writes a bundle: all of it or nothing, over nothing, and without secrets."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from incident_commander.adapters.bundle.layout import ALERTS, EXTRA, MANIFEST, METRICS, VERSION, log_path, objects_path
from incident_commander.adapters.bundle.recorder import RecordingCluster, RecordingMetrics
from incident_commander.api.kinds import Kind
from incident_commander.api.meta import TargetRef, format_time
from incident_commander.errors import BundleError
from incident_commander.evidence.redaction.objects import redact_object, redact_value
from incident_commander.evidence.redaction.redactor import Redactor
from incident_commander.ports import LogPlace, Object, Series

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,252}")
"""What may become the name of a file."""


@dataclass(frozen=True, slots=True)
class Record:
    """What was answered. ``gaps``: what was asked and not answered. ``alerts`` None: Alertmanager was not asked."""

    captured_at: datetime
    namespaces: Sequence[str]
    source: str
    target: TargetRef | None = None
    objects: Mapping[Kind, Sequence[Object]] = field(default_factory=dict)
    logs: Mapping[LogPlace, str] = field(default_factory=dict)
    series: Mapping[str, Sequence[Series]] = field(default_factory=dict)
    alerts: Sequence[Mapping[str, Any]] | None = None
    notes: Mapping[str, str] = field(default_factory=dict)
    gaps: Sequence[str] = ()

    def beside(self, kind: Kind, objects: Sequence[Object]) -> Record:
        """The same with objects of one more kind."""
        return replace(self, objects={**self.objects, kind: objects})


def recorded(cluster: RecordingCluster, metrics: RecordingMetrics | None, **about: Any) -> Record:
    """What two recorders kept. ``about``: the other fields."""
    return Record(
        objects=dict(cluster.answers()),
        logs=cluster.logs_read,
        series=metrics.answers if metrics is not None else {},
        **about,
    )


def write_bundle(directory: Path, record: Record, redactor: Redactor) -> None:
    """Write ``record`` as the new folder ``directory``.

    Raises ``BundleError`` when something is there already, or when it cannot be written; then nothing is left.
    """
    if os.path.lexists(directory):
        raise BundleError(f"{directory}: something of that name is there already")
    parent = directory.parent
    if not parent.is_dir():
        raise BundleError(f"{parent}: there is no such folder")
    try:
        partial = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=parent))
    except OSError as error:
        raise BundleError(f"{parent}: {error.strerror}") from error
    try:
        _fill(partial, record, redactor)
        if os.path.lexists(directory):
            raise BundleError(f"{directory}: something of that name has come to be there meanwhile")
        partial.rename(directory)
    except OSError as error:
        raise BundleError(f"{directory}: {error.strerror}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _fill(root: Path, record: Record, redactor: Redactor) -> None:
    for kind, objects in record.objects.items():
        items = [redact_object(kind, obj, redactor) for obj in objects]
        _write(root, objects_path(kind), {"apiVersion": "v1", "kind": "List", "items": items})
    for place, text in record.logs.items():
        names = (place.namespace, place.pod, place.container)
        if all(_NAME.fullmatch(name) for name in names):
            lines = "\n".join(redactor.lines(text.split("\n")))
            _write(root, log_path(place), lines)
    for name, series in record.series.items():
        if _NAME.fullmatch(name):
            _write(root, f"{METRICS}/{name}.json", _answer(series, redactor))
    if record.alerts is not None:
        _write(root, ALERTS, [redact_value(dict(alert), redactor) for alert in record.alerts])
    for name, text in record.notes.items():
        if _NAME.fullmatch(name):
            _write(root, f"{EXTRA}/{name}.txt", "\n".join(redactor.lines(text.split("\n"))))
    # Last: a folder without it was not finished.
    _write(root, MANIFEST, _manifest(record, redactor))


def _manifest(record: Record, redactor: Redactor) -> dict[str, Any]:
    found: dict[str, Any] = {
        "version": VERSION,
        "capturedAt": format_time(record.captured_at),
        "namespaces": list(record.namespaces),
        "source": record.source,
        "gaps": [redactor.text(gap) for gap in record.gaps],
    }
    if record.target is not None:
        target = record.target
        found["target"] = {"apiVersion": target.api_version, "kind": target.kind, "name": target.name}
        if target.namespace:
            found["target"]["namespace"] = target.namespace
    return found


def _answer(series: Sequence[Series], redactor: Redactor) -> dict[str, Any]:
    result = [
        {
            "metric": {key: redactor.text(text) for key, text in one.labels.items()},
            "values": [[at, repr(value)] for at, value in one.points],
        }
        for one in series
    ]
    return {"status": "success", "data": {"resultType": "matrix", "result": result}}


def _write(root: Path, path: str, content: Any) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content, indent=1, ensure_ascii=False)
    file.write_text(text if text.endswith("\n") else f"{text}\n", encoding="utf-8", errors="backslashreplace")
