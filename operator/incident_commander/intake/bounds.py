"""Strings from outside, made to fit an Incident: bounded, printable, and saying what was cut."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

KEY_LIMIT = 256
TEXT_LIMIT = 1024
LABELS_LIMIT = 64
ANNOTATIONS_LIMIT = 32
ALERT_BYTES = 8 * 1024
"""What one recorded alert may weigh; longer texts are cut shorter until it fits."""
OMITTED_KEY = "incidentcommander.io/omitted"
"""In the annotations of a recorded alert: which labels or annotations there was no room for."""

_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""Control characters but tab and newline, what reorders text on a terminal, and lone surrogates."""


def bounded(text: str, limit: int = TEXT_LIMIT) -> str:
    """The text without control characters (each becomes U+FFFD), cut to ``limit`` characters.

    A cut text ends with ``…[cut N characters]``, N being how many of the original are missing.
    """
    if len(text) <= limit:
        return _UNPRINTABLE.sub("\ufffd", text)
    room = limit - len(_marker(len(text)))
    return _UNPRINTABLE.sub("\ufffd", text[:room]) + _marker(len(text) - room)


def bounded_maps(
    labels: Mapping[str, str], annotations: Mapping[str, str], *, first: Sequence[str], kept_free: int = 0
) -> tuple[dict[str, str], dict[str, str]]:
    """Labels and annotations within the bounds of an Incident.

    Of too many labels those in ``first`` are kept, then the others by name; annotations by name, of which
    ``kept_free`` may follow. What was left out is named in the annotation ``OMITTED_KEY``.
    """
    order = {name: place for place, name in enumerate(first)}
    ranked = sorted(labels, key=lambda name: (order.get(name, len(order)), name))
    kept_labels, omitted_labels = ranked[:LABELS_LIMIT], ranked[LABELS_LIMIT:]
    names = sorted(annotations)
    most = ANNOTATIONS_LIMIT - kept_free
    room = most if not omitted_labels and len(names) <= most else most - 1
    kept, omitted = names[:room], names[room:]
    note = "; ".join(_left_out(omitted_labels, "labels") + _left_out(omitted, "annotations"))
    fitted_labels: dict[str, str] = {}
    fitted: dict[str, str] = {}
    for limit in (TEXT_LIMIT, 256, 64):
        fitted_labels = {bounded(n, min(limit, KEY_LIMIT)): bounded(labels[n], limit) for n in kept_labels}
        fitted = {bounded(n, min(limit, KEY_LIMIT)): bounded(annotations[n], limit) for n in kept}
        if note:
            fitted[OMITTED_KEY] = bounded(note, limit)
        if weight(fitted_labels, fitted) <= ALERT_BYTES:
            break
    return fitted_labels, fitted


def weight(*maps: Mapping[str, str]) -> int:
    """Roughly the bytes that they take in an Incident: as UTF-8, with quotes and commas."""
    return sum(len("".join([*texts, *texts.values()]).encode()) + 6 * len(texts) for texts in maps)


def _left_out(names: Sequence[str], what: str) -> list[str]:
    return [f"{len(names)} {what}: {', '.join(names)}"] if names else []


def _marker(count: int) -> str:
    return f"…[cut {count} characters]"
