"""Incident Commander: from a Prometheus alert to a verified fix."""
