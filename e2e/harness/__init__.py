"""What the scenarios stand on: a cluster, its monitoring, the operator's processes, and reports."""
