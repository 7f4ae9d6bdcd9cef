"""Routes in the configuration of a gateway: what may be kept of a ConfigMap whose other text nobody needs to see.

Read from the lines of nginx, Envoy, Traefik and Spring Cloud Gateway alike: names of routes, paths, addresses.
"""

from __future__ import annotations

import re

_NAME = re.compile(r"""^\s*(?:-\s*)?(?:id|name)\s*[:=]\s*["']?(?P<v>[A-Za-z][A-Za-z0-9_.-]{0,62})["']?\s*$""")
_PATH = re.compile(
    r"""(?:location\s+(?:[=~^*]{1,2}\s+)?|Path=|PathPrefix\(`|(?:path|prefix|match)\s*:\s*["']?)"""
    r"""(?P<v>/[A-Za-z0-9_./*{}-]{0,200})"""
)
_TO = re.compile(r"(?<![\w@])(?P<v>(?:https?|lb|grpc|h2c|ws)://[a-z0-9][a-z0-9.-]{0,252}(?::\d{2,5})?)(?![^\s/]*@)")
_MOST_LINES, _MOST = 5000, 300


def routes(text: str) -> list[str]:
    """``name NAME``, ``path PATH`` and ``to URL`` in their order; empty when there is no address at all."""
    found: list[str] = []
    for line in text.split("\n", _MOST_LINES)[:_MOST_LINES]:
        for word, pattern in (("name", _NAME), ("path", _PATH), ("to", _TO)):
            found += [f"{word} {m['v']}" for m in pattern.finditer(line[:1000])]
        if len(found) >= _MOST:
            break
    return found[:_MOST] if any(entry.startswith("to ") for entry in found) else []
