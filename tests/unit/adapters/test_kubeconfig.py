"""A kubeconfig that cannot be used, or would be used otherwise than it says, is refused with the reason."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from incident_commander.adapters.kube_transport import Transport
from incident_commander.adapters.kubeconfig import check_kubeconfig
from incident_commander.errors import ConfigurationError


def config(path: Path, **user: Any) -> str:
    content = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}, {"name": "plain", "context": {}}],
        "clusters": [{"name": "k", "cluster": {"server": "https://api.example"}}],
        "users": [{"name": "u", "user": {"token": "t", **user}}],
    }
    path.write_text(yaml.safe_dump(content))
    return str(path)


def test_one_that_kubectl_accepts_is_accepted(tmp_path: Path) -> None:
    check_kubeconfig(config(tmp_path / "a"), None)
    check_kubeconfig(f"{tmp_path / 'none'}:{config(tmp_path / 'b')}", None)


@pytest.mark.parametrize("user", [{"as": "bob"}, {"as": "bob", "as-groups": ["g"]}, {"as-groups": ["g"]}])
def test_to_act_as_somebody_else_is_refused_and_never_passed_over(tmp_path: Path, user: dict[str, Any]) -> None:
    path = config(tmp_path / "a", **user)
    with pytest.raises(ConfigurationError, match="impersonation"):
        check_kubeconfig(path, None)
    with pytest.raises(ConfigurationError, match="impersonation"):
        check_kubeconfig(f"{path}:{tmp_path / 'none'}", "c")
    check_kubeconfig(path, "plain")


async def test_a_file_that_is_missing_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigurationError, match=r"there is no kubeconfig .*/none"):
        await Transport.connect(str(tmp_path / "none"))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("content", ["a: [", "}{", "5", "contexts: 5\nusers: [1]\n", "contexts: [1]\n", ""])
async def test_anything_else_is_an_error_for_people(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match="no API server: kubeconfig"):
        await Transport.connect(str(path))
    with pytest.raises(ConfigurationError, match="no API server: kubeconfig"):
        await Transport.connect(str(tmp_path))


def test_a_context_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"has no context 'prod'; it has: c, plain"):
        check_kubeconfig(config(tmp_path / "a"), "prod")


def test_what_is_no_yaml_is_told_in_one_line_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("a: 1\nb: [\n")
    with pytest.raises(ConfigurationError, match=r"config, line \d is not YAML: ") as caught:
        check_kubeconfig(str(path), None)
    assert "\n" not in str(caught.value)
