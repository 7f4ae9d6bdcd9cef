"""Makes fixtures of bundles that were recorded on a real cluster: ``python -m tests.unit.diagnosis.capture FROM``.

FROM is a folder of bundles as ``python -m e2e --all --bundles FROM`` records them. What is kept of each: the objects of
its namespace and the nodes that a diagnosis reads, the ends of its logs, its metrics and alerts. The writer of bundles
has redacted them already. Bundles without a row in ``CAUSES`` are left out.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).parent / "captured"
CAUSES: dict[str, str] = {
    "bad-command": "BadCommand",
    "bad-image": "ImageNotFound",
    "claim-pending": "VolumeClaimPending",
    "cpu-throttled": "CPUThrottled",
    "database-cascade": "DatabaseConnectionsExhausted",
    "failed-job": "JobFailed",
    "fix-that-does-not-help": "CrashAfterRollout",
    "memory-leak": "MemoryLeak",
    "memory-limit": "MemoryLimitTooLow",
    "missing-config": "ConfigMissing",
    "no-such-node": "UnschedulableAffinity",
    "pod-quota": "QuotaExceeded",
    "too-large": "UnschedulableResources",
    "traffic-flood": "HPAAtMaximum",
    "wrong-alert": "Unknown",
    "wrong-probe": "ProbeMisconfigured",
}
"""By name of the scenario, the cause that it makes, as a diagnosis of its recording can know it."""

_UNREAD = ("incidents.", "apiservices.", "priorityclasses.", "validatingwebhook", "mutatingwebhook")
_LINES = 60


def main(source: Path) -> int:
    """0 when every scenario had its bundle."""
    missing = [name for name in CAUSES if not (source / name / "bundle.json").is_file()]
    FIXTURES.mkdir(exist_ok=True)
    for name in CAUSES.keys() - set(missing):
        text = json.dumps(packed(source / name), indent=0, sort_keys=True)
        (FIXTURES / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    if missing:
        print(f"{source}: no bundle of {', '.join(missing)}", file=sys.stderr)
    return 1 if missing else 0


def packed(bundle: Path) -> dict[str, str]:
    """By path within the bundle, the text of the files that a diagnosis reads."""
    namespaces = set(json.loads((bundle / "bundle.json").read_text(encoding="utf-8"))["namespaces"])
    found: dict[str, str] = {}
    for path in sorted(p for p in bundle.rglob("*") if p.is_file()):
        text = path.read_text(encoding="utf-8")
        if path.parent.name == "objects" and path.name.startswith(_UNREAD):
            continue
        if path.suffix == ".json":
            text = json.dumps(_of(json.loads(text), namespaces), separators=(",", ":"))
        else:
            text = "\n".join(text.rstrip("\n").split("\n")[-_LINES:]) + "\n"
        found[str(path.relative_to(bundle))] = text
    return found


def unpack(name: str, into: Path) -> Path:
    """The bundle again, as a folder."""
    for path, text in json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8")).items():
        to = into / path
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(text, encoding="utf-8")
    return into


def _of(answer: Any, namespaces: set[str]) -> Any:
    """A list without the objects of other namespaces, and without what only the API server needs."""
    if not isinstance(answer, dict) or not isinstance(answer.get("items"), list):
        return answer
    kept = []
    for item in answer["items"]:
        meta = item.get("metadata", {})
        place = meta.get("namespace") or (meta.get("name") if item.get("kind") == "Namespace" else "")
        if place and place not in namespaces:
            continue
        meta.pop("managedFields", None)
        meta.get("annotations", {}).pop("kubectl.kubernetes.io/last-applied-configuration", None)
        kept.append(item)
    return {**answer, "items": kept}


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
