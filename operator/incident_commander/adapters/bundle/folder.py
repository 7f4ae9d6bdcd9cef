"""Reading files that somebody else wrote: bounded, and never outside of the folder.

Neither symbolic links nor special files are followed or opened, and no size that a file claims is believed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from incident_commander.errors import IncidentCommanderError

_LOG_PLACE = "logs/NAMESPACE/POD/CONTAINER.log"
_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


class Broken(IncidentCommanderError):
    """A file of a bundle that cannot be used; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of a bundle is looked at."""

    file_bytes: int = 32 * 1024 * 1024
    """Largest file that is read whole. Logs are read in pieces, within bounds of their own."""
    total_bytes: int = 256 * 1024 * 1024
    entries: int = 20_000
    """Files and folders, all together."""


class Folder:
    """The files under one folder, by paths such as ``objects/pods.json``."""

    def __init__(self, root: Path, bounds: Bounds | None = None) -> None:
        self._root = root
        self._bounds = bounds or Bounds()
        self._bytes = 0
        self._entries = 0
        self.refused: list[str] = []
        """What was not opened, and why."""

    def files(self, under: str, depth: int = 1, *, beside: Container[str] = ()) -> Iterator[str]:
        """Paths of the regular files ``depth`` levels below a folder, by name; none if it is missing.

        What stands higher or deeper is refused, but for the folders ``beside`` them.
        """
        for entry in self._scan(under):
            path = f"{under}/{entry.name}" if under else entry.name
            try:
                mode = entry.stat(follow_symlinks=False).st_mode
            except OSError as error:
                self.refused.append(f"{path}: {error.strerror}")
                continue
            if stat.S_ISDIR(mode):
                if depth > 1:
                    yield from self.files(path, depth - 1)
                elif path not in beside:
                    self.refused.append(f"{path}/: no folder of a bundle, so what is in it was not read")
            elif not stat.S_ISREG(mode):
                self.refused.append(f"{path}: not a regular file, so it was not opened")
            elif depth > 1:
                self.refused.append(f"{path}: not read, it belongs {depth - 1} folders deeper ({_LOG_PLACE})")
            else:
                yield path

    def _scan(self, under: str) -> list[os.DirEntry[str]]:
        place = self._root / under
        try:
            if under and not stat.S_ISDIR(place.lstat().st_mode):
                self.refused.append(f"{under}: not a folder")
                return []
            with os.scandir(place) as found:
                entries: list[os.DirEntry[str]] = []
                for entry in found:
                    self._entries += 1
                    if self._entries > self._bounds.entries:
                        self.refused.append(f"{under}: more than {self._bounds.entries} files; the rest was not read")
                        break
                    entries.append(entry)
        except FileNotFoundError:
            return []
        except OSError as error:
            self.refused.append(f"{under}: {error.strerror}")
            return []
        return sorted(entries, key=lambda entry: entry.name)

    def exists(self, path: str) -> bool:
        """Whether there is a regular file."""
        try:
            return stat.S_ISREG((self._root / path).lstat().st_mode)
        except (OSError, ValueError):
            return False

    def modified(self, path: str) -> float | None:
        """When a file was last written, in unix seconds."""
        try:
            return (self._root / path).lstat().st_mtime
        except (OSError, ValueError):
            return None

    def read(self, path: str) -> bytes:
        """A whole file. Raises ``Broken`` when it is missing, no regular file, or over the bounds."""
        most = min(self._bounds.file_bytes, self._bounds.total_bytes - self._bytes)
        content, size = self._take(path, most + 1, from_end=False)
        if len(content) > most:
            raise Broken(f"{path}: {size} bytes are too many to be read (at most {most})")
        return content

    def tail(self, path: str, most: int) -> tuple[bytes, int]:
        """The last ``most`` bytes of a file, and the size of all of it. Raises ``Broken`` like ``read``."""
        left = self._bounds.total_bytes - self._bytes
        if left <= 0:
            raise Broken(f"{path}: not read, the bundle has more than {self._bounds.total_bytes} bytes")
        return self._take(path, min(most, left), from_end=True)

    def _take(self, path: str, most: int, *, from_end: bool) -> tuple[bytes, int]:
        with self.open(path) as file:
            try:
                size = os.fstat(file.fileno()).st_size
                if from_end and size > most:
                    file.seek(-most, os.SEEK_END)
                content = file.read(max(0, most))
            except OSError as error:
                raise Broken(f"{path}: cannot be read: {error.strerror}") from error
        self._bytes += len(content)
        return content, size

    def open(self, path: str) -> BinaryIO:
        """A regular file of the folder, which the caller reads within bounds of its own. Raises ``Broken``."""
        if os.path.isabs(path) or ".." in path.split("/"):
            raise Broken(f"{path}: leads out of the bundle")
        try:
            if not (self._root / path).resolve().is_relative_to(self._root.resolve()):
                raise Broken(f"{path}: leads out of the bundle")
            file = os.fdopen(os.open(self._root / path, _FLAGS), "rb")
        except FileNotFoundError as error:
            raise Broken(f"{path}: not in the bundle") from error
        except (OSError, ValueError, RuntimeError) as error:
            raise Broken(f"{path}: cannot be opened: {getattr(error, 'strerror', None) or error}") from error
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            file.close()
            raise Broken(f"{path}: not a regular file, so it was not opened")
        return file
