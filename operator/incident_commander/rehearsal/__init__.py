"""The simulated outside: an API server, workload controllers, physics, Prometheus and a virtual clock.

Everything is in memory, single-threaded and seeded: the same seed gives the same run to the byte.
"""
