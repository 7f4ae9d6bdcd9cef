"""The duties of agents."""

from __future__ import annotations

import enum


class Role(enum.StrEnum):
    """The six duties; each asks a question of its own of a plan."""

    DETECTION = "detection"
    DIAGNOSIS = "diagnosis"
    PREDICTION = "prediction"
    RESOLUTION = "resolution"
    COMMUNICATION = "communication"
    VERIFICATION = "verification"
