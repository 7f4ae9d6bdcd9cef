"""Reconcile an Incident: gather → decide → record. Never touches a workload."""
