"""One container of a pod: pulling, starting, running, dying, backing off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from incident_commander.api.quantity import parse_quantity
from incident_commander.rehearsal.behaviour import Behaviour, Context, Exit, Image, PullFailure
from incident_commander.rehearsal.kubelet.host import ConfigMissing, Host
from incident_commander.rehearsal.kubelet.usage import Usage, memory_at, time_of_exhaustion
from incident_commander.rehearsal.objects import dig, kube_time, name_of, namespace_of, uid_of

_PULL_SECONDS = 1.5
_RESTART_SECONDS = 1.0
_RETRY_SECONDS = 10.0
_BACKOFF_SECONDS, _LONGEST_BACKOFF_SECONDS, _FORGIVEN_SECONDS = 10.0, 300.0, 600.0
_LOOK_SECONDS = 5.0
_LOG_LINES = 2_000


@dataclass(slots=True)
class Container:
    """The state of one container, in the words of ``status.containerStatuses``."""

    host: Host
    spec: dict[str, Any]
    state: dict[str, Any] = field(default_factory=lambda: {"waiting": {"reason": "ContainerCreating"}})
    last_state: dict[str, Any] = field(default_factory=dict)
    restarts: int = 0
    ready: bool = False
    started_at: datetime | None = None
    behaviour: Behaviour = field(default_factory=Behaviour)
    resources: dict[str, Any] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    previous_log: list[str] | None = None
    run: int = 0
    """Serial of the current run; callbacks of earlier ones do nothing."""
    pulled: tuple[Image, str] | None = None
    pull_backoff: float = 0.0
    crash_backoff: float = 0.0
    finished: bool = False
    counted: Usage = field(default_factory=Usage)
    """Counters up to ``counted_at`` (seconds of age): when demand or limit changed."""
    counted_at: float = 0.0

    @property
    def name(self) -> str:
        """The container's name."""
        return str(self.spec["name"])

    @property
    def running(self) -> bool:
        """Whether its process runs."""
        return "running" in self.state

    def begin(self) -> None:
        """Get the image and start."""
        if self.pulled is not None or self.spec.get("imagePullPolicy") == "Never":
            self._create()
            return
        image = str(self.spec["image"])
        self.host.event("Normal", "Pulling", f'Pulling image "{image}"', self.name)
        self._later(_PULL_SECONDS, self._pull)

    def _pull(self) -> None:
        image = str(self.spec["image"])
        got = self.host.registry.pull(image)
        if not isinstance(got, PullFailure):
            self.pulled = got
            text = f'Successfully pulled image "{image}" in 1.5s (1.5s including waiting). Image size: 31457280 bytes.'
            self.host.event("Normal", "Pulled", text, self.name)
            self._create()
            return
        error = f"rpc error: code = {got.code} desc = {got.message}"
        self.host.event("Warning", "Failed", f'Failed to pull image "{image}": {error}', self.name)
        self.host.event("Warning", "Failed", "Error: ErrImagePull", self.name)
        self._wait("ErrImagePull", error)
        self.pull_backoff = min(_LONGEST_BACKOFF_SECONDS, self.pull_backoff * 2 or _BACKOFF_SECONDS)
        self._later(2.0, lambda: self._back_off_pulling(image, error))

    def _back_off_pulling(self, image: str, error: str) -> None:
        self.host.event("Normal", "BackOff", f'Back-off pulling image "{image}"', self.name)
        self.host.event("Warning", "Failed", "Error: ImagePullBackOff", self.name)
        self._wait("ImagePullBackOff", f'Back-off pulling image "{image}": ErrImagePull: {error}')
        self._later(self.pull_backoff, self.begin)

    def _create(self) -> None:
        try:
            env, files = self.host.environment(self.spec)
        except ConfigMissing as missing:
            self.host.event("Warning", "Failed", f"Error: {missing}", self.name)
            self._wait("CreateContainerConfigError", str(missing))
            self._later(_RETRY_SECONDS, self._create)
            return
        image, tag = self.pulled or (None, "")
        now = self.host.clock.now()
        self.run += 1
        self.resources = self.spec.get("resources") or {}
        context = Context(self.host.pod, self.name, tag, env, files, now, self.restarts)
        self.behaviour = image.program(context) if image is not None else Behaviour()
        self.host.event("Normal", "Created", f"Container created: {self.name}", self.name)
        self.started_at = now
        self.counted, self.counted_at = Usage(), 0.0
        self.log = list(self.behaviour.start_lines)
        if self.behaviour.start_error:
            self._fail_to_start(now)
            return
        self.host.event("Normal", "Started", f"Container started: {self.name}", self.name)
        self.state = {"running": {"startedAt": kube_time(now)}}
        self._schedule_life()
        self.host.changed()

    def _fail_to_start(self, now: datetime) -> None:
        message = (
            "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create "
            f"failed: unable to start container process: error during container init: {self.behaviour.start_error}"
        )
        self.host.event("Warning", "Failed", f"Error: {message}", self.name)
        self._ended(128, "StartError", message)

    def _schedule_life(self) -> None:
        behaviour = self.behaviour
        if behaviour.exit_after is not None:
            self._later(behaviour.exit_after, lambda: self.exit(behaviour.exit))
        if behaviour.failing is not None:
            self._later(_LOOK_SECONDS, self._look)
        if behaviour.chatter:
            self._later(behaviour.chatter_seconds, self._chat)
        self._schedule_kill()

    def _schedule_kill(self) -> None:
        limit = self.limit("memory")
        if limit is None:
            return
        due = time_of_exhaustion(self.behaviour, limit)
        if due is not None:
            self._later(max(0.1, due - self.age), self._kill_if_exhausted)

    def _kill_if_exhausted(self) -> None:
        limit = self.limit("memory")
        due = None if limit is None else time_of_exhaustion(self.behaviour, limit)
        if due is not None and self.age >= due - 0.001:
            self.terminate(137, "OOMKilled")

    def _look(self) -> None:
        end = self.behaviour.failing() if self.behaviour.failing is not None else None
        if end is not None:
            self.exit(end)
        else:
            self._later(_LOOK_SECONDS, self._look)

    def _chat(self) -> None:
        self.log.append(self.behaviour.chatter)
        del self.log[:-_LOG_LINES]
        self._later(self.behaviour.chatter_seconds, self._chat)

    def exit(self, end: Exit) -> None:
        """The process ends by itself."""
        self.log += end.lines
        self.terminate(end.code, "Completed" if end.code == 0 else "Error")

    def terminate(self, code: int, reason: str) -> None:
        """The process is gone; start it again when the pod wants that."""
        if self.running:
            self._ended(code, reason, "")

    def _ended(self, code: int, reason: str, message: str) -> None:
        now = self.host.clock.now()
        started = self.started_at or now
        self.run += 1
        self.ready = False
        ended: dict[str, Any] = {"exitCode": code, "reason": reason}
        if message:
            ended["message"] = message
        ended |= {"startedAt": kube_time(started), "finishedAt": kube_time(now)}
        ended["containerID"] = f"containerd://{uid_of(self.host.pod)[:8]}{self.restarts:08d}"
        self.state = {"terminated": ended}
        policy = dig(self.host.pod, "spec", "restartPolicy")
        if policy == "Never" or (policy == "OnFailure" and code == 0):
            self.finished = True
            self.host.changed()
            return
        ran = (now - started).total_seconds()
        pause = _RESTART_SECONDS if not self.restarts or ran > _FORGIVEN_SECONDS else 0.0
        if pause:
            self.crash_backoff = 0.0
        else:
            self.crash_backoff = min(_LONGEST_BACKOFF_SECONDS, self.crash_backoff * 2 or _BACKOFF_SECONDS)
            self._later(1.0, self._back_off_crashing)
        self._later(pause or self.crash_backoff, self._restart)
        self.host.changed()

    def _back_off_crashing(self) -> None:
        pod = self.host.pod
        where = f"{name_of(pod)}_{namespace_of(pod)}({uid_of(pod)})"
        text = f"Back-off restarting failed container {self.name} in pod {where}"
        self.host.event("Warning", "BackOff", text, self.name)
        self.last_state = self.state
        wait = int(self.crash_backoff)
        pretty = f"{wait // 60}m{wait % 60}s" if wait >= 60 else f"{wait}s"
        self._wait("CrashLoopBackOff", f"back-off {pretty} restarting failed container={self.name} pod={where}")

    def _restart(self) -> None:
        if "terminated" in self.state:
            self.last_state = self.state
        self.restarts += 1
        self.previous_log = self.log
        text = f'Container image "{self.spec["image"]}" already present on machine'
        self.host.event("Normal", "Pulled", text, self.name)
        self._create()

    def reconsider(self) -> None:
        """The world has changed: the running program goes on as it would now have started."""
        if self.running and self.pulled is not None:
            env, files = self.host.environment(self.spec)
            image, tag = self.pulled
            now = self.host.clock.now()
            self._count()
            self.behaviour = image.program(Context(self.host.pod, self.name, tag, env, files, now, self.restarts))
            self._schedule_life()

    def resize(self, spec: dict[str, Any]) -> None:
        """Take over new resources in place, unless they are below what is in use (KEP-1287: deferred)."""
        wanted = dig(spec, "resources", "limits", "memory")
        if self.running and wanted is not None and float(parse_quantity(str(wanted))) < self.memory:
            return
        self.spec = spec
        if self.running:
            self._count()
            self.resources = spec.get("resources") or {}
            self._schedule_kill()

    def limit(self, resource: str) -> float | None:
        """The limit that the running container has."""
        value = dig(self.resources, "limits", resource)
        return None if value is None else float(parse_quantity(str(value)))

    @property
    def age(self) -> float:
        """Seconds since the start of this run."""
        return (self.host.clock.now() - (self.started_at or self.host.clock.now())).total_seconds()

    @property
    def memory(self) -> float:
        """Working set in bytes."""
        return memory_at(self.behaviour, self.age) if self.running else 0.0

    @property
    def cores(self) -> float:
        """CPU in use: the demand, up to the limit."""
        limit = self.limit("cpu")
        return self.behaviour.cpu_cores if limit is None else min(self.behaviour.cpu_cores, limit)

    def usage(self) -> Usage:
        """What cAdvisor sees."""
        demand, limit, memory_limit = self.behaviour.cpu_cores, self.limit("cpu"), self.limit("memory")
        seconds = self.age - self.counted_at
        periods = 0.0 if limit is None else seconds * 10
        throttled = 0.0 if limit is None or demand <= limit else periods * (1 - limit / demand)
        return Usage(
            self.memory if memory_limit is None else min(self.memory, memory_limit),
            self.counted.cpu_seconds + self.cores * seconds,
            self.counted.periods + periods,
            self.counted.throttled + throttled,
        )

    def _count(self) -> None:
        """Keep the counters, before demand or limit change."""
        self.counted = self.usage()
        self.counted_at = self.age

    def status(self) -> dict[str, Any]:
        """An entry of ``status.containerStatuses``."""
        known = self.pulled is not None
        report = {
            "name": self.name,
            "image": self.spec["image"],
            "imageID": f"{self.spec['image']}@sha256:{'0' * 64}" if known else "",
            "ready": self.ready,
            "restartCount": self.restarts,
            "started": self.running,
            "state": self.state,
            "lastState": self.last_state,
        }
        if self.running:
            report["resources"] = self.resources
            report["containerID"] = f"containerd://{uid_of(self.host.pod)[:8]}{self.restarts:08d}"
        return report

    def _wait(self, reason: str, message: str) -> None:
        self.state = {"waiting": {"reason": reason, "message": message}}
        self.host.changed()

    def _later(self, seconds: float, callback: Callable[[], None]) -> None:
        run = self.run

        def guarded() -> None:
            if self.run == run and self.host.alive:
                callback()

        self.host.clock.after(seconds, guarded)
