"""Carry out a certified plan: re-verify → guards → dry-run → intent → write → record, or undo."""
