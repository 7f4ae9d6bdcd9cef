"""Incidents to rehearse, with their truth. A seed varies names, sizes and times, never the truth."""
