"""The generated table of contents is the one that is committed, and no analyser is forgotten."""

from incident_agents.diagnosis import analysers
from incident_agents.diagnosis.contents import README, contents


def test_the_table_of_contents_is_up_to_date() -> None:
    assert README.read_text(encoding="utf-8") == contents(), "make generate"


def test_every_file_is_listed() -> None:
    files = {path.stem for path in README.parent.glob("*.py")} - {"__init__"}
    assert files == {analyse.__module__.rsplit(".", 1)[-1] for analyse in analysers.ALL}
