"""What a scenario makes, changes and reads of the cluster's objects."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import yaml

from e2e.harness.api import Api, Json, deployment
from e2e.harness.commands import run
from e2e.harness.manifests import read
from e2e.harness.scenario import Scenario
from e2e.harness.waiting import NotYet, Teller, wait_for

READY_SECONDS = 150
_AGED_SECONDS = 50
"""A container that has run for less is only starting, to the diagnosis."""
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
class Workbench:
    """The cluster, as one scenario sees it. Every wait of it has a deadline and tells what it waits for."""

    scenario: Scenario
    api: Api
    variables: Mapping[str, str]
    say: Teller

    @property
    def namespace(self) -> str:
        """The scenario's own."""
        return self.variables["NAMESPACE"]

    # -- before it breaks --------------------------------------------------------------------------------

    async def add(self, file: str) -> None:
        """Apply another file of the scenario's folder."""
        await self.api.apply(read(self.scenario.folder / file, self.variables))

    async def available(self, name: str) -> None:
        """Wait until a Deployment's rollout is complete and available."""

        async def ask() -> None:
            found = await self.api.get(deployment(self.namespace, name))
            spec, status = found["spec"], found.get("status", {})
            counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
            if status.get("observedGeneration") != found["metadata"]["generation"] or set(counts) != {spec["replicas"]}:
                raise NotYet(f"{counts[2]} of {spec['replicas']} available, {counts[1]} updated")

        await wait_for(f"deployment/{name} to be available", ask, seconds=READY_SECONDS, say=self.say)

    async def aged(self, name: str) -> None:
        """Wait until the containers of a Deployment's pods have run for long enough to be no longer starting."""

        async def ask() -> None:
            starts = [s["state"]["running"]["startedAt"] for p in await self.pods(name) for s in _containers(p)]
            age = (datetime.now(UTC) - max(datetime.fromisoformat(at) for at in starts)).total_seconds()
            if age < _AGED_SECONDS:
                raise NotYet(f"the youngest is {age:.0f} s old")

        await wait_for(f"the pods of {name} to be older", ask, seconds=READY_SECONDS + _AGED_SECONDS, say=self.say)

    async def ready(self, path: str) -> None:
        """Wait until the object of that path, a Node or a Pod, has the condition Ready."""

        async def ask() -> None:
            conditions = (await self.api.get(path)).get("status", {}).get("conditions") or []
            ready = next((c["status"] for c in conditions if c["type"] == "Ready"), "not told")
            if ready != "True":
                raise NotYet(f"Ready is {ready}")

        await wait_for(f"{path.rsplit('/', 1)[1]} to be Ready", ask, seconds=READY_SECONDS, say=self.say)

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

    async def execute(self, name: str, script: str) -> str:
        """Run a script in a container of a Deployment, or of what is named in full (``pod/NAME``); what it says."""
        where = name if "/" in name else f"deployment/{name}"
        ran = await run("kubectl", "--namespace", self.namespace, "exec", where, "--", "sh", "-c", script)
        self.broken(f"in {name}: {script}")
        return ran.out.strip()

    async def run_cron_job(self, cron_job: str, name: str) -> None:
        """Run a CronJob now, as its schedule would, and wait until that Job has failed."""
        origin = await self.api.get(f"/apis/batch/v1/namespaces/{self.namespace}/cronjobs/{cron_job}")
        owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": cron_job, "uid": origin["metadata"]["uid"]}
        meta = {
            "name": name,
            "namespace": self.namespace,
            "ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": True}],
        }
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": origin["spec"]["jobTemplate"]["spec"]}
        await self.api.apply([job])

        async def failed() -> None:
            found = await self.api.get(f"/apis/batch/v1/namespaces/{self.namespace}/jobs/{name}")
            if not found["status"].get("failed"):
                raise NotYet("it runs")

        await wait_for(f"job/{name} to fail", failed, seconds=READY_SECONDS, say=self.say)
        self.broken(f"job/{name} of cronjob/{cron_job} failed")

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

    async def kustomize(self, path: str, patches: str) -> None:
        """What a GitOps controller does when these patches are in its repository beside the object as it was."""
        found = await self.api.get(path)
        kept = ("name", "namespace", "labels", "annotations")
        meta = {key: value for key, value in found["metadata"].items() if key in kept}
        base = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": found["spec"]}
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "base.yaml").write_text(yaml.safe_dump(base))
            kustomization = {"resources": ["base.yaml"], **yaml.safe_load(patches)}
            Path(folder, "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
            made = (await run("kubectl", "kustomize", folder)).out
        await run("kubectl", "replace", "--filename=-", stdin=made)
        self.say(f"applied the patches to {meta['name']}")

    # -- what is there -----------------------------------------------------------------------------------

    async def snapshot(self, name: str) -> Snapshot:
        """A Deployment as it stands now."""
        found = await self.api.get(deployment(self.namespace, name))
        meta = found["metadata"]
        annotations = {k: v for k, v in (meta.get("annotations") or {}).items() if k not in _BOOKKEEPING}
        wanted = {"spec": found["spec"], "labels": meta.get("labels") or {}, "annotations": annotations}
        writers = frozenset(entry.get("manager", "") for entry in meta.get("managedFields") or [])
        return Snapshot(meta["uid"], meta["generation"], json.dumps(wanted, sort_keys=True), writers)

    async def pods(self, app: str) -> list[Json]:
        """The pods labelled app=NAME that are not about to go, by name."""
        found = await self.api.items(f"/api/v1/namespaces/{self.namespace}/pods", labelSelector=f"app={app}")
        living = [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]
        return sorted(living, key=lambda pod: str(pod["metadata"]["name"]))

    async def endpoints(self, service: str) -> set[str]:
        """Names of the pods that a Service leads to."""
        slices = await self.api.items(
            f"/apis/discovery.k8s.io/v1/namespaces/{self.namespace}/endpointslices",
            labelSelector=f"kubernetes.io/service-name={service}",
        )
        found = [endpoint for part in slices for endpoint in part.get("endpoints") or []]
        return {e["targetRef"]["name"] for e in found if e.get("conditions", {}).get("ready")}

    async def cordoned(self, path: str) -> bool:
        """Whether a node takes no new pods."""
        return bool((await self.api.get(path))["spec"].get("unschedulable"))


def _containers(pod: Json) -> list[Json]:
    return [s for s in pod["status"].get("containerStatuses", []) if "running" in s.get("state", {})]
