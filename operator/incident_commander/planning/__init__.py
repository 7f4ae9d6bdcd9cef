"""Runbooks → candidate plans with digests. Pure."""
