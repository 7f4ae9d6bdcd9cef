"""Every metric that Incident Commander exposes, declared; ``docs/metrics.md`` is made from it."""
