"""A Prometheus: scrapes the rehearsed cluster, answers PromQL, evaluates rules, and tells an Alertmanager."""
