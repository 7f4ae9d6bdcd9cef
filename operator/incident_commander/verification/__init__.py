"""Checks → Pass, Fail or Inconclusive. Pure."""
