"""HTTP: the Alertmanager webhook, health, metrics, OpenAPI."""
