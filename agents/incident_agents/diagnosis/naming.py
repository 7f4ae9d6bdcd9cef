"""The words of a name that tell it from others: ``PAINT_SERVICE_URL`` and ``paint-svc`` both say ``paint``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.evidence import fields
from incident_commander.ports import Object

_PLAIN = frozenset(
    {"service", "services", "svc", "server", "app", "api", "addr", "address", "host", "port", "url", "uri"}
    | {"http", "https", "v1", "v2", "v3"}
)


def words(name: str) -> frozenset[str]:
    """Lower case, in the singular, without what every name has."""
    parts = re.split(r"[^a-z0-9]+", name.lower())
    stripped = {part.removesuffix("service") or part for part in parts}
    return frozenset(_singular(w) for w in stripped if w and w not in _PLAIN and not w.isdigit())


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def services(case: Case, place: str) -> dict[str, tuple[Object, frozenset[str]]]:
    """The Services of a namespace by name, each with its own words: a prefix that most of them have tells nothing."""
    return case.once(("words", place), lambda: _services(case, place))


def _services(case: Case, place: str) -> dict[str, tuple[Object, frozenset[str]]]:
    found = {fields.name(s): s for s in case.evidence.of(kinds.SERVICE) if fields.namespace(s) == place}
    counted = Counter(word for name in found for word in words(name))
    common = {word for word, n in counted.items() if n > max(2, len(found) / 2)}
    return {name: (service, words(name) - common) for name, service in found.items()}


def meant(case: Case, place: str, said: frozenset[str]) -> list[str]:
    """Names of the Services all of whose own words are said, the most telling first."""
    known = services(case, place)
    fitting = [(len(own), name) for name, (_, own) in known.items() if own and own <= said]
    return [name for _, name in sorted(fitting, reverse=True)]


_NEAR = 0.72


def nearest(name: str, known: Sequence[str]) -> str:
    """The name that was probably meant, or the empty string when none is close."""
    # Of those that begin alike the shorter one: db is meant by d before db-headless.
    scored = [(_likeness(name, other), -len(other), other) for other in known]
    ratio, _, best = max(scored, default=(0.0, 0, ""))
    return best if ratio >= _NEAR else ""


def _likeness(name: str, other: str) -> float:
    if len(min(name, other, key=len)) >= 3 and (name.startswith(other) or other.startswith(name)):
        return 0.9
    return SequenceMatcher(None, name, other).ratio()


def in_cluster(host: str, place: str) -> bool:
    """A short name, or one of this namespace; other domains are not ours to know."""
    labels = host.split(".")
    return len(labels) == 1 or (labels[1] == place and (len(labels) == 2 or labels[2] == "svc"))


_GATEWAYS = (
    *("gateway", "ingress", "proxy", "nginx", "envoy", "kong", "traefik", "apisix", "zuul", "haproxy", "caddy"),
    *("krakend", "tyk", "ambassador"),
)


def passes_on(workload: Workload) -> bool:
    """Whether a workload calls itself a gateway, or runs the image of one."""
    specs = fields.items(workload.object, "spec", "template", "spec", "containers")[:1]  # the others help it
    names = [fields.name(workload.object), *(fields.text(s, "image").rsplit("/", 1)[-1] for s in specs)]
    return any(marker in name.lower() for name in names for marker in _GATEWAYS)
