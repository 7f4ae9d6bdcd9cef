"""``-o json`` and ``-o yaml``: objects as stored, in ASCII, so that no text in them can act on a terminal."""

from __future__ import annotations

import json
from typing import Any

import yaml
from rich.console import Console

from incident_commander.cli.options import Output


def print_data(console: Console, value: Any, output: Output) -> None:
    """Print a JSON value; everything outside of printable ASCII is written as an escape."""
    if output is Output.YAML:
        text = yaml.safe_dump(value, allow_unicode=False, sort_keys=False, width=120)
    else:
        text = json.dumps(value, indent=2, ensure_ascii=True).replace("\x7f", "\\u007f")
    # Straight to the file: the console would wrap lines at its width and break the format.
    console.file.write(text if text.endswith("\n") else text + "\n")
