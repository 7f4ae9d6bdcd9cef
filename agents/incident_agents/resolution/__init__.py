"""Resolution: candidate plans from Runbooks, best first."""
