"""Alert → Incident: payload, target, fingerprint, correlation, storm control. Pure."""
