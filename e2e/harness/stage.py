"""What a scenario plays on: its namespace, its workload, and the Incident that comes of it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from e2e.harness.api import INCIDENTS, Api, Json, deployment, incidents
from e2e.harness.bundles import Recorder
from e2e.harness.cluster import MARK
from e2e.harness.commands import Ran, run
from e2e.harness.manifests import ROOT, read
from e2e.harness.monitoring import Monitoring
from e2e.harness.operator import Operator
from e2e.harness.people import People
from e2e.harness.scenario import Scenario
from e2e.harness.waiting import Failure, NotYet, Teller, wait_for

READY_SECONDS = 60
FIRING_SECONDS = 75
"""Rule `for`, two scrapes and evaluations, Alertmanager's group_wait, and a busy machine."""
ENDED_SECONDS = 180
_LARGEST = 256 * 1024
_TERMINAL = ("Resolved", "Escalated", "Closed")
_BOOKKEEPING = ("deployment.kubernetes.io/revision", "kubectl.kubernetes.io/last-applied-configuration")
"""Annotations that Kubernetes itself keeps on a Deployment."""


@dataclass(frozen=True)
class Snapshot:
    """What somebody wrote into a Deployment, without what Kubernetes keeps there."""

    uid: str
    generation: int
    wanted: str
    """spec, labels and annotations as canonical JSON text."""
    writers: frozenset[str]
    """Field managers."""


