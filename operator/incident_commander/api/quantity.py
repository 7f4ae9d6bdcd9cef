"""Kubernetes quantities (``500m``, ``1.5Gi``): exact in and exact out, never through a float.

Syntax: apimachinery ``pkg/api/resource`` ("Quantity"): a signed decimal number, then a binary suffix, a
decimal suffix, or an exponent.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal

_SYNTAX = re.compile(
    r"(?P<number>[+-]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40}))"
    r"(?:(?P<suffix>[KMGTPE]i|[numkMGTPE])|[eE](?P<exponent>[+-]?\d{1,2}))?"
)
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_MILLI = Decimal(1000)


def parse_quantity(text: str) -> Decimal:
    """The number that a quantity stands for, in its base unit (bytes, cores, pieces).

    Raises ``ValueError`` when the text is not a quantity.
    """
    found = _SYNTAX.fullmatch(text)
    if found is None or not text.isascii():
        raise ValueError(f"{text[:64]!r} is not a Kubernetes quantity; write for example 500m, 2, 512Mi or 1.5Gi")
    number = Decimal(found["number"])
    if found["suffix"] in _BINARY:
        return number * Decimal(1024) ** _BINARY[found["suffix"]]
    exponent = _DECIMAL[found["suffix"]] if found["suffix"] else int(found["exponent"] or 0)
    return number.scaleb(exponent)


def format_memory(size: int) -> str:
    """Bytes in the largest binary unit that holds them exactly: ``512Mi``, ``1536Mi``, ``1Gi``, ``1000``."""
    for suffix, power in reversed(_BINARY.items()):
        unit: int = 1024**power
        if size and size % unit == 0:
            return f"{size // unit}{suffix}"
    return str(size)


def format_cpu(cores: Decimal) -> str:
    """Cores, rounded up to whole milli-cores (what the API server stores): ``250m``, ``2``, ``1500m``."""
    milli = int((cores * _MILLI).to_integral_value(ROUND_CEILING))
    return f"{milli}m" if milli % 1000 else str(milli // 1000)
