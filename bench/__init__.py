"""Figures: ``python -m bench`` prints a table and writes out/bench.json."""
