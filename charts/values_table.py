"""`python -m charts.values_table`: write the table of values in the chart's README from the comments of values.yaml.

A comment that begins with `# --` describes the value below it, with everything in it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from charts.helm import CHART

README = CHART / "README.md"
_BEGIN, _END = "<!-- values: made by `make manifests` of values.yaml -->\n", "<!-- end of values -->"
_DESCRIBED = "# -- "


def rows(text: str) -> list[tuple[str, str, str]]:
    """Path, default as JSON, and description of each described value. Raises ValueError for one without."""
    lines, found = text.splitlines(), []

    def visit(node: yaml.MappingNode, path: str) -> None:
        for key, value in node.value:
            where = f"{path}{key.value}"
            above = lines[key.start_mark.line - 1].strip() if key.start_mark.line else ""
            if above.startswith(_DESCRIBED):
                default = json.dumps(yaml.safe_load(yaml.serialize(value)))
                found.append((where, default, above.removeprefix(_DESCRIBED)))
            elif isinstance(value, yaml.MappingNode) and value.value:
                visit(value, f"{where}.")
            else:
                raise ValueError(f"values.yaml, line {key.start_mark.line + 1}: {where} has no `{_DESCRIBED}` above it")

    root = yaml.compose(text)
    assert isinstance(root, yaml.MappingNode)
    visit(root, "")
    return found


def table(text: str) -> str:
    """The rows as Markdown."""
    lines = ["| value | default | meaning |", "|---|---|---|"]
    lines += [f"| `{path}` | `{_escaped(default)}` | {_escaped(said)} |" for path, default, said in rows(text)]
    return "\n".join(lines) + "\n"


def with_table(readme: str, values: str) -> str:
    """The README with a fresh table."""
    pattern = re.compile(re.escape(_BEGIN) + ".*?" + re.escape(_END), re.DOTALL)
    return pattern.sub(lambda _: _BEGIN + table(values) + _END, readme)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def write(chart: Path = CHART) -> None:
    """Renew the table."""
    readme = chart / "README.md"
    readme.write_text(with_table(readme.read_text(), (chart / "values.yaml").read_text()))


if __name__ == "__main__":
    write()
