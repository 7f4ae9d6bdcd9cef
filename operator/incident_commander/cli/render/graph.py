"""A graph as Mermaid and as DOT. Names of others are labels and nothing else."""

from __future__ import annotations

import re

from incident_commander.cli.render.text import safe
from incident_commander.evidence.graph import Graph, Relation

_PLAIN = re.compile(r"[^A-Za-z0-9 ./_-]")
_DOTTED = frozenset({Relation.MOUNTS, Relation.READS, Relation.RUNS_ON, Relation.RUNS_AS, Relation.FILTERS})


def mermaid(graph: Graph) -> str:
    """A flowchart; sick nodes are red. Every character that Mermaid could read is an entity."""
    ids = {node: f"n{place}" for place, node in enumerate(graph.nodes)}
    lines = ["flowchart LR"]
    lines += [f'  {ids[node]}["{_entities(node)}"]' for node in graph.nodes]
    for edge in graph.edges:
        arrow = "-.->" if edge.relation in _DOTTED else "-->"
        lines.append(f"  {ids[edge.source]} {arrow}|{edge.relation.value}| {ids[edge.target]}")
    lines += [f"  style {ids[node]} stroke:#c00,stroke-width:3px" for node in graph.nodes if node in graph.sick]
    return "\n".join(lines) + "\n"


def dot(graph: Graph) -> str:
    """A digraph; sick nodes are red."""
    lines = ["digraph incident {", "  rankdir=LR;", "  node [shape=box];"]
    for node in graph.nodes:
        style = " color=red penwidth=3" if node in graph.sick else ""
        lines.append(f"  {_quoted(node)} [label={_quoted(node)}{style}];")
    for edge in graph.edges:
        style = " style=dotted" if edge.relation in _DOTTED else ""
        lines.append(
            f"  {_quoted(edge.source)} -> {_quoted(edge.target)} [label={_quoted(edge.relation.value)}{style}];"
        )
    return "\n".join([*lines, "}"]) + "\n"


def _entities(text: str) -> str:
    return _PLAIN.sub(lambda match: f"#{ord(match[0])};", safe(text, 300))


def _quoted(text: str) -> str:
    escaped = safe(text, 300).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
