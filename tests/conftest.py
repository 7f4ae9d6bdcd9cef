"""Fixtures for every test: a real API server, bare or with everything installed, for those that ask for one."""

from hypothesis import settings

pytest_plugins = ["tests.controlplane.fixtures", "tests.functional.installed"]

# How long an example takes says more about the machine than about the code.
settings.register_profile("project", deadline=None)
settings.load_profile("project")
