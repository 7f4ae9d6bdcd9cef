"""Releases that go wrong, and one that only seems to."""

from __future__ import annotations

from incident_commander.api.causes import Cause
from incident_commander.api.incident import Outcome, Phase
from incident_commander.api.kinds import DEPLOYMENT, INCIDENT
from incident_commander.api.plan import ActionName
from incident_commander.rehearsal.behaviour import MIB, Behaviour, Context, Exit
from incident_commander.rehearsal.objects import dig
from incident_commander.rehearsal.scenarios.scenario import Scenario, Service, Stage, Truth
from incident_commander.rehearsal.store import WatchEvent
from incident_commander.rehearsal.world import World

_ROLLBACK = frozenset({ActionName.ROLLBACK_ROLLOUT})


def _server(context: Context) -> Behaviour:
    lines = (f"starting {context.container} {context.tag}", "listening on :8080")
    return Behaviour(memory_bytes=80 * MIB, start_lines=lines, chatter="GET /healthz 200")


def _bad_image(world: World) -> Stage:
    service = Service.drawn(world, _server)
    service.deploy()
    after = world.rng.uniform(360, 720)
    missing = f"{service.tags[1]}-rc{world.rng.randint(1, 9)}"
    world.clock.after(after, lambda: service.roll_out(tag=missing, change=f"release {missing}"))
    return service.stage(after, f"{service.name} was rolled out with image tag {missing}, which nobody pushed")


BAD_IMAGE = Scenario(
    "bad-image",
    "A release names an image tag that does not exist",
    Truth(Cause.IMAGE_NOT_FOUND, frozenset({Outcome.REMEDIATED}), _ROLLBACK),
    _bad_image,
)


def _crashing_release(world: World) -> Stage:
    seconds = world.rng.uniform(0.4, 1.4)
    variable = world.rng.choice(("PRICING_MODE", "TAX_TABLE", "CURRENCY_MAP"))

    def program(context: Context) -> Behaviour:
        if context.tag != service.tags[1]:
            return _server(context)
        trace = (
            "Traceback (most recent call last):",
            f'  File "/app/{service.name}/settings.py", line {40 + len(variable)}, in load',
            f"KeyError: '{variable}'",
        )
        return Behaviour(
            memory_bytes=40 * MIB,
            start_lines=(f"starting {context.container} {context.tag}",),
            exit_after=seconds,
            exit=Exit(1, trace),
        )

    service = Service.drawn(world, program)
    service.deploy()
    after = world.rng.uniform(360, 720)
    world.clock.after(after, lambda: service.roll_out(tag=service.tags[1], change=f"release {service.tags[1]}"))
    return service.stage(after, f"{service.name} {service.tags[1]} exits at the start: it expects {variable}")


CRASHING_RELEASE = Scenario(
    "crashing-release",
    "A release crashes at the start",
    Truth(Cause.CRASH_AFTER_ROLLOUT, frozenset({Outcome.REMEDIATED}), _ROLLBACK),
    _crashing_release,
)


def _unhelpful_fix(world: World) -> Stage:
    """The release and a change of the shared configuration come together; only the latter is at fault."""

    def program(context: Context) -> Behaviour:
        if context.env.get("SCHEMA_VERSION") == "1":
            return _server(context)
        trace = ("Traceback (most recent call last):", f'  File "/app/{service.name}/store.py", line 88, in open')
        return Behaviour(
            memory_bytes=40 * MIB,
            start_lines=(f"starting {context.container} {context.tag}",),
            exit_after=1.2,
            exit=Exit(1, (*trace, "AssertionError: unexpected record layout")),
        )

    service = Service.drawn(world, program, strategy="Recreate", config="shared-settings")
    world.set_config(service.namespace, "shared-settings", {"SCHEMA_VERSION": "1"})
    service.deploy()
    after = world.rng.uniform(360, 720)

    def release() -> None:
        world.set_config(service.namespace, "shared-settings", {"SCHEMA_VERSION": "2"})
        service.roll_out(tag=service.tags[1], change=f"release {service.tags[1]}")

    world.clock.after(after, release)
    return service.stage(
        after,
        f"{service.name} {service.tags[1]} crashes since its rollout, but the shared settings are at fault: the old "
        "release cannot start with them either",
    )


UNHELPFUL_FIX = Scenario(
    "unhelpful-fix",
    "A crash after a release that a rollback does not mend",
    Truth(Cause.CRASH_AFTER_ROLLOUT, frozenset({Outcome.ESCALATED, Outcome.ROLLED_BACK})),
    _unhelpful_fix,
)


def target_deleted(phase: Phase) -> Scenario:
    """The crashing release, whose Deployment somebody deletes as soon as its Incident is in ``phase``."""

    def prepare(world: World) -> Stage:
        stage = _crashing_release(world)

        def delete() -> None:
            if stage.workload() is not None:
                world.api.delete(DEPLOYMENT, stage.namespace, stage.name)

        def notice(event: WatchEvent) -> None:
            if event.kind == INCIDENT and dig(event.object, "status", "phase") == phase:
                world.clock.after(0.0, delete)

        world.api.store.watch(notice)
        return stage

    return Scenario(
        f"target-deleted-while-{phase.lower()}",
        f"The workload is deleted while its Incident is {phase}",
        Truth(None, frozenset({Outcome.INCONCLUSIVE, Outcome.ESCALATED}), _ROLLBACK),
        prepare,
    )
