"""What writes `docs/reference/`: made of the CRDs, of the settings, and of the command line itself."""
