"""Diagnoses every bundle under a folder, blind, and says how long each took.

Each bundle is read and diagnosed in a process of its own, so that its peak of memory is its own. The output
has one line for each bundle, best hypothesis first: {"id", "ranked": [{"cause", "object", "confidence"}],
"seconds" of one core, "wallSeconds", "peakMiB", "citations", "missing"}. ``missing`` are citations that could not
be found again in the bundle.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench.citations import unfounded
from bench.labels import label, object_
from bench.without import parts, without
from incident_agents.diagnosis.engine import diagnose
from incident_commander.adapters.bundle.replay import read_evidence
from incident_commander.api.incident import Incident, IncidentSpec
from incident_commander.api.meta import ObjectMeta
from incident_commander.evidence.evidence import Evidence

GOAL_P95_SECONDS = 1.0
_MAX_ALERTS = 50


def main(arguments: Sequence[str]) -> int:
    """0 when every bundle was diagnosed within the goal and every citation was found again."""
    parser = argparse.ArgumentParser(prog="python -m bench.diagnosis", description=__doc__)
    parser.add_argument("bundles", type=Path, help="folder of bundles, one folder each")
    parser.add_argument("-o", "--out", type=Path, default=Path("out/predictions.jsonl"))
    parser.add_argument(
        "--without",
        type=parts,
        default=frozenset(),
        metavar="WHAT,...",
        help="as if these had not been saved: extra, logs, metrics, alerts, or resources by name, such as events",
    )
    options = parser.parse_args(arguments)
    folders = sorted(p for p in options.bundles.iterdir() if p.is_dir())
    if not folders:
        print(f"{options.bundles}: no bundle in it", file=sys.stderr)
        return 2
    options.out.parent.mkdir(parents=True, exist_ok=True)
    results = []
    with options.out.open("w", encoding="utf-8") as out:
        for n, folder in enumerate(folders, 1):
            found = _in_child(folder, options.without)
            results.append(found)
            out.write(json.dumps(found) + "\n")
            if n % 25 == 0 or n == len(folders):
                print(f"{n} of {len(folders)}", file=sys.stderr, flush=True)
    return _report(results, options.out)


def one(folder: Path, left_out: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The prediction for one bundle, as if ``left_out`` had not been saved."""
    began, used = time.perf_counter(), time.process_time()
    evidence = without(left_out, read_evidence(folder))
    diagnosis = diagnose(evidence, incident(folder.name, evidence), evidence.captured_at)
    seconds, used = time.perf_counter() - began, time.process_time() - used
    ranked = [
        {"cause": label(h), "object": object_(h), "confidence": h.confidence, "own": h.cause.value}
        for h in diagnosis.hypotheses
        if label(h)
    ]
    cited = [c for h in diagnosis.hypotheses for c in h.evidence]
    missing = [f"{c.kind} {c.ref} {c.path}: {c.value}"[:300] for c in cited if unfounded(c, evidence)]
    return {
        "id": folder.name,
        "ranked": ranked,
        "confidence": diagnosis.hypotheses[0].confidence if diagnosis.hypotheses else 0,
        "seconds": round(used, 4),
        "wallSeconds": round(seconds, 4),
        "peakMiB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "citations": len(cited),
        "missing": missing,
    }


def incident(name: str, evidence: Evidence) -> Incident:
    """An Incident without a target, with the alerts that were recorded."""
    return Incident(
        metadata=ObjectMeta(name=name, namespace="default"),
        spec=IncidentSpec(alerts=list(evidence.alerts[:_MAX_ALERTS])),
    )


def _in_child(folder: Path, left_out: frozenset[str]) -> dict[str, Any]:
    """A crash is a result: it is counted, its traceback goes to stderr, and the next bundle is tried."""
    context = multiprocessing.get_context("fork")
    reading, writing = context.Pipe(duplex=False)
    child = context.Process(target=_send, args=(writing, folder, left_out))
    child.start()
    writing.close()
    try:
        found: dict[str, Any] = reading.recv()
    except EOFError:
        found = {"id": folder.name, "ranked": [], "crash": "ended without an answer"}
    child.join()
    return found


def _send(writing: Connection, folder: Path, left_out: frozenset[str]) -> None:
    writing.send(one(folder, left_out))


def _report(results: Sequence[dict[str, Any]], out: Path) -> int:
    crashed = [r for r in results if "crash" in r]
    done = [r for r in results if "crash" not in r]
    seconds = sorted(r["seconds"] for r in done) or [0.0]
    p95 = seconds[min(len(seconds) - 1, int(0.95 * len(seconds)))]
    cited, missing = sum(r["citations"] for r in done), [m for r in done for m in r["missing"]]
    print(f"bundles     {len(results)}, crashed {len(crashed)}")
    print(f"CPU seconds p50 {statistics.median(seconds):.3f}, p95 {p95:.3f}, most {seconds[-1]:.3f} (goal: p95 ≤ 1)")
    print(f"peak memory {max((r['peakMiB'] for r in done), default=0)} MiB")
    print(f"citations   {cited}, not found again {len(missing)}")
    for line in [f"{r['id']}: {r['crash']}" for r in crashed][:5] + missing[:5]:
        print(f"  {line}")
    print(f"written to {out}")
    return 0 if not crashed and not missing and p95 <= GOAL_P95_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
