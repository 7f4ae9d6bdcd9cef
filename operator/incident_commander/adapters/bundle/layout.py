"""Where things stand in a bundle."""

from __future__ import annotations

from pathlib import Path

from incident_commander.api.kinds import Kind
from incident_commander.ports import LogPlace

VERSION = 1
MANIFEST, ALERTS = "bundle.json", "alerts.json"
OBJECTS, LOGS, METRICS, EXTRA = "objects", "logs", "metrics", "extra"
FOLDERS = frozenset((OBJECTS, LOGS, METRICS, EXTRA))
PREVIOUS = ".previous.log"


def stem(path: str) -> str:
    """The name of a file without its ending."""
    return path.rsplit("/", 1)[-1].rsplit(".", 1)[0]


def objects_path(kind: Kind) -> str:
    """Where the objects of a kind stand."""
    return f"{OBJECTS}/{kind.resource}.json"


def log_path(place: LogPlace) -> str:
    """Where a log stands."""
    suffix = PREVIOUS if place.previous else ".log"
    return f"{LOGS}/{place.namespace}/{place.pod}/{place.container}{suffix}"


def nested(root: Path) -> str:
    """A hint for the usual mistakes: the folder that bundles were unpacked into, or one that is a part of a bundle."""
    if root.resolve().name in (OBJECTS, LOGS, METRICS, EXTRA):
        return f"; it seems to be a part of one, which is {root.resolve().parent}"
    below = sorted(path.name for path in root.iterdir() if (path / MANIFEST).is_file())
    return f"; there are bundles inside of it, the first is {root / below[0]}" if below else ""
