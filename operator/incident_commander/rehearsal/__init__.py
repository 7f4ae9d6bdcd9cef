"""The simulated outside behind the ports: an in-memory cluster with a virtual clock. Simulation."""
