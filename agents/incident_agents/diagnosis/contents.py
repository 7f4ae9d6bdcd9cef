"""The table of contents of the analysers, made from their docstrings and the causes that ``asking`` has of them.

``python -m incident_agents.diagnosis.contents`` writes it (``make generate``).
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

from incident_agents.diagnosis import analysers
from incident_agents.diagnosis.asking import ASKING

README = Path(analysers.__file__).with_name("README.md")
_HEAD = """\
# Analysers

Made by `make generate`; do not edit. Each file has one pure function `analyse(case)` that yields findings. To add one:
write the file and its test in `tests/unit/diagnosis`, list it in `__init__.py`, say in `../asking.py` what it needs and
finds, and in `../ranking.py` what its causes explain, run `make generate`. How findings become a diagnosis:
docs/diagnosis.md.

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
    causes = sorted(cause.value for cause in ASKING[name].causes)
    return f"| [{name}]({name}.py) | {first} | {', '.join(causes)} |\n"


if __name__ == "__main__":
    README.write_text(contents(), encoding="utf-8")
