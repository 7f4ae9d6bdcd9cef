"""`python -m docs.generators`: write every page of docs/reference/ again."""

from __future__ import annotations

from docs.generators import pages

if __name__ == "__main__":
    pages.write()
