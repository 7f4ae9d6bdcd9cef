"""Guards: what must hold immediately before every write, one per file. Pure."""
