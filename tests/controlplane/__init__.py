"""A real Kubernetes API server (with etcd and the controllers) for tests, with no Docker and no cluster."""

from tests.controlplane.assets import Assets, Unavailable, find, find_or_build
from tests.controlplane.server import ApiError, ControlPlane, ControlPlaneError

__all__ = ["ApiError", "Assets", "ControlPlane", "ControlPlaneError", "Unavailable", "find", "find_or_build"]
