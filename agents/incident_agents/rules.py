"""The policy that rules an Incident, as an agent understands it."""

from __future__ import annotations

from dataclasses import dataclass

from incident_commander.api.policy import Mode, RemediationPolicy


@dataclass(frozen=True, slots=True)
class Rules:
    """``policy`` None is Observe. ``unreadable`` says what could not be understood: then nothing is sure."""

    policy: RemediationPolicy | None
    unreadable: str = ""

    @property
    def mode(self) -> Mode:
        """What is not understood may forbid everything, and counts as Observe."""
        return self.policy.spec.mode if self.policy is not None and not self.unreadable else Mode.OBSERVE
