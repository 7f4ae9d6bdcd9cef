"""What is said of an image that is not as it must be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from e2e.harness.image import Image

LABELS = {
    f"org.opencontainers.image.{part}": "x" for part in ("title", "description", "licenses", "version", "revision")
}
SBOM = {"bomFormat": "CycloneDX", "components": [{"name": n} for n in ("kopf", "kubernetes", "securesystemslib")]}
GOOD = Image("65532:65532", LABELS, 200_000_000, frozenset({"python", "incident-commander"}), SBOM)


def test_nothing_is_said_of_one_that_is() -> None:
    assert GOOD.faults() == []


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (replace(GOOD, user=""), "runs as ''"),
        (replace(GOOD, labels={}), "lacks labels"),
        (replace(GOOD, added=250_000_000), "adds 250 MB"),
        (replace(GOOD, programs=frozenset({"pip"})), "build tools: ['pip']"),
        (replace(GOOD, sbom={"bomFormat": "CycloneDX", "components": []}), "with 0 components"),
    ],
)
def test_a_fault_is_named(image: Image, said: str) -> None:
    (fault,) = image.faults()
    assert said in fault
