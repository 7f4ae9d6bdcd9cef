"""What a scenario plays on: its namespace, its workload, and the Incident that comes of it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from e2e.harness.api import INCIDENTS, Json, incidents
from e2e.harness.bundles import Recorder
from e2e.harness.cluster import MARK
from e2e.harness.commands import Ran, run
from e2e.harness.manifests import ROOT, read
from e2e.harness.monitoring import Monitoring
from e2e.harness.operator import Operator
from e2e.harness.people import People
from e2e.harness.waiting import Failure, NotYet, wait_for
from e2e.harness.workbench import Snapshot, Workbench
from incident_commander.api.names import OPERATOR_NAMESPACE

FIRING_SECONDS = 150
"""Rule `for`, two scrapes and evaluations, Alertmanager's group_wait, and a busy machine."""
ENDED_SECONDS = 300
_LARGEST = 256 * 1024
_TERMINAL = ("Resolved", "Escalated", "Closed")


@dataclass
class Stage(Workbench):
    """Given to ``play``. Every wait of it has a deadline and tells what it waits for."""

    operator: Operator
    people: People
    monitoring: Monitoring
    checks: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    """Names of the Incidents that ``incident`` has answered: it waits for another one."""
    recorder: Recorder | None = None
    """Then it is only broken, and what is known of it recorded: policies say Observe, and ``incident`` is the end."""

    @property
    def home(self) -> str:
        """Where its Incidents are: with their targets, but those about nodes with the operator."""
        return OPERATOR_NAMESPACE if self.scenario.about_nodes else self.namespace

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of its fake nodes: the one that becomes sick, and one that stays well."""
        return (self.variables["NODE"], self.variables["OTHER_NODE"]) if self.scenario.about_nodes else ()

    async def incidents(self) -> list[Json]:
        """Its Incidents."""
        found = await self.api.items(incidents(self.home))
        if not self.scenario.about_nodes:
            return found
        return [i for i in found if (i["spec"].get("targetRef") or {}).get("name") in self.nodes]

    # -- before ------------------------------------------------------------------------------------------

    async def permit(self) -> None:
        """Apply the scenario's policy, if there is one; ``deploy`` does it, too."""
        policy = self.scenario.folder / "policy.yaml"
        documents = read(policy, self.variables) if policy.exists() else []
        for document in documents:
            if self.recorder is not None and document["kind"] == "RemediationPolicy":
                document["spec"]["mode"] = "Observe"
        await self._apply(documents)

    async def deploy(self, workload: str | None = None) -> None:
        """Apply ``workloads/NAME.yaml``, or the scenario's own ``workload.yaml``, and the policy.

        Waits until all Deployments of it are available.
        """
        await self.permit()
        shared = ROOT / "e2e" / "workloads" / f"{workload}.yaml"
        documents = read(shared if workload else self.scenario.folder / "workload.yaml", self.variables)
        await self._apply(documents)
        for document in documents:
            if document["kind"] == "Deployment":
                await self.available(document["metadata"]["name"])
        self.say("the workload is up")

    async def _apply(self, documents: list[Json]) -> None:
        """What is in no namespace is marked, so that a later run finds it."""
        for document in documents:
            if "namespace" not in document["metadata"]:
                document["metadata"].setdefault("labels", {}).update(MARK)
        await self.api.apply(documents)

    # -- what comes of it --------------------------------------------------------------------------------

    async def incident(self, seconds: float = FIRING_SECONDS) -> str:
        """Wait for the Incident that is worked on; answers its name. What waits for another one is still pending."""

        async def ask() -> str:
            found = [i for i in await self.incidents() if i["metadata"]["name"] not in self.seen]
            if not found:
                alerts = await self.monitoring.alerts(self.namespace, self.nodes)
                raise NotYet(f"no Incident; alerts: {', '.join(alerts) or 'none'}")
            decided = [i for i in found if i.get("status", {}).get("phase", "Pending") != "Pending"]
            if not decided:
                raise NotYet(f"{len(found)} pending")
            return str(decided[0]["metadata"]["name"])

        name = await wait_for("an alert to become an Incident", ask, seconds=seconds, say=self.say)
        self.say(f"Incident {name}")
        self.seen.append(name)
        if self.recorder is not None:
            self.say(f"recording {self.recorder.place(self.scenario.name)}")
            await self.recorder.record(self.scenario.name, self.home, name, self.people.administrator)
        return name

    async def calm(self) -> None:
        """Wait until no alert is left of a slow start; an Incident that came of it counts as waited for."""

        async def ask() -> None:
            if left := await self.monitoring.alerts(self.namespace, self.nodes):
                raise NotYet(", ".join(left))
            opened = [i for i in await self.incidents() if i.get("status", {}).get("phase") not in _TERMINAL]
            if opened:
                raise NotYet(f"{len(opened)} Incidents are open")

        await wait_for("the alerts of the start to end", ask, seconds=FIRING_SECONDS, say=self.say)
        self.seen += [str(incident["metadata"]["name"]) for incident in await self.incidents()]

    async def read(self, name: str) -> Json:
        """An Incident."""
        return await self.api.get(f"{incidents(self.home)}/{name}")

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

    async def outcome(self, name: str, wanted: str) -> Json:
        """Wait until an Incident that has ended has another outcome, as a person changed it."""

        async def ask() -> Json:
            incident = await self.read(name)
            if (found := incident["status"].get("outcome")) != wanted:
                raise NotYet(
                    f"{incident['status'].get('phase')}/{found}: {incident['status'].get('message', '')[:100]}"
                )
            return incident

        return await wait_for(f"Incident {name} to be {wanted}", ask, seconds=ENDED_SECONDS, say=self.say)

    def diagnosed(self, incident: Json, *causes: str) -> None:
        """The top hypothesis is one of these."""
        cause = incident["status"].get("cause", "none")
        self.check(cause in causes, f"the cause is {cause}", f"the cause is {cause}, not {' or '.join(causes)}")

    def attempted(self, incident: Json, *actions: str) -> None:
        """What the executor carried out, in order; nothing, without actions."""
        attempts = incident["status"].get("execution", {}).get("attempts", [])
        found = tuple(step["action"] for attempt in attempts for step in attempt["steps"] if step["verb"] != "None")
        self.check(found == actions, f"carried out: {', '.join(actions) or 'nothing'}", f"carried out: {found}")

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
            "kubectl", "--namespace", self.home, "wait", wanted, f"incident/{name}", "--timeout=5s", check=False
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
        found = await self.incidents()
        roots = [incident for incident in found if not incident.get("status", {}).get("cascade")]
        names = ", ".join(incident["metadata"]["name"] for incident in roots)
        claim = "one cause, one Incident" if len(self.seen) == 1 else f"{len(self.seen)} causes, as many Incidents"
        self.check(len(roots) == len(self.seen), f"{claim}, for which its effects wait", names)
        for root in roots:
            meta = root["metadata"]
            kopf = [key for key in meta.get("annotations", {}) if "kopf" in key]
            left = [*kopf, *meta.get("finalizers", [])]
            self.check(not left, "neither finalizers nor annotations of a framework are left on it", ", ".join(left))
            size = len(json.dumps(root))
            self.check(size < _LARGEST, f"the Incident has {size // 1024} KiB", f"{size} bytes")

    async def cli(self, *arguments: str, person: Path | None = None, check: bool = True) -> Ran:
        """`kubectl incident ...` as a person, else as the administrator."""
        return await self.people.kubectl_incident(*arguments, "--namespace", self.home, kubeconfig=person, check=check)

    def check(self, holds: bool, claim: str, found: str) -> None:
        """Note what was proven. Raises ``Failure`` when it does not hold."""
        if not holds:
            raise Failure(f"does not hold: {claim}; {found}")
        self.checks.append(claim)
        self.say(f"✓ {claim}")