@dataclass
class Stage:
    """Given to ``play``. Every wait of it has a deadline and tells what it waits for."""

    scenario: Scenario
    api: Api
    operator: Operator
    people: People
    monitoring: Monitoring
    variables: Mapping[str, str]
    say: Teller
    broken_after: float | None = None
    """Seconds from the beginning when it was broken."""
    checks: list[str] = field(default_factory=list)
    recorder: Recorder | None = None
    """Then it is only broken, and what is known of it recorded: policies say Observe, and ``incident`` is the end."""

    @property
    def namespace(self) -> str:
        """The scenario's own."""
        return self.variables["NAMESPACE"]

    # -- before ------------------------------------------------------------------------------------------

    async def deploy(self, workload: str | None = None) -> None:
        """Apply ``workloads/NAME.yaml``, or the scenario's own ``workload.yaml``, and the policy, if there is one.

        Waits until all Deployments of it are available.
        """
        policy = self.scenario.folder / "policy.yaml"
        if policy.exists():
            found = read(policy, self.variables)
            for document in found:
                document["metadata"]["labels"] = MARK
                if self.recorder is not None:
                    document["spec"]["mode"] = "Observe"
            await self.api.apply(found)
        shared = ROOT / "e2e" / "workloads" / f"{workload}.yaml"
        documents = read(shared if workload else self.scenario.folder / "workload.yaml", self.variables)
        await self.api.apply(documents)
        for document in documents:
            if document["kind"] == "Deployment":
                await self.available(document["metadata"]["name"])
        self.say("the workload is up")

    async def available(self, name: str) -> None:
        """Wait until a Deployment's rollout is complete and available."""

        async def ask() -> None:
            found = await self.api.get(deployment(self.namespace, name))
            spec, status = found["spec"], found.get("status", {})
            counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
            if status.get("observedGeneration") != found["metadata"]["generation"] or set(counts) != {spec["replicas"]}:
                raise NotYet(f"{counts[2]} of {spec['replicas']} available, {counts[1]} updated")

        await wait_for(f"deployment/{name} to be available", ask, seconds=READY_SECONDS, say=self.say)

    # -- breaking it -------------------------------------------------------------------------------------

    async def roll_out(self, name: str, **container: object) -> None:
        """A rollout that changes these fields of the only container."""
        merge = {"spec": {"template": {"spec": {"containers": [{"name": name, **container}]}}}}
        await self.api.merge(deployment(self.namespace, name), merge)
        self.broken(f"rolled out {json.dumps(container)}")

    async def change(self, path: str, merge: Json) -> None:
        """A merge patch by somebody, of anything: ``path`` is the API server's."""
        await self.api.merge(path, merge)
        self.broken(f"{path.rsplit('/', 1)[1]}: {json.dumps(merge)}")

    async def create(self, file: str) -> None:
        """Somebody applies a file of the scenario's folder."""
        await self.api.apply(read(self.scenario.folder / file, self.variables))
        self.broken(f"applied {file}")

    async def execute(self, name: str, script: str) -> None:
        """Run a script in a container of a Deployment."""
        await run("kubectl", "--namespace", self.namespace, "exec", f"deployment/{name}", "--", "sh", "-c", script)
        self.broken(f"in {name}: {script}")

    async def delete(self, name: str) -> None:
        """Delete a Deployment."""
        await self.api.delete(deployment(self.namespace, name))
        self.say(f"deleted deployment/{name}")

    async def settle(self, path: str, merge: Json) -> None:
        """Prepare something by a merge patch, and wait for the Deployment that it is."""
        await self.api.merge(path, merge)
        await self.available(path.rsplit("/", 1)[1])

    def broken(self, how: str) -> None:
        """From now on it is broken."""
        self.say(how)
        if self.broken_after is None:
            self.broken_after = self.say.elapsed()

    # -- what comes of it --------------------------------------------------------------------------------

    async def incident(self, seconds: float = FIRING_SECONDS) -> str:
        """Wait for the Incident that is worked on; answers its name. What waits for another one is still pending."""

        async def ask() -> str:
            found = await self.api.items(incidents(self.namespace))
            if not found:
                raise NotYet(
                    f"no Incident; alerts: {', '.join(await self.monitoring.alerts(self.namespace)) or 'none'}"
                )
            decided = [i for i in found if i.get("status", {}).get("phase", "Pending") != "Pending"]
            if not decided:
                raise NotYet(f"{len(found)} pending")
            return str(decided[0]["metadata"]["name"])

        name = await wait_for("an alert to become an Incident", ask, seconds=seconds, say=self.say)
        self.say(f"Incident {name}")
        if self.recorder is not None:
            self.say(f"recording {self.recorder.place(self.scenario.name)}")
            await self.recorder.record(self.scenario.name, self.namespace, name, self.people.administrator)
        return name

    async def read(self, name: str) -> Json:
        """An Incident."""
        return await self.api.get(f"{incidents(self.namespace)}/{name}")

    async def phase(self, name: str, wanted: Collection[str], seconds: float = ENDED_SECONDS) -> Json:
        """Wait until an Incident is in one of the phases; another end than these is a failure at once."""

        async def ask() -> Json:
            incident = await self.read(name)
            status = incident.get("status", {})
            phase = status.get("phase", "Pending")
            if phase in wanted:
                return incident
            if phase in _TERMINAL:
                raise Failure(
                    f"Incident {name} ended as {phase}/{status.get('outcome')}, expected {' or '.join(wanted)}: "
                    f"{status.get('message')}"
                )
            raise NotYet(f"{phase}: {status.get('message', '')[:100]}")

        found = await wait_for(f"Incident {name} to be {' or '.join(wanted)}", ask, seconds=seconds, say=self.say)
        self.say(f"phase {found['status']['phase']}: {found['status'].get('message', '')[:160]}")
        return found

    async def ended(self, name: str, phase: str, outcome: str, seconds: float = ENDED_SECONDS) -> Json:
        """Wait for the end, which must be this one."""
        incident = await self.phase(name, _TERMINAL, seconds)
        status = incident["status"]
        self.check(
            (status["phase"], status.get("outcome")) == (phase, outcome),
            f"ends as {phase}/{outcome}",
            f"ended as {status['phase']}/{status.get('outcome')}: {status.get('message')}",
        )
        return incident

    def diagnosed(self, incident: Json, *causes: str) -> None:
        """The top hypothesis is one of these."""
        cause = incident["status"].get("cause", "none")
        self.check(cause in causes, f"the cause is {cause}", f"the cause is {cause}, not {' or '.join(causes)}")

    def attempted(self, incident: Json, *actions: str) -> None:
        """What the executor carried out, in order; nothing, without actions."""
        attempts = incident["status"].get("execution", {}).get("attempts", [])
        found = tuple(step["action"] for attempt in attempts for step in attempt["steps"] if step["verb"] != "None")
        self.check(found == actions, f"carried out: {', '.join(actions) or 'nothing'}", f"carried out: {found}")

    async def snapshot(self, name: str) -> Snapshot:
        """A Deployment as it stands now."""
        found = await self.api.get(deployment(self.namespace, name))
        meta = found["metadata"]
        annotations = {k: v for k, v in (meta.get("annotations") or {}).items() if k not in _BOOKKEEPING}
        wanted = {"spec": found["spec"], "labels": meta.get("labels") or {}, "annotations": annotations}
        writers = frozenset(entry.get("manager", "") for entry in meta.get("managedFields") or [])
        return Snapshot(meta["uid"], meta["generation"], json.dumps(wanted, sort_keys=True), writers)

    async def untouched(self, name: str, before: Snapshot) -> None:
        """Nobody has written to the Deployment since."""
        after = await self.snapshot(name)
        self.check(
            (after.generation, after.wanted) == (before.generation, before.wanted),
            f"nothing was patched (generation {before.generation})",
            f"generation was {before.generation} and is {after.generation}",
        )

    async def as_before(self, name: str, before: Snapshot, what: str) -> None:
        """The Deployment was written to since, and reads byte for byte as it did before."""
        after = await self.snapshot(name)
        self.check(
            after.generation > before.generation and (after.uid, after.wanted) == (before.uid, before.wanted),
            f"it reads as before {what}, byte for byte",
            f"generation {before.generation}: {before.wanted}\ngeneration {after.generation}: {after.wanted}",
        )

    async def written(self, name: str, before: Snapshot) -> None:
        """Wait for the first write to the Deployment."""

        async def ask() -> None:
            if (await self.snapshot(name)).generation == before.generation:
                raise NotYet(f"generation {before.generation}")

        await wait_for(f"deployment/{name} to be patched", ask, seconds=ENDED_SECONDS, say=self.say, every=0.05)
        self.say("the workload was patched")

    async def resolved_for_kubectl_wait(self, name: str) -> None:
        """`kubectl wait` sees the end."""
        wanted = "--for=condition=Resolved"
        ran = await run(
            "kubectl", "--namespace", self.namespace, "wait", wanted, f"incident/{name}", "--timeout=5s", check=False
        )
        self.check(ran.code == 0, f"kubectl wait {wanted} ends", ran.said)

    async def verified_offline(self, incident: Json) -> None:
        """The certificate proves the quorum to whoever has the exported YAML and the public keys alone."""
        with tempfile.TemporaryDirectory() as folder:
            exported, agents = Path(folder, "incident.json"), Path(folder, "agents.json")
            exported.write_text(json.dumps(incident))
            agents.write_text(json.dumps({"kind": "List", "items": await self.api.items(f"{INCIDENTS}/agents")}))
            nowhere = Path(folder, "no-cluster.kubeconfig")
            ran = await self.people.verify(exported, agents, nowhere)
            self.check(ran.code == 0, "the certificate is verified offline", ran.said)
            forged = Path(folder, "forged.json")
            forged.write_text(exported.read_text().replace('"round": 1', '"round": 2'))
            ran = await self.people.verify(forged, agents, nowhere)
            self.check(ran.code != 0, "a changed byte is noticed", ran.said)

    async def common_checks(self) -> None:
        """What holds for every scenario."""
        found = await self.api.items(incidents(self.namespace))
        roots = [incident for incident in found if not incident.get("status", {}).get("cascade")]
        names = ", ".join(incident["metadata"]["name"] for incident in roots)
        self.check(len(roots) == 1, "one cause, one Incident, for which its effects wait", names)
        meta = roots[0]["metadata"]
        kopf = [key for key in meta.get("annotations", {}) if "kopf" in key]
        left = [*kopf, *meta.get("finalizers", [])]
        self.check(not left, "neither finalizers nor annotations of a framework are left on it", ", ".join(left))
        size = len(json.dumps(roots[0]))
        self.check(size < _LARGEST, f"the Incident has {size // 1024} KiB", f"{size} bytes")

    async def cli(self, *arguments: str, person: Path | None = None, check: bool = True) -> Ran:
        """`kubectl incident ...` as a person, else as the administrator."""
        return await self.people.kubectl_incident(
            *arguments, "--namespace", self.namespace, kubeconfig=person, check=check
        )

    def check(self, holds: bool, claim: str, found: str) -> None:
        """Note what was proven. Raises ``Failure`` when it does not hold."""
        if not holds:
            raise Failure(f"does not hold: {claim}; {found}")
        self.checks.append(claim)
        self.say(f"✓ {claim}")
