"""Reading logs: speed on one core, memory, and how well templates group; ``python -m bench.logs``.

With drain3 installed (``uv run --with drain3 python -m bench.logs --drain3``) the same lines go through it as well.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from bench.proc import peak_mib
from incident_commander.evidence.logs import Limits, Room, excerpt, sampled, summarise
from incident_commander.evidence.logs.levels import Level
from incident_commander.evidence.logs.templates import Miner
from incident_commander.evidence.scope import RECORDED_LIMITS

MEGABYTES = 100
GOAL_SECONDS = 10.0
GOAL_LINES_PER_SECOND = 20_000
GOAL_MIB = 200.0
ROOM = Room(RECORDED_LIMITS.log_lines, RECORDED_LIMITS.log_bytes)
"""What a diagnosis keeps of a recorded log."""
MEMORY = ("stream", "excerpt", "huge", "words")
_HUGE = 10 * 1024**3
_SAMPLE = 128 * 1024**2
_WORDS = [a + b for a in ("ba", "ce", "di", "fo", "gu", "ha", "je") for b in ("lar", "mon", "tis", "ver", "dak", "pol")]


def _time(chance: random.Random) -> bytes:
    return b"2026-01-31T12:%02d:%02d.%06dZ" % (chance.randrange(60), chance.randrange(60), chance.randrange(10**6))


_SHAPES: tuple[Callable[[random.Random], bytes], ...] = (
    lambda r: (
        b"%s INFO  [http-nio-8080-exec-%d] c.x.orders.OrderService - order %d placed trace_id=%032x in %d ms"
        % (_time(r), r.randrange(50), r.randrange(10**6), r.getrandbits(128), r.randrange(999))
    ),
    lambda r: (
        b'{"level":"info","ts":"%s","msg":"request served","path":"/api/items/%d","status":200,"user":"%s"}'
        % (_time(r), r.randrange(10**5), r.choice(_WORDS).encode())
    ),
    lambda r: (
        b'10.1.%d.%d - - [31/Jan/2026:12:%02d:%02d +0000] "GET /static/%d HTTP/1.1" %d %d "-" "Mozilla/5.0"'
        % (
            r.randrange(255),
            r.randrange(255),
            r.randrange(60),
            r.randrange(60),
            r.randrange(10**5),
            r.choice((200, 304)),
            r.randrange(10**5),
        )
    ),
    lambda r: (
        b'level=info ts=%s caller=head.go:%d component=tsdb msg="compaction done" block=%x duration=%dms'
        % (_time(r), r.randrange(999), r.getrandbits(64), r.randrange(9999))
    ),
    lambda r: (
        b"%s WARN  c.x.stock.StockClient - retry %d of user %s" % (_time(r), r.randrange(5), r.choice(_WORDS).encode())
    ),
    lambda r: (
        b"E0131 12:%02d:%02d.%06d       1 reflector.go:147] Failed to watch *v1.Pod: "
        b'Get "https://10.96.0.1:443/api": dial tcp 10.96.0.1:443: i/o timeout'
        % (r.randrange(60), r.randrange(60), r.randrange(10**6))
    ),
    lambda r: (
        b"%s ERROR c.x.Pool - no connection\njava.net.ConnectException: Connection refused\n"
        b"\tat java.base/sun.nio.ch.Net.pollConnect(Native Method)\n\tat x.Pool.get(Pool.java:%d)"
        % (_time(r), r.randrange(999))
    ),
    lambda r: b"%s DEBUG cache %s key=%016x" % (_time(r), r.choice((b"hit", b"miss")), r.getrandbits(64)),
)
_WEIGHTS = (40, 20, 20, 10, 4, 2, 2, 6)


def services(seed: int) -> Iterator[tuple[int, bytes]]:
    """Records of several services, with the number of their shape."""
    chance = random.Random(seed)
    while True:
        for shape in chance.choices(range(len(_SHAPES)), _WEIGHTS, k=1000):
            yield shape, _SHAPES[shape](chance)


def lines(seed: int) -> Iterator[bytes]:
    """The lines of ``services``."""
    for _, record in services(seed):
        yield from record.split(b"\n")


def words(seed: int) -> Iterator[bytes]:
    """The hardest: no two lines are alike in their letters."""
    chance = random.Random(seed)
    while True:
        yield b"user %s sent %s to %s about %s" % tuple(
            w.encode() for w in chance.choices(_WORDS, k=4)
        ) + b" %x" % chance.getrandbits(60)


def garbage(seed: int) -> Iterator[bytes]:
    """Random bytes, cut at what happen to be line ends."""
    chance = random.Random(seed)
    while True:
        yield from chance.randbytes(1 << 20).split(b"\n")


def _amount(source: Iterator[bytes], size: int) -> list[bytes]:
    total = 0
    found = []
    for line in source:
        found.append(line)
        total += len(line) + 1
        if total >= size:
            break
    return found


class _Endless:
    """A file of ten gibibytes that nobody has to store."""

    def __init__(self, size: int) -> None:
        self._block = b"\n".join(_amount(lines(5), 4 << 20))
        self._size, self._at = size, 0

    def seek(self, at: int) -> int:
        self._at = at
        return at

    def read(self, count: int) -> bytes:
        start = self._at % len(self._block)
        found = self._block[start : start + min(count, self._size - self._at)]
        self._at += len(found)
        return found


def _peak_mib(work: str) -> float:
    """Peak resident memory of a process of its own that does the work."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return round(pool.apply(_work, (work,)), 1)


