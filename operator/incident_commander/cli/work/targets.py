"""``KIND/NAME`` on a command line, with kubectl's short names."""

from __future__ import annotations

from difflib import get_close_matches

from incident_commander.api import kinds
from incident_commander.api.kinds import Kind
from incident_commander.cli.work.failure import CommandError, ExitCode

TARGETS: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    (kinds.DEPLOYMENT, ("deploy",)),
    (kinds.STATEFUL_SET, ("sts",)),
    (kinds.DAEMON_SET, ("ds",)),
    (kinds.POD, ("po",)),
    (kinds.JOB, ()),
    (kinds.CRON_JOB, ("cj",)),
    (kinds.NODE, ("no",)),
    (kinds.SERVICE, ("svc",)),
    (kinds.PERSISTENT_VOLUME_CLAIM, ("pvc",)),
    (kinds.HORIZONTAL_POD_AUTOSCALER, ("hpa",)),
)
"""What an Incident can be about, with kubectl's short names."""


def parse_target(target: str, tried: str) -> tuple[Kind, str]:
    """The kind and the name. Raises ``CommandError`` that says what can be named, and how."""
    word, slash, name = target.partition("/")
    wanted = word.lower()
    for kind, short in TARGETS:
        if wanted in (kind.kind.lower(), kind.plural, kind.resource, *short):
            if slash and name and "/" not in name:
                return kind, name
            raise CommandError(tried, f"{target!r} names no object", f"write {word}/NAME", ExitCode.USAGE)
    known = [kind.kind.lower() for kind, _ in TARGETS]
    near = get_close_matches(wanted, known, n=1)
    advice = f"use one of: {', '.join(known)}; as in deployment/web"
    if near:
        advice = f"did you mean {near[0]}{slash}{name}? {advice}"
    elif not slash:
        advice = f"write KIND/NAME, for example deployment/{word}; {advice}"
    raise CommandError(tried, f"{word!r} is not something an Incident can be about", advice, ExitCode.USAGE)
