"""The analysers, one noun a file. To add one: write ``analyse(case)`` and its test, and list it here."""

from __future__ import annotations

from incident_agents.diagnosis.analysers import (
    autoscaling,
    config,
    cpu,
    crashes,
    dependencies,
    gone,
    images,
    jobs,
    memory,
    nodes,
    probes,
    quota,
    scheduling,
    services,
    volumes,
)
from incident_agents.diagnosis.finding import Analyser

ALL: tuple[Analyser, ...] = (
    gone.analyse,
    images.analyse,
    config.analyse,
    crashes.analyse,
    memory.analyse,
    cpu.analyse,
    autoscaling.analyse,
    quota.analyse,
    scheduling.analyse,
    probes.analyse,
    services.analyse,
    dependencies.analyse,
    jobs.analyse,
    nodes.analyse,
    volumes.analyse,
)
