"""Which pages there are, and what is in each."""

from __future__ import annotations

from pathlib import Path

from docs.generators import commands, recordings, report, resources, settings

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"


def pages() -> dict[Path, str]:
    """Each file with the text that it should have."""
    found = {REFERENCE / f"{crd.stem}.md": resources.page(crd) for crd in sorted((ROOT / "crds").glob("*.yaml"))}
    found[REFERENCE / "settings.md"] = settings.page()
    found[REFERENCE / "commands.md"] = commands.page()
    found[REFERENCE / "recordings.md"] = recordings.page()
    found[REFERENCE / "diagnosisreport.md"] = report.page()
    found[REFERENCE / report.SCHEMA] = report.text()
    return found


def write() -> None:
    """Write them, and remove what is no longer made."""
    made = pages()
    REFERENCE.mkdir(exist_ok=True)
    for file in set(REFERENCE.glob("*.*")) - set(made):
        file.unlink()
    for file, text in made.items():
        file.write_text(text)
