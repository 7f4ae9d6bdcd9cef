"""Logs: from lines, however many, to records, templates, first errors and failures of dependencies. Pure, bounded."""

from incident_commander.evidence.logs.excerpt import Excerpt, Room, excerpt
from incident_commander.evidence.logs.failure_kinds import FailureKind
from incident_commander.evidence.logs.failures import Failure, failure_in
from incident_commander.evidence.logs.levels import Level
from incident_commander.evidence.logs.reading import Skipped, lines_of, sampled
from incident_commander.evidence.logs.summarise import summarise
from incident_commander.evidence.logs.summary import FailureCount, Limits, LogSummary, Occurrence, Template, Unread

__all__ = [
    "Excerpt",
    "Failure",
    "FailureCount",
    "FailureKind",
    "Level",
    "Limits",
    "LogSummary",
    "Occurrence",
    "Room",
    "Skipped",
    "Template",
    "Unread",
    "excerpt",
    "failure_in",
    "lines_of",
    "sampled",
    "summarise",
]
