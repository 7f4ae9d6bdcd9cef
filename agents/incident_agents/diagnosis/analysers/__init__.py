"""The analysers, one noun a file. To add one: write ``analyse(case)`` and its test, and list it here."""

from __future__ import annotations

from incident_agents.diagnosis.analysers import (
    admission,
    autoscaling,
    claims,
    components,
    config,
    cpu,
    crashes,
    dependencies,
    gone,
    images,
    jobs,
    memory,
    nodes,
    permissions,
    ports,
    probes,
    quota,
    scheduling,
    services,
    startup,
    unscheduled,
    volumes,
)
from incident_agents.diagnosis.finding import Analyser

ALL: tuple[Analyser, ...] = (
    gone.analyse,
    images.analyse,
    config.analyse,
    startup.analyse,
    ports.analyse,
    permissions.analyse,
    crashes.analyse,
    memory.analyse,
    cpu.analyse,
    autoscaling.analyse,
    quota.analyse,
    admission.analyse,
    scheduling.analyse,
    unscheduled.analyse,
    probes.analyse,
    services.analyse,
    dependencies.analyse,
    jobs.analyse,
    nodes.analyse,
    components.analyse,
    volumes.analyse,
    claims.analyse,
)