def _work(work: str) -> float:
    if work in ("stream", "excerpt"):
        size = 0

        def bounded() -> Iterator[bytes]:
            nonlocal size
            for line in lines(7):
                size += len(line) + 1
                if size > MEGABYTES * 10**6:
                    return
                yield line

        if work == "stream":
            summarise(bounded())
        else:
            excerpt(bounded(), ROOM)
    elif work == "huge":
        file: Any = _Endless(_HUGE)
        summarise(sampled(file, _HUGE, max_bytes=_SAMPLE))
    else:
        summarise(itertools.islice(words(8), 400_000))
    return peak_mib(os.getpid())


def grouping_accuracy(groups: Callable[[list[bytes]], list[int]], records: list[tuple[int, bytes]]) -> float:
    """Share of records whose group holds exactly the records of their shape (Zhu et al., ICSE-SEIP 2019)."""
    found = groups([record.split(b"\n")[0] for _, record in records])
    truth = Counter(shape for shape, _ in records)
    together = Counter(zip(found, (shape for shape, _ in records), strict=True))
    sizes = Counter(found)
    return sum(n for (g, s), n in together.items() if n == sizes[g] == truth[s]) / len(records)


def _ours(messages: list[bytes]) -> list[int]:
    miner = Miner(Limits().templates)
    shapes = (miner.shape_of(message, Level.INFO) for message in messages)
    return [shape.number if shape is not None else -1 for shape in shapes]


def _drain3(messages: list[bytes]) -> list[int]:
    from drain3 import TemplateMiner  # type: ignore[import-not-found,unused-ignore]
    from drain3.template_miner_config import TemplateMinerConfig  # type: ignore[import-not-found,unused-ignore]

    miner = TemplateMiner(config=TemplateMinerConfig())
    return [miner.add_log_message(message.decode())["cluster_id"] for message in messages]


def run(*, say: Callable[[str], None], drain3: bool = False) -> dict[str, Any]:
    """All figures."""
    result: dict[str, Any] = {}
    for name, source in (("services", lines), ("words", words), ("garbage", garbage)):
        say(f"logs: {name}")
        read = _amount(source(1), 30 * 10**6)
        size = sum(map(len, read)) + len(read)
        began = time.process_time()
        found = summarise(read)
        seconds = time.process_time() - began
        began = time.process_time()
        excerpt(read, ROOM)
        kept = time.process_time() - began
        result[name] = {
            "seconds_per_100_mb": round(seconds * MEGABYTES * 10**6 / size, 2),
            "excerpt_seconds_per_100_mb": round(kept * MEGABYTES * 10**6 / size, 2),
            "excerpt_lines_per_second": round(len(read) / kept),
            "lines_per_second": round(len(read) / seconds),
            "templates": len(found.templates),
            "binary_lines": found.unread.binary_lines,
        }
    for work in MEMORY:
        say(f"logs: memory, {work}")
        result[f"{work}_peak_mib"] = _peak_mib(work)
    file: Any = _Endless(_HUGE)
    say("logs: a sample of 10 GiB")
    began = time.process_time()
    huge = summarise(sampled(file, _HUGE, max_bytes=_SAMPLE))
    result["huge"] = {
        "seconds": round(time.process_time() - began, 2),
        "read_bytes": huge.bytes,
        "skipped_bytes": huge.unread.skipped_bytes,
    }
    records = list(itertools.islice(services(3), 50_000))
    result["grouping_accuracy"] = round(grouping_accuracy(_ours, records), 4)
    if drain3:
        say("logs: drain3")
        messages = [record.split(b"\n")[0] for _, record in records]
        timed = {}
        for name, groups in (("ours", _ours), ("drain3", _drain3)):
            began = time.process_time()
            groups(messages)
            timed[name] = round(len(messages) / (time.process_time() - began))
        result["drain3"] = {
            "messages_per_second": timed,
            "grouping_accuracy": round(grouping_accuracy(_drain3, records), 4),
        }
    result["met"] = met(result)
    return result


def met(result: dict[str, Any]) -> bool:
    """Whether every goal is met."""
    kinds = [result[name] for name in ("services", "words", "garbage")]
    return (
        all(kind[f"{what}lines_per_second"] >= GOAL_LINES_PER_SECOND for kind in kinds for what in ("", "excerpt_"))
        and all(result["services"][f"{what}seconds_per_100_mb"] <= GOAL_SECONDS for what in ("", "excerpt_"))
        and all(result[f"{work}_peak_mib"] <= GOAL_MIB for work in MEMORY)
    )


def main(arguments: list[str]) -> int:
    """0 when every goal was met."""
    parser = argparse.ArgumentParser(prog="python -m bench.logs", description=__doc__)
    parser.add_argument("--drain3", action="store_true", help="compare with drain3, which has to be installed")
    options = parser.parse_args(arguments)
    result = run(say=lambda line: print(line, file=sys.stderr), drain3=options.drain3)
    print(json.dumps(result, indent=2))
    return 0 if result["met"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
