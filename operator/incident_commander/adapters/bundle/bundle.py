"""A bundle on disk: what it says about itself, and its parts as ``ports.Recording``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property, partial
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, TypeVar

from incident_commander.adapters.bundle.capture_time import latest, newest_fact, plausible
from incident_commander.adapters.bundle.folder import Bounds, Broken, Folder
from incident_commander.adapters.bundle.layout import (
    ALERTS,
    EXTRA,
    FOLDERS,
    LOGS,
    MANIFEST,
    METRICS,
    OBJECTS,
    PREVIOUS,
    VERSION,
    log_path,
    nested,
    objects_path,
    stem,
)
from incident_commander.adapters.bundle.mixed import SUFFIXES, objects_by_kind
from incident_commander.adapters.bundle.parsing import (
    MARK_BYTES,
    alerts_of,
    is_utf8,
    json_of,
    objects_of,
    series_of,
    text_of,
)
from incident_commander.api import kinds
from incident_commander.api.incident import Alert
from incident_commander.api.kinds import Kind
from incident_commander.api.meta import TargetRef
from incident_commander.errors import BundleError, LogsUnavailable
from incident_commander.evidence import fields
from incident_commander.ports import LogPlace, Object, Series

_MAX_SERIES = 20_000
_NOTE_BYTES = 256 * 1024

_KNOWN = {kind.resource: kind for kind in kinds.ALL}

_T = TypeVar("_T")


class Bundle:
    """Reads lazily; what cannot be used becomes a finding. Raises ``BundleError`` when the folder is no bundle."""

    def __init__(self, root: Path, bounds: Bounds | None = None) -> None:
        try:
            if not root.is_dir():
                raise BundleError(f"{root}: {'not a folder' if root.exists() else 'there is no such folder'}")
            self._folder = Folder(root, bounds)
            if not any((root / part).exists() for part in (MANIFEST, ALERTS, OBJECTS, LOGS, METRICS)):
                raise BundleError(f"{root}: no bundle: neither {MANIFEST} nor {OBJECTS}/ is there{nested(root)}")
        except OSError as error:
            raise BundleError(f"{str(root)[:200]}: {error.strerror}") from error
        self._findings: list[str] = []
        self._kept: dict[str, list[Object]] = {}

    @cached_property
    def _manifest(self) -> Object:
        if not self._folder.exists(MANIFEST):
            self._findings.append(f"{MANIFEST}: missing; the time of the newest fact is taken for the time of capture")
            return {}
        found = self._try(lambda: json_of(MANIFEST, self._folder.read(MANIFEST)))
        if not isinstance(found, dict):
            if found is not None:
                self._findings.append(f"{MANIFEST}: not an object")
            return {}
        if found.get("version") != VERSION:
            self._findings.append(f"{MANIFEST}: version {found.get('version')!r}, and this reads version {VERSION}")
        if plausible(fields.moment(found, "capturedAt")) is None:
            self._findings.append(
                f"{MANIFEST}: capturedAt is {found.get('capturedAt')!r}, no time of a capture with its zone"
            )
        return found

    @cached_property
    def captured_at(self) -> datetime:
        """By ``bundle.json``; else the newest event, alert or sample; else when a file was last written; else now."""
        return plausible(fields.moment(self._manifest, "capturedAt")) or self._newest()

    @property
    def target(self) -> TargetRef | None:
        """What the bundle was captured for, when it says so."""
        about = fields.mapping(self._manifest, "target")
        kind = kinds.kind_of(fields.text(about, "apiVersion"), fields.text(about, "kind"))
        name = fields.text(about, "name")
        if kind is None or not 0 < len(name) <= 253:
            return None
        namespace = fields.text(about, "namespace")[:253] or None
        return TargetRef(api_version=kind.api_version, kind=kind.kind, namespace=namespace, name=name)

    @cached_property
    def captured_namespaces(self) -> frozenset[str]:
        """What it was captured of, when it says so: one of them may be empty."""
        return frozenset(fields.words(self._manifest, "namespaces"))

    @cached_property
    def namespaces(self) -> frozenset[str]:
        """Those that anything in it is of: an object, a log, a series or an alert."""
        found = {place.namespace for place in self.log_places()}
        for resource in self.resources():
            try:
                objects = self.objects(_KNOWN[resource])
            except Broken:
                continue
            named = fields.name if resource == kinds.NAMESPACE.resource else fields.namespace
            found |= {named(o) for o in objects if isinstance(o, dict)}
        found |= {s.labels.get("namespace", "") for series in self.series().values() for s in series}
        found |= {alert.labels.get("namespace", "") for alert in self.alerts()}
        return frozenset(found - {""}) | self.captured_namespaces

    def _newest(self) -> datetime:
        try:
            events = self.objects(kinds.EVENT)
        except Broken:
            events = []
        files = [
            *self._folder.files("", beside=FOLDERS),
            *self._folder.files(OBJECTS),
            *self._folder.files(LOGS, depth=3),
        ]
        found = newest_fact(events, self.alerts(), self.series()) or latest(map(self._folder.modified, files))
        if found is None:
            self._findings.append("nothing in the bundle tells when it was captured; ages are counted from now")
        return found or datetime.now(UTC)

    def resources(self) -> list[str]:
        """Names of the kinds that were asked for: those of files, and of what is in files of several kinds."""
        named = [stem(p) for p in self._folder.files(OBJECTS) if p.endswith(".json") and stem(p) in _KNOWN]
        return list(dict.fromkeys([*named, *(kind.resource for kind in self._mixed)]))

    def asked(self, kind: Kind) -> bool:
        """Whether a kind was asked for."""
        return kind.resource in self._resources

    @cached_property
    def _resources(self) -> frozenset[str]:
        return frozenset(self.resources())

    def objects(self, kind: Kind) -> list[Object]:
        """All objects of a kind. Raises ``Broken``."""
        if kind.resource not in self._kept:
            path = objects_path(kind)
            own = objects_of(path, kind, self._folder.read(path)) if self._folder.exists(path) else []
            self._kept[kind.resource] = [*own, *self._mixed.get(kind, ())]
        return self._kept[kind.resource]

    @cached_property
    def _mixed(self) -> dict[Kind, list[Object]]:
        """What stands in other files than PLURAL.GROUP.json."""
        found: dict[Kind, list[Object]] = {}
        for path in self._folder.files(OBJECTS):
            if not path.endswith(SUFFIXES):
                self._findings.append(f"{path}: not read, it ends in none of {', '.join(SUFFIXES)}")
                continue
            if path.endswith(".json") and stem(path) in _KNOWN:
                continue
            answer = self._try(lambda path=path: objects_by_kind(path, self._folder.read(path)))  # type: ignore[misc]
            if answer is None:
                continue
            of_kinds, strange = answer
            if not of_kinds and not strange:  # an empty list: asked, and there are none
                if stem(path) in _KNOWN:
                    of_kinds[_KNOWN[stem(path)]] = []
                else:
                    strange = [stem(path)]
            for kind, objects in of_kinds.items():
                found.setdefault(kind, []).extend(objects)
            if strange:
                self._findings.append(f"{path}: not kinds that are read: {', '.join(strange[:12])}")
        return found

    @contextmanager
    def log(self, place: LogPlace) -> Iterator[BinaryIO]:
        """See ``ports.Recording``."""
        path = log_path(place)
        try:
            file = self._folder.open(path)
        except Broken as error:
            raise LogsUnavailable(str(error)) from error
        with file:
            if not is_utf8(file.read(MARK_BYTES)):
                try:
                    content = self._folder.read(path)
                except Broken as error:
                    raise LogsUnavailable(f"{error}; of this size, only logs in UTF-8 are") from error
                yield BytesIO(text_of(content).encode("utf-8", "replace"))
                return
            file.seek(0)
            yield file

    def log_end(self, place: LogPlace, limit_bytes: int) -> str:
        """The end of a log, beginning with a whole line. Raises ``Broken``."""
        content, size = self._folder.tail(log_path(place), limit_bytes)
        text = text_of(content)
        return text if len(content) == size else text.split("\n", 1)[-1]

    @cached_property
    def _log_places(self) -> tuple[LogPlace, ...]:
        found = []
        for path in self._folder.files(LOGS, depth=3):
            _, namespace, pod, file = path.split("/")
            for suffix, previous in ((PREVIOUS, True), (".log", False)):
                if file.endswith(suffix):
                    found.append(LogPlace(namespace, pod, file.removesuffix(suffix), previous))
                    break
            else:
                self._findings.append(f"{path}: neither NAME.log nor NAME.previous.log, so it was not read")
        return tuple(found)

    def log_places(self) -> Sequence[LogPlace]:
        """See ``ports.Recording``."""
        return self._log_places

    @cached_property
    def _series(self) -> dict[str, tuple[Series, ...]]:
        found: dict[str, tuple[Series, ...]] = {}
        room = _MAX_SERIES
        for path in self._files(METRICS, ".json"):
            series = self._try(lambda path=path: series_of(path, self._folder.read(path)))  # type: ignore[misc]
            if series is None:
                continue
            if len(series) > room:
                self._findings.append(f"{path}: {len(series)} series; {room} of them were read")
            found[path.removeprefix(f"{METRICS}/").removesuffix(".json")] = tuple(series[:room])
            room -= len(series[:room])
        return found

    def series(self) -> Mapping[str, Sequence[Series]]:
        """See ``ports.Recording``."""
        return self._series

    def notes(self) -> Mapping[str, str]:
        """See ``ports.Recording``."""
        found: dict[str, str] = {}
        for path in self._files(EXTRA, ".txt"):
            answer = self._try(partial(self._folder.tail, path, _NOTE_BYTES))
            if answer is None:
                continue
            content, size = answer
            if len(content) < size:
                self._findings.append(f"{path}: the last {len(content):,} of {size:,} bytes were read")
            found[path.removeprefix(f"{EXTRA}/").removesuffix(".txt")] = text_of(content)
        return found

    @cached_property
    def _alerts(self) -> tuple[Alert, ...]:
        if not self._folder.exists(ALERTS):
            return ()
        answer = self._try(lambda: alerts_of(ALERTS, self._folder.read(ALERTS)))
        if answer is None:
            return ()
        alerts, strange = answer
        if strange:
            self._findings.append(f"{ALERTS}: {strange} entries are not alerts (labels and startsAt are needed)")
        return tuple(alerts)

    def alerts(self) -> Sequence[Alert]:
        """See ``ports.Recording``."""
        return self._alerts

    def findings(self) -> Sequence[str]:
        """See ``ports.Recording``."""
        _ = self._log_places, self._mixed
        beside = [
            p for p in self._folder.files("", beside=FOLDERS) if p.endswith(SUFFIXES) and p not in (MANIFEST, ALERTS)
        ]
        self._findings += [f"{path}: not read; objects are read from the folder {OBJECTS}/" for path in beside]
        gaps = [f"when it was captured: {gap}" for gap in fields.words(self._manifest, "gaps")]
        return [*gaps, *self._findings, *self._folder.refused]

    def _files(self, under: str, suffix: str) -> list[str]:
        found = []
        for path in self._folder.files(under):
            if path.endswith(suffix):
                found.append(path)
            elif (finding := f"{path}: not read, it does not end in {suffix}") not in self._findings:
                self._findings.append(finding)
        return found

    def _try(self, read: Callable[[], _T]) -> _T | None:
        try:
            return read()
        except Broken as error:
            self._findings.append(str(error))
            return None
