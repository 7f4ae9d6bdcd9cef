r"""JSON as the API server writes it.

A JSON Patch ``test`` compares strings by their encoded bytes (github.com/evanphx/json-patch, ``lazyNode.equal``), so
"a && b" equals itself only when it is escaped as Go's encoding/json does it: ``&``, ``<``, ``>``, U+2028 and U+2029 as
``\uXXXX``, all else beyond ASCII as it is.
"""

from __future__ import annotations

import json
from typing import Any

_ESCAPED = str.maketrans({character: f"\\u{ord(character):04x}" for character in "&<>\u2028\u2029"})


def encode(value: Any) -> bytes:
    """One JSON document. The five characters occur inside of strings only, so they are replaced in all of it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPED).encode()
