"""``incident-commander diagnose``: a live namespace, or a bundle of one that cannot be reached."""
