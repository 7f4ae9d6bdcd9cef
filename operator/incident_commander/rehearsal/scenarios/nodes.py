"""Nodes: what runs there is to run elsewhere."""

from __future__ import annotations

from incident_commander.api.causes import Cause
from incident_commander.api.incident import Outcome
from incident_commander.api.kinds import NODE, POD, POD_DISRUPTION_BUDGET
from incident_commander.api.names import LABEL_MANAGED
from incident_commander.api.plan import ActionName
from incident_commander.rehearsal.behaviour import Behaviour, Context
from incident_commander.rehearsal.objects import labels_of, name_of
from incident_commander.rehearsal.scenarios.scenario import Scenario, Service, Stage, Truth
from incident_commander.rehearsal.world import World


def _pressure(world: World) -> Stage:
    def program(context: Context) -> Behaviour:
        return Behaviour(start_lines=(f"starting {context.container} {context.tag}",))

    service = Service.drawn(world, program)
    service.replicas = 4
    world.add_node("spare-1")
    service.deploy()
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": {"app": service.name}}}
    world.apply(POD_DISRUPTION_BUDGET, service.namespace, {"metadata": {"name": service.name}, "spec": spec})
    for node in world.api.list(NODE, None, None, None):
        labels = {**labels_of(node), LABEL_MANAGED: "true"}
        world.edit(NODE, None, name_of(node), metadata={**node["metadata"], "labels": labels})
    after = world.rng.uniform(600, 900)

    def press() -> None:
        """The node with the most of the pods."""
        homes = [str(pod["spec"].get("nodeName")) for pod in world.api.store.scan(POD, service.namespace)]
        world.press_node(max(sorted(set(homes)), key=homes.count))

    world.clock.after(after, press)
    return service.stage(after, f"a node on which {service.name} runs is short of memory")


NODE_PRESSURE = Scenario(
    "node-pressure",
    "A node runs short of memory; its pods can run elsewhere",
    Truth(
        Cause.NODE_PRESSURE,
        frozenset({Outcome.ESCALATED}),
        frozenset({ActionName.DRAIN_NODE, ActionName.EVICT_POD, ActionName.CORDON_NODE, ActionName.ESCALATE}),
    ),
    _pressure,
)
