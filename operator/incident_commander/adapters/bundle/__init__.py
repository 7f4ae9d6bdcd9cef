"""Incident bundles: a folder of what the real tools answered, seen through the ports. Layout: docs/bundles.md."""
