"""Causes whose fixtures were recorded once, on the local cluster, from an application that is not kept here.

A booking system of Python, Node and Go programs on PostgreSQL, MariaDB, Redis, RabbitMQ and nginx was broken in one way
after another, blind to what the analysers look for. No command makes these fixtures again: what its programs, client
libraries, kubelet and controllers said is theirs. Metrics are left out, and the folder of its volumes is renamed.
"""

from __future__ import annotations

RECORDED: dict[str, str] = {
    "ferry-account-refused": "ImagePullUnauthorized",
    "ferry-cache-full": "CacheMemoryExhausted",
    "ferry-claim-mode": "VolumeClaimPending",
    "ferry-claim-taken": "VolumeClaimPending",
    "ferry-node-lost": "NodeNotReady",
    "ferry-names": "DNSResolutionFailure",
    "ferry-password": "DatabaseCredentialsInvalid",
    "ferry-policy": "NetworkPolicyBlocks",
    "ferry-registry-away": "ImageRegistryUnreachable",
    "ferry-to-zero": "ScaledToZero",
    "ferry-volume-refused": "VolumePermissionDenied",
}
"""By name of the fixture, the cause that it has, as can be known: a kubelet that was stopped is a node that is lost."""
