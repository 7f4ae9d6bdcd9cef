"""Fixtures for every test: a real API server, bare or with everything installed, for those that ask for one."""

pytest_plugins = ["tests.controlplane.fixtures", "tests.functional.installed"]
