"""The generated table of contents is the one that is committed, and no analyser is forgotten."""

import inspect
import re
import sys

from incident_agents.diagnosis import analysers
from incident_agents.diagnosis.asking import ASKING
from incident_agents.diagnosis.contents import README, contents
from incident_commander.api.causes import Cause


def test_the_table_of_contents_is_up_to_date() -> None:
    assert README.read_text(encoding="utf-8") == contents(), "make generate"


def test_every_file_is_listed() -> None:
    files = {path.stem for path in README.parent.glob("*.py")} - {"__init__"}
    assert files == {analyse.__module__.rsplit(".", 1)[-1] for analyse in analysers.ALL}


def test_every_analyser_may_find_what_its_code_names_and_nothing_else() -> None:
    for analyse in analysers.ALL:
        source = inspect.getsource(sys.modules[analyse.__module__])
        named = {Cause[name] for name in re.findall(r"\bCause\.([A-Z_]+)\b", source) if name in Cause.__members__}
        assert ASKING[analyse.__module__.rsplit(".", 1)[-1]].causes == named, analyse.__module__
