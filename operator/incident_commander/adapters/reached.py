"""What an HTTP endpoint answered: told apart from ``reach``, so that who only looks at it loads no HTTP client."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reached:
    """An answer. ``through`` is ``directly`` or ``through the API server``."""

    status: int
    body: bytes
    through: str
