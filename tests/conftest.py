"""Fixtures for every test: a real API server, for those that ask for one."""

pytest_plugins = ["tests.controlplane.fixtures"]
