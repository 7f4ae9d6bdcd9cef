"""The simulated network plugin closes what a NetworkPolicy closes, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from e2e.harness.network import forbidden, selects

LABELS = {"kubernetes.io/metadata.name": "shop"}


def pod(app: str, address: str) -> dict[str, Any]:
    return {"metadata": {"name": app, "labels": {"app": app}}, "status": {"podIP": address}}


PODS = [pod("search", "10.0.0.1"), pod("honest", "10.0.0.2"), pod("crawler", "10.0.0.3")]
KEEPS_THE_CRAWLER_AWAY = {
    "spec": {
        "podSelector": {"matchLabels": {"app": "search"}},
        "policyTypes": ["Ingress"],
        "ingress": [
            {
                "from": [
                    {
                        "namespaceSelector": {
                            "matchExpressions": [
                                {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["shop"]}
                            ]
                        }
                    },
                    {
                        "namespaceSelector": {"matchLabels": LABELS},
                        "podSelector": {
                            "matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["crawler"]}]
                        },
                    },
                ]
            }
        ],
    }
}


def test_one_client_is_kept_away_and_the_others_are_not() -> None:
    assert forbidden(PODS, [KEEPS_THE_CRAWLER_AWAY], LABELS) == {("10.0.0.3", "10.0.0.1")}


def test_without_a_policy_everything_is_open() -> None:
    assert forbidden(PODS, [], LABELS) == set()


def test_a_pod_without_an_address_is_waited_for() -> None:
    assert forbidden([PODS[0], pod("crawler", "")], [KEEPS_THE_CRAWLER_AWAY], LABELS) == set()


def test_an_operator_that_is_not_played_is_refused() -> None:
    with pytest.raises(ValueError, match="Exists"):
        selects({"matchExpressions": [{"key": "app", "operator": "Exists", "values": []}]}, {})
