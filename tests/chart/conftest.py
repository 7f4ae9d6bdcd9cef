"""Tests of the chart need Helm. Where there is none they skip and say how to get it; with CI=true they fail."""

from __future__ import annotations

import os
from typing import Any

import pytest
import yaml

from charts.helm import HelmError, program, template

Manifest = dict[str, Any]


@pytest.fixture(scope="session", autouse=True)
def helm_is_there() -> None:
    try:
        program()
    except HelmError as error:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def rendered() -> list[Manifest]:
    """What the chart's defaults make."""
    return [m for m in yaml.safe_load_all(template()) if m]
