"""``doctor``: what stands between this cluster and a verified fix, line by line, each with what to do about it."""
