"""Which queries a diagnosis and a forecast reason from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from incident_commander.api.meta import TargetRef
from incident_commander.evidence import queries
from incident_commander.ports import Query

_ALERTS = 4
"""Alerts of an Incident whose state is asked for."""

Queries = dict[str, Query]
"""By the key under which the answer is kept."""


def worth_asking(
    target: TargetRef | None,
    namespace: str | None,
    whole: str | None,
    claims: bool,
    alert_labels: Sequence[Mapping[str, str]],
) -> tuple[Queries, Queries]:
    """Range queries and instant queries about the target and its namespace's claims.

    ``whole``: the namespace whose pods are all asked about when there is no target. ``claims``: whether there are
    any.
    """
    ranges: Queries = {}
    instants: Queries = {}
    about = target
    if about is None and whole is not None:
        about = TargetRef(api_version="v1", kind="Namespace", namespace=whole, name=whole)
    if about is not None and about.kind in queries.KINDS_WITH_PODS | {"Pod", "Namespace"}:
        for query in (
            queries.memory_working_set(about),
            queries.cpu_usage(about),
            queries.cpu_throttled(about),
            queries.restarts(about),
        ):
            ranges[query.name] = query
        instants["sample_age"] = queries.sample_age(about)
    if claims and namespace is not None:
        for query in (queries.volume_used(namespace), queries.volume_capacity(namespace)):
            ranges[query.name] = query
        query = queries.volume_inodes_ratio(namespace)
        instants[query.name] = query
    for n, labels in enumerate(alert_labels[:_ALERTS]):
        instants["alert" if n == 0 else f"alert:{n}"] = queries.alert(labels, target)
    if about is not None:
        instants["sources_up"] = queries.sources_up()
    return ranges, instants
