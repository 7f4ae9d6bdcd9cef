"""The chart, and what is made of it: deploy/ (charts.manifests) and the table of values (charts.values_table)."""
