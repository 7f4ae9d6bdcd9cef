"""Thin Kopf handlers, one file per process."""
