"""One pod on a node: its containers, their probes, and the status that the kubelet reports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from incident_commander.api.kinds import CONFIG_MAP, POD, SECRET
from incident_commander.ports import Object
from incident_commander.rehearsal.apiserver import ApiServer
from incident_commander.rehearsal.behaviour import Registry
from incident_commander.rehearsal.controllers.events import EventRecorder
from incident_commander.rehearsal.controllers.replicas import transition
from incident_commander.rehearsal.kubelet.container import Container
from incident_commander.rehearsal.kubelet.host import ConfigMissing
from incident_commander.rehearsal.kubelet.probes import probe_failure
from incident_commander.rehearsal.objects import dig, kube_time, name_of, namespace_of, uid_of

_START_SECONDS = 0.3
_STOP_SECONDS = 1.0


class PodWorker:
    """Runs one pod until it is deleted."""

    def __init__(self, api: ApiServer, registry: Registry, events: EventRecorder, pod: Object, ip: str) -> None:
        self.clock = api.clock
        self.registry = registry
        self._api = api
        self._events = events
        self._key = (namespace_of(pod), name_of(pod))
        self._uid = uid_of(pod)
        self._pod = pod
        self._ip = ip
        self._started = kube_time(api.clock.now())
        self._stopping = False
        self.connected = True
        """False when the node has lost the API server: the pod runs on, nothing is reported."""
        self.containers = [Container(self, spec) for spec in pod["spec"]["containers"]]
        self.clock.after(_START_SECONDS, self._begin)

    @property
    def alive(self) -> bool:
        """Whether the pod is still there."""
        found = self._api.store.get(POD, *self._key)
        return found is not None and uid_of(found) == self._uid and not self._stopping

    @property
    def pod(self) -> Object:
        """The newest state of the pod."""
        found = self._api.store.get(POD, *self._key)
        return found if found is not None and uid_of(found) == self._uid else self._pod

    def event(self, type_: str, reason: str, message: str, container: str) -> None:
        """Record an Event about a container, or about the pod when the name is empty."""
        record = self._events.normal if type_ == "Normal" else self._events.warning
        record(self.pod, reason, message, field_path=f"spec.containers{{{container}}}" if container else "")

    def notice(self, pod: Object) -> None:
        """The pod's object has changed: stop, or take over new resources."""
        if pod["metadata"].get("deletionTimestamp") and not self._stopping:
            self._stop()
            return
        for container, spec in zip(self.containers, pod["spec"]["containers"], strict=True):
            if spec.get("resources") != container.spec.get("resources"):
                container.resize(spec)
                self.clock.after(0.5, self.changed)

    def _begin(self) -> None:
        if not self.alive:
            return
        missing = self._missing_volume()
        if missing:
            self.event("Warning", "FailedMount", missing, "")
            self.changed()
            self.clock.after(10.0, self._begin)
            return
        for container in self.containers:
            container.begin()
            self._watch_over(container)
        self.changed()

    def _missing_volume(self) -> str:
        for volume in dig(self.pod, "spec", "volumes") or []:
            for field, kind, key in (("configMap", CONFIG_MAP, "name"), ("secret", SECRET, "secretName")):
                source = volume.get(field)
                if source is None or source.get("optional"):
                    continue
                if self._api.store.get(kind, self._key[0], source[key]) is None:
                    what = f'{kind.kind.lower()} "{source[key]}" not found'
                    return f'MountVolume.SetUp failed for volume "{volume["name"]}" : {what}'
        return ""

    def _stop(self) -> None:
        for container in self.containers:
            if container.running:
                self.event("Normal", "Killing", f"Stopping container {container.name}", container.name)
        self._stopping = True
        grace = float(self.pod["metadata"].get("deletionGracePeriodSeconds") or 0)
        self.clock.after(min(grace, _STOP_SECONDS), self.confirm_stop)

    def confirm_stop(self) -> None:
        """Tell the API server that the pod is gone, when it has to go and can be told."""
        if self._stopping and self.connected:
            self._api.finish_deletion(POD, self.pod)

    def _watch_over(self, container: Container) -> None:
        readiness, liveness = container.spec.get("readinessProbe"), container.spec.get("livenessProbe")
        if readiness is None:
            self._each(0.5, lambda: self._set_ready(container, ready=container.running))
        else:
            failures = Streak()
            self._each(float(readiness["periodSeconds"]), lambda: self._readiness(container, readiness, failures))
        if liveness is not None:
            failed = Streak()
            self._each(float(liveness["periodSeconds"]), lambda: self._liveness(container, liveness, failed))

    def _each(self, seconds: float, callback: Callable[[], None]) -> None:
        def again() -> None:
            if self.alive:
                callback()
                self.clock.after(seconds, again)

        self.clock.after(seconds, again)

    def _readiness(self, container: Container, probe: dict[str, Any], streak: Streak) -> None:
        if not container.running or container.age < float(probe.get("initialDelaySeconds", 0)):
            return
        failure = self._ask(container, probe)
        streak.count(container.run, failed=bool(failure))
        if failure:
            self.event("Warning", "Unhealthy", f"Readiness probe failed: {failure}", container.name)
        if not failure:
            self._set_ready(container, ready=True)
        elif streak.failures >= int(probe["failureThreshold"]):
            self._set_ready(container, ready=False)

    def _liveness(self, container: Container, probe: dict[str, Any], streak: Streak) -> None:
        if not container.running or container.age < float(probe.get("initialDelaySeconds", 0)):
            return
        failure = self._ask(container, probe)
        streak.count(container.run, failed=bool(failure))
        if not failure:
            return
        self.event("Warning", "Unhealthy", f"Liveness probe failed: {failure}", container.name)
        if streak.failures >= int(probe["failureThreshold"]):
            text = f"Container {container.name} failed liveness probe, will be restarted"
            self.event("Normal", "Killing", text, container.name)
            container.terminate(137, "Error")

    def _ask(self, container: Container, probe: dict[str, Any]) -> str:
        ports = {str(p.get("name", "")): int(p["containerPort"]) for p in container.spec.get("ports") or []}
        return probe_failure(probe, container.behaviour, container.age, self._ip, ports)

    def _set_ready(self, container: Container, *, ready: bool) -> None:
        if container.ready != ready:
            container.ready = ready
            self.changed()

    def environment(self, container: dict[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
        """(environment, files) of a container. Raises ``ConfigMissing`` in the kubelet's words."""
        env: dict[str, str] = {}
        for source in container.get("envFrom") or []:
            for field, kind in (("configMapRef", CONFIG_MAP), ("secretRef", SECRET)):
                if field in source:
                    env |= self._data(kind, source[field])
        for variable in container.get("env") or []:
            reference = variable.get("valueFrom") or {}
            for field, kind in (("configMapKeyRef", CONFIG_MAP), ("secretKeyRef", SECRET)):
                if field in reference:
                    env |= self._key_value(str(variable["name"]), kind, reference[field])
            if "value" in variable:
                env[str(variable["name"])] = str(variable["value"])
        files: dict[str, str] = {}
        for volume in dig(self.pod, "spec", "volumes") or []:
            if "configMap" in volume:
                files |= self._data(CONFIG_MAP, volume["configMap"])
        return env, files

    def _data(self, kind: Any, reference: dict[str, Any]) -> dict[str, str]:
        found = self._api.store.get(kind, self._key[0], str(reference["name"]))
        if found is None:
            if reference.get("optional"):
                return {}
            raise ConfigMissing(f'{kind.kind.lower()} "{reference["name"]}" not found')
        return dict(found.get("data") or {})

    def _key_value(self, variable: str, kind: Any, reference: dict[str, Any]) -> dict[str, str]:
        data = self._data(kind, reference)
        if reference["key"] in data:
            return {variable: data[reference["key"]]}
        if reference.get("optional"):
            return {}
        raise ConfigMissing(f"couldn't find key {reference['key']} in {kind.kind} {self._key[0]}/{reference['name']}")

    def changed(self) -> None:
        """Report the status, when it can be reported and anything is new."""
        pod = self._api.store.get(POD, *self._key)
        if pod is None or uid_of(pod) != self._uid or not self.connected:
            return
        phase = self._phase(pod)
        status = {key: value for key, value in pod["status"].items() if key not in ("conditions", "reason", "message")}
        status |= {
            "phase": phase,
            "conditions": self._conditions(pod, phase),
            "hostIP": "192.168.0.10",
            "podIP": self._ip,
            "podIPs": [{"ip": self._ip}],
            "startTime": self._started,
            "containerStatuses": [container.status() for container in self.containers],
            "observedGeneration": pod["metadata"].get("generation", 1),
        }
        self._api.change_status(POD, pod, status)

    def _phase(self, pod: Object) -> str:
        if all(container.finished for container in self.containers):
            codes = [container.state["terminated"]["exitCode"] for container in self.containers]
            return "Failed" if any(codes) else "Succeeded"
        begun = all(container.started_at is not None for container in self.containers)
        return "Running" if begun else str(pod["status"].get("phase", "Pending"))

    def _conditions(self, pod: Object, phase: str) -> list[dict[str, Any]]:
        now = kube_time(self.clock.now())
        unready = [container.name for container in self.containers if not container.ready]
        result: list[dict[str, Any]] = list(dig(pod, "status", "conditions") or [])
        for type_ in ("PodReadyToStartContainers", "Initialized"):
            result = transition(result, {"type": type_, "status": "True"}, now)
        for type_ in ("Ready", "ContainersReady"):
            new: dict[str, Any] = {"type": type_, "status": str(not unready)}
            if phase == "Succeeded":
                new |= {"status": "False", "reason": "PodCompleted"}
            elif unready:
                text = f"containers with unready status: [{' '.join(unready)}]"
                new |= {"reason": "ContainersNotReady", "message": text}
            result = transition(result, new, now)
        return result


class Streak:
    """Failures in a row within one run of a container."""

    def __init__(self) -> None:
        self.failures = 0
        self._run = -1

    def count(self, run: int, *, failed: bool) -> None:
        """Count one probe."""
        if run != self._run:
            self._run, self.failures = run, 0
        self.failures = self.failures + 1 if failed else 0
