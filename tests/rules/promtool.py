"""Prometheus' own tool for rules: on PATH, or Debian's, installed once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

import pytest

from tests.controlplane import debian


def find(progress: Callable[[str], None] = print) -> str | None:
    """The program; with CI=true, or as `make test` calls it, installed when it is missing. None: not to be had here."""
    found = shutil.which("promtool")
    if found is None and os.environ.get("CI") == "true":
        return get(progress)
    return found


def required() -> str:
    """The program. Where it is not to be had the test skips; with CI=true it fails."""
    found = find()
    if found is None:
        assert os.environ.get("CI") != "true", "promtool could not be installed"
        pytest.skip("no promtool: apt-get install prometheus, or `make test`")
    return found


def get(progress: Callable[[str], None] = print) -> str | None:
    """The program, installed from Debian's package of Prometheus when it is missing; no service is started."""
    if shutil.which("promtool") is None:
        try:
            debian.install(["prometheus"], progress)
        except debian.InstallError as error:
            progress(f"promtool is missing: {error}")
    return shutil.which("promtool")


if __name__ == "__main__":
    get()
