"""What the programs inside of containers do: the physics that scenarios are made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from incident_commander.ports import Object

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Exit:
    """The end of a container: exit code and its last words."""

    code: int
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What one container does from its start on. Sizes in bytes, CPU in cores, times in seconds."""

    memory_bytes: int = 64 * MIB
    memory_growth: float = 0.0
    """Bytes a second. At the limit the kernel kills the container."""
    memory_ceiling: float = math.inf
    """Where the growth ends."""
    cpu_cores: float = 0.05
    """Demand; above the limit the container is throttled."""
    start_lines: tuple[str, ...] = ()
    chatter: str = ""
    """A line that is written every ``chatter_seconds``."""
    chatter_seconds: float = 60.0
    exit_after: float | None = None
    exit: Exit = Exit(1)
    """How it ends after ``exit_after``."""
    start_error: str = ""
    """The runtime cannot start the command; it says this."""
    ready_after: float = 2.0
    """From the start until it answers."""
    port: int | None = None
    """The port that it listens on; None listens on whatever is asked."""
    answer_status: int = 200
    answer_seconds: float = 0.01
    answering: Callable[[], bool] | None = None
    """Asked at each probe; False refuses the connection."""
    failing: Callable[[], Exit | None] | None = None
    """Asked every few seconds; an Exit ends the container."""
    metrics: Mapping[str, Callable[[float], float]] = field(default_factory=dict)
    """Metrics that it exports, by name, as functions of its age."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a program can see when it starts."""

    pod: Object
    container: str
    tag: str
    env: Mapping[str, str]
    files: Mapping[str, str]
    """Content of mounted ConfigMaps, by key."""
    now: datetime
    restarts: int


Program = Callable[[Context], Behaviour]
"""Decides at each start of a container what it will do."""


@dataclass(frozen=True, slots=True)
class PullFailure:
    """Why an image cannot be had: ``code`` is the gRPC status."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Image:
    """A repository in a registry: the tags that exist, and the program inside."""

    repository: str
    tags: frozenset[str]
    program: Program
    unauthorized: bool = False
    unreachable: bool = False


class Registry:
    """All images of this world."""

    def __init__(self) -> None:
        self._images: dict[str, Image] = {}

    def publish(self, image: Image) -> None:
        """Put an image there, or replace it."""
        self._images[image.repository] = image

    def pull(self, reference: str) -> tuple[Image, str] | PullFailure:
        """The image and its tag, or the words of containerd."""
        last = reference.rsplit("/", 1)[-1]
        tag = last.split(":", 1)[1] if ":" in last else "latest"
        repository = reference.removesuffix(f":{tag}")
        image = self._images.get(repository)
        prefix = f'failed to pull and unpack image "{reference}": failed to resolve reference "{reference}": '
        if image is not None and image.unreachable:
            host = repository.split("/", 1)[0]
            text = f'failed to do request: Head "https://{host}/v2/": dial tcp: lookup {host}: i/o timeout'
            return PullFailure("Unknown", prefix + text)
        if image is not None and image.unauthorized:
            text = "pull access denied, repository does not exist or may require authorization: authorization failed"
            return PullFailure("Unknown", prefix + text)
        if image is None or tag not in image.tags:
            return PullFailure("NotFound", f"{prefix}{reference}: not found")
        return image, tag
