"""The namespace is the one that kubectl would use."""

from pathlib import Path

import pytest
import yaml

from incident_commander.cli.work.kubeconfig import current_namespace


def write(path: Path, current: str | None, **contexts: str | None) -> str:
    entries = [
        {"name": n, "context": {"cluster": "c"} | ({"namespace": ns} if ns else {})} for n, ns in contexts.items()
    ]
    path.write_text(yaml.safe_dump({"current-context": current, "contexts": entries}))
    return str(path)


def test_of_the_current_context_or_of_the_one_that_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "config", "a", a="shop", b="pay", c=None)
    assert current_namespace(path, None) == "shop"
    assert current_namespace(path, "b") == "pay"
    assert current_namespace(path, "c") == "default"


def test_several_files_are_read_as_kubectl_merges_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = write(tmp_path / "1", "b", a="shop"), write(tmp_path / "2", "a", b="pay")
    monkeypatch.setenv("KUBECONFIG", f"{first}:{second}")
    assert current_namespace(None, None) == "pay"


@pytest.mark.parametrize("content", ["", "}{", "5", "contexts: [1]\ncurrent-context: a\n"])
def test_a_file_that_cannot_be_read_is_left_to_the_connection_to_complain_about(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config"
    path.write_text(content)
    assert current_namespace(str(path), None) == "default"
    assert current_namespace(str(tmp_path / "none"), None) == "default"
