"""A simulation of a network plugin that enforces NetworkPolicies, which the local cluster's bridge does not.

It does so for ingress within one namespace, between pods, by iptables on this machine: enough to see that a policy
of the operator keeps away whom it should, and nobody else.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from e2e.harness.api import Api, Json
from e2e.harness.commands import run
from e2e.harness.waiting import Teller, meanwhile

_POLL_SECONDS = 1
_Pair = tuple[str, str]


@contextlib.asynccontextmanager
async def simulated_plugin(api: Api, namespace: str, say: Teller) -> AsyncIterator[None]:
    """Enforce the namespace's policies until the end of the block."""
    closed: set[_Pair] = set()
    try:
        async with meanwhile(_enforce(api, namespace, closed, say)):
            yield
    finally:
        for pair in closed:
            await _rule("--delete", pair, namespace, check=False)


async def _enforce(api: Api, namespace: str, closed: set[_Pair], say: Teller) -> None:
    while True:
        pods = await api.items(f"/api/v1/namespaces/{namespace}/pods")
        policies = await api.items(f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies")
        space = await api.get(f"/api/v1/namespaces/{namespace}")
        wanted = forbidden(pods, policies, space["metadata"].get("labels") or {})
        for pair in wanted - closed:
            closed.add(pair)
            await _rule("--insert", pair, namespace)
            say(f"the simulated network plugin closes {pair[0]} -> {pair[1]}")
        for pair in closed - wanted:
            closed.discard(pair)
            await _rule("--delete", pair, namespace)
            say(f"the simulated network plugin opens {pair[0]} -> {pair[1]}")
        await asyncio.sleep(_POLL_SECONDS)


async def _rule(what: str, pair: _Pair, namespace: str, *, check: bool = True) -> None:
    ends = ["--source", pair[0], "--destination", pair[1]]
    mark = ["--match", "comment", "--comment", namespace]
    await run("iptables", "--wait", what, "FORWARD", *ends, *mark, "--jump", "DROP", check=check)


def forbidden(pods: list[Json], policies: list[Json], namespace_labels: Json) -> set[_Pair]:
    """Addresses of pods that may not reach one another: client, server."""
    found = set()
    for server in pods:
        applying = [p for p in policies if selects(p["spec"].get("podSelector") or {}, _labels(server))]
        if not applying or not _address(server):
            continue
        sources = [peer for p in applying for rule in p["spec"].get("ingress") or [] for peer in rule.get("from") or []]
        for client in pods:
            let = any(_lets(source, client, namespace_labels) for source in sources)
            if client is not server and _address(client) and not let:
                found.add((_address(client), _address(server)))
    return found


def _lets(peer: Json, client: Json, namespace_labels: Json) -> bool:
    inside = "namespaceSelector" not in peer or selects(peer["namespaceSelector"], namespace_labels)
    return inside and selects(peer.get("podSelector") or {}, _labels(client))


def selects(selector: Json, labels: Json) -> bool:
    """Whether a label selector of the API matches. Raises ``ValueError`` for an operator that is not played here."""
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    for expression in selector.get("matchExpressions") or []:
        among = labels.get(expression["key"]) in expression["values"]
        if expression["operator"] not in ("In", "NotIn"):
            raise ValueError(f"the simulated network plugin knows no {expression['operator']}")
        if among != (expression["operator"] == "In"):
            return False
    return True


def _labels(obj: Json) -> Json:
    labels: Json = obj["metadata"].get("labels") or {}
    return labels


def _address(pod: Json) -> str:
    return str(pod.get("status", {}).get("podIP", ""))
