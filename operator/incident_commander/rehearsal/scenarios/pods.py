"""One pod among several: the others serve, this one does not."""

from __future__ import annotations

from incident_commander.api.causes import Cause
from incident_commander.api.incident import Outcome
from incident_commander.api.kinds import POD, POD_DISRUPTION_BUDGET
from incident_commander.api.plan import ActionName
from incident_commander.rehearsal.behaviour import Behaviour, Context
from incident_commander.rehearsal.objects import labels_of, name_of
from incident_commander.rehearsal.scenarios.scenario import Scenario, Service, Stage, Truth
from incident_commander.rehearsal.world import World


def _one_pod_fails(world: World) -> Stage:
    """Its application is up and answers every request with an error, as after losing a connection for good."""
    failing: set[str] = set()

    def program(context: Context) -> Behaviour:
        broken = name_of(context.pod) in failing
        lines = (f"starting {context.container} {context.tag}",)
        return Behaviour(answer_status=500 if broken else 200, start_lines=lines)

    service = Service.drawn(world, program)
    service.replicas = max(3, service.replicas)
    service.deploy()
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": {"app": service.name}}}
    world.apply(POD_DISRUPTION_BUDGET, service.namespace, {"metadata": {"name": service.name}, "spec": spec})
    after = world.rng.uniform(600, 900)

    def break_one() -> None:
        pods = [p for p in world.api.store.scan(POD, service.namespace) if labels_of(p).get("app") == service.name]
        failing.add(name_of(world.rng.choice(pods)))
        world.kubelet.reconsider(service.repository)

    world.clock.after(after, break_one)
    return service.stage(after, f"one of {service.replicas} pods of {service.name} answers with errors only")


ONE_POD_FAILS = Scenario(
    "one-pod-fails",
    "One pod of a service answers with errors, the others are well",
    Truth(
        Cause.APP_NOT_ANSWERING,
        frozenset({Outcome.REMEDIATED}),
        frozenset({ActionName.EVICT_POD, ActionName.DELETE_POD, ActionName.ISOLATE_POD}),
    ),
    _one_pod_fails,
)
