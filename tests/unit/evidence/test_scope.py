"""Live gathering reads every kind that a diagnosis reasons from: what a bundle can tell, a cluster can."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import incident_agents.diagnosis
import incident_commander.evidence
from incident_commander.api import kinds
from incident_commander.api.kinds import Kind
from incident_commander.api.meta import TargetRef
from incident_commander.evidence.listing import Listing, listings, of_nodes
from incident_commander.evidence.scope import FULL, polling
from tests.unit.diagnosis.builders import NS, crash_looping, deployment, pod, replica_set, running

DIAGNOSIS = Path(incident_agents.diagnosis.__file__).parent
REASONING = ("changes", "dependencies", "graph", "owners", "revisions", "topology")
"""Modules of evidence that read objects on behalf of a diagnosis."""

TARGET = TargetRef(api_version="apps/v1", kind="Deployment", namespace=NS, name="web")

ONLY_RECORDED = {kinds.SECRET}
"""No identity of ours reads Secrets. That one, or a key of it, is missing is told by the kubelet's messages."""


def modules() -> list[Path]:
    evidence = Path(incident_commander.evidence.__file__).parent
    return [*sorted(DIAGNOSIS.rglob("*.py")), *(evidence / f"{name}.py" for name in REASONING)]


def kinds_read_by(module: Path) -> Iterator[Kind]:
    """Every ``kinds.NAME`` in the code of a module, and every kind that it imports by name."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "kinds":
            names = [node.attr]
        elif isinstance(node, ast.ImportFrom) and node.module == kinds.__name__:
            names = [alias.name for alias in node.names]
        for name in names:
            if isinstance(found := getattr(kinds, name), Kind):
                yield found


@pytest.mark.parametrize("module", modules(), ids=lambda path: path.stem)
def test_no_module_reasons_from_a_kind_that_is_not_gathered_live(module: Path) -> None:
    assert set(kinds_read_by(module)) - set(FULL.kinds) - ONLY_RECORDED == set()


def test_the_search_for_kinds_finds_what_analysers_read() -> None:
    found = {kind for module in modules() for kind in kinds_read_by(module)}
    assert {kinds.SERVICE_ACCOUNT, kinds.INGRESS, kinds.HTTP_ROUTE, kinds.NETWORK_POLICY, kinds.LEASE} <= found
    assert kinds.LIMIT_RANGE in found


class TestBesideTheNamespace:
    def test_dns_and_the_control_plane_are_looked_at(self) -> None:
        found = listings(kinds.POD, NS, None, system=True)
        assert [str(one) for one in found] == [
            f"pods in {NS}",
            "pods in kube-system (k8s-app in (kube-dns,coredns))",
            "pods in kube-system (tier=control-plane)",
        ]

    def test_kube_proxy_and_the_network_plugin_of_few_nodes_the_sick_pods_first(self) -> None:
        owner = replica_set(deployment(), "6d4b75cb6d")
        well = [pod(owner, f"well{n}", running(), nodeName=f"node-{n}") for n in range(6)]
        sick = pod(owner, "sicky", crash_looping(), nodeName="node-x")
        found = of_nodes([*well, sick], NS)
        assert [one.fields for one in found] == [f"spec.nodeName=node-{name}" for name in ("x", 0, 1, 2)]

    def test_a_poll_looks_at_nothing_beside_its_target(self) -> None:
        assert not polling(TARGET).surroundings
        assert listings(kinds.POD, NS, TARGET, system=False) == [Listing(kinds.POD, NS)]

    def test_all_namespaces_hold_kube_system_already(self) -> None:
        assert listings(kinds.POD, None, None, system=True) == [Listing(kinds.POD, None)]
        assert of_nodes([pod(replica_set(deployment(), "6d4b75cb6d"), "abcde", running())], None) == []
