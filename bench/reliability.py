"""How often hypotheses of each confidence were right: the table of docs/diagnosis.md.

Predictions are what ``bench.diagnosis`` wrote. The truth has one line for each bundle: {"id", "object", "root_cause"},
where the object is ``app/NAME``, ``node/NAME`` or ``namespace/NAME``. Of each bundle the first three hypotheses
count. A fixed fifth of the bundles (by a hash of the id) is told apart, to be left alone while rules are fitted.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BANDS = ((90, "90 and more"), (80, "80 to 89"), (70, "70 to 79"), (60, "60 to 69"), (50, "50 to 59"), (0, "below 50"))
"""The least confidence of each, and its name."""
_FIRST = 3
_OF_NAMESPACES = frozenset({"namespace", "resourcequota", "limitrange"})


@dataclass(frozen=True, slots=True)
class Judged:
    """One hypothesis."""

    confidence: int
    right: bool
    aside: bool


def main(arguments: Sequence[str]) -> int:
    """0 when every bundle of the truth has a prediction."""
    parser = argparse.ArgumentParser(prog="python -m bench.reliability", description=__doc__)
    parser.add_argument("predictions", type=Path)
    parser.add_argument("truth", type=Path)
    options = parser.parse_args(arguments)
    predictions, truth = _by_id(options.predictions), _by_id(options.truth)
    print(table(list(judged(predictions, truth))))
    missing = truth.keys() - predictions.keys()
    if missing:
        print(f"{len(missing)} of {len(truth)} bundles have no prediction", file=sys.stderr)
    return 1 if missing else 0


def judged(predictions: Mapping[str, Mapping[str, Any]], truth: Mapping[str, Mapping[str, Any]]) -> Iterator[Judged]:
    """The first hypotheses of every bundle whose truth is known. The same answer once more is none of its own."""
    for name, true in truth.items():
        found = False
        for said in predictions.get(name, {}).get("ranked", ())[:_FIRST]:
            right = said["cause"] == true["root_cause"] and same(said["object"], true["object"])
            if not (right and found):
                yield Judged(said["confidence"], right, aside(name))
            found = found or right


def same(said: str, true: str) -> bool:
    """Whether a hypothesis is about the true object, or about a part of it: its pod, Service or claim by its name."""
    kind, _, name = true.lower().partition("/")
    parts = said.lower().split("/")
    if kind == "app":
        return parts[0] not in ("node", *_OF_NAMESPACES) and f"{parts[-1]}-".startswith(f"{name}-")
    if kind == "namespace":
        return parts[0] in _OF_NAMESPACES and parts[min(1, len(parts) - 1)] == name
    return parts == [kind, name]


def aside(name: str) -> bool:
    """Whether a bundle belongs to the fifth that no rule was fitted on."""
    return hashlib.sha256(name.encode()).digest()[0] % 5 == 0


def table(all_of_them: Iterable[Judged]) -> str:
    """In Markdown."""
    hypotheses = list(all_of_them)
    lines = ["| confidence | hypotheses | right | of these in the fifth set aside | right |", "|---|---|---|---|---|"]
    above = 101
    for least, words in BANDS:
        here = [h for h in hypotheses if least <= h.confidence < above]
        lines.append(f"| {words} | {_share(here)} | {_share([h for h in here if h.aside])} |")
        above = least
    return "\n".join(lines)


def _share(hypotheses: Sequence[Judged]) -> str:
    if not hypotheses:
        return "0 | "
    right = sum(h.right for h in hypotheses)
    return f"{len(hypotheses)} | {100 * right / len(hypotheses):.0f} %"


def _by_id(path: Path) -> dict[str, dict[str, Any]]:
    lines = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    return {found["id"]: found for found in lines}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
