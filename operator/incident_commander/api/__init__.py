"""The resources of group ``incidentcommander.io``: names, models, conditions, reasons."""
