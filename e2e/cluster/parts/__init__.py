"""The parts of the local cluster: one real Kubernetes node out of plain processes, where there is no Docker."""
