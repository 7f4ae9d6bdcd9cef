"""What the Dockerfile says of itself, read as text: building it is for e2e."""

from __future__ import annotations

import json
import re
import tomllib

import pytest

from docs.generators.pages import ROOT

TEXT = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
STAGES = re.split(r"^FROM ", TEXT, flags=re.MULTILINE)[1:]
FINAL = STAGES[-1]


def test_the_last_stage_takes_the_application_and_makes_nothing() -> None:
    assert len(STAGES) == 2
    assert all(stage.startswith("${PYTHON_IMAGE}") for stage in STAGES)
    assert re.findall(r"^COPY .*$", FINAL, re.MULTILINE) == ["COPY --from=build /app /app"]
    assert "RUN " not in FINAL


def test_the_user_is_a_number_as_kubernetes_needs_to_see_that_it_is_not_root() -> None:
    (user,) = re.findall(r"^USER (\S+)$", FINAL, re.MULTILINE)
    assert all(int(part) >= 10000 for part in user.split(":"))


@pytest.mark.parametrize("instruction", ["ENTRYPOINT", "CMD"])
def test_no_shell_is_needed_to_start(instruction: str) -> None:
    (said,) = re.findall(rf"^{instruction} (.*)$", FINAL, re.MULTILINE)
    assert isinstance(json.loads(said), list)


def test_labels_tell_name_version_revision_licence_and_base() -> None:
    labels = dict(re.findall(r'org\.opencontainers\.image\.([a-z.]+)="([^"]*)"', FINAL))
    assert labels.keys() >= {"title", "description", "licenses", "version", "revision", "base.name"}
    assert labels["licenses"] == PROJECT["license"]
    assert labels["description"] == PROJECT["description"]


def test_a_build_without_arguments_tells_the_right_version() -> None:
    assert re.findall(r"^ARG VERSION=(\S+)$", FINAL, re.MULTILINE) == [PROJECT["version"]]


def test_nothing_is_asked_of_one_builder_alone() -> None:
    assert "--mount=" not in TEXT
    assert "# syntax" not in (ROOT / "Dockerfile").read_text()


def test_what_the_wheel_is_made_of_is_sent_to_the_builder() -> None:
    sent = (ROOT / ".dockerignore").read_text().splitlines()
    for name in ("agents/", "operator/", "crds/", "runbooks/", "pyproject.toml", PROJECT["readme"]):
        assert f"!{name}" in sent
