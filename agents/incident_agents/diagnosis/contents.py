"""The table of contents of the analysers, made from their docstrings and the causes that their code names.

``python -m incident_agents.diagnosis.contents`` writes it (``make generate``).
"""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from types import ModuleType

from incident_agents.diagnosis import analysers
from incident_commander.api.causes import Cause

README = Path(analysers.__file__).with_name("README.md")
_HEAD = """\
# Analysers

Made by `make generate`; do not edit. Each file has one pure function `analyse(case)` that yields findings. To add one:
write the file and its test in `tests/unit/diagnosis`, list it in `__init__.py`, say in `../ranking.py` what its causes
explain, run `make generate`. How findings become a diagnosis: docs/diagnosis.md.

| file | looks at | causes |
|---|---|---|
"""


def contents() -> str:
    """The text of the file."""
    rows = [_row(sys.modules[analyse.__module__]) for analyse in analysers.ALL]
    return _HEAD + "".join(sorted(rows))


def _row(module: ModuleType) -> str:
    first = (module.__doc__ or "").strip().split("\n\n", 1)[0].replace("\n", " ")
    name = module.__name__.rsplit(".", 1)[-1]
    named = re.findall(r"\bCause\.([A-Z_]+)\b", inspect.getsource(module))
    causes = sorted({Cause[n].value for n in named if n in Cause.__members__})
    return f"| [{name}]({name}.py) | {first} | {', '.join(causes)} |\n"


if __name__ == "__main__":
    README.write_text(contents(), encoding="utf-8")
