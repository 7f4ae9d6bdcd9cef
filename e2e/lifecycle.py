"""`python -m e2e.lifecycle`: the chart on a real cluster: install, upgrade, rotate a key, uninstall, come back;
and once more as docs/ say it, command by command.

The version before is this one with a lower number and an older CRD, packaged: a released one is not there to be taken.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import tarfile
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import yaml

from charts.helm import CHART
from e2e.harness import chart, image
from e2e.harness.api import INCIDENTS, Api, Json, deployment, incidents
from e2e.harness.cluster import MARK, bring_up, take_down, take_possession
from e2e.harness.commands import Ran, run
from e2e.harness.manifests import ROOT, read
from e2e.harness.operator import PROGRAMS
from e2e.harness.pages import IMAGE, SHOP, Desk
from e2e.harness.registry import EmptyRegistry
from e2e.harness.waiting import Failure, NotYet, Teller, wait_for
from incident_commander.api.names import LABEL_MANAGED, OPERATOR_NAMESPACE, ROLES
from incident_commander.cli.work import guarded
from tests.controlplane.pki import Authority

NAMESPACE = "e2e-lifecycle"
CRD = "runbooks.incidentcommander.io"
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_SECRETS = f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/secrets"
_TLS = "gateway-web"
_LEFT_ALONE = ("events", "componentstatuses", "bindings", "podmetrics", "nodemetrics")


@dataclass(frozen=True)
class Life:
    """What the chapters share."""

    api: Api
    image: str
    private: Path
    say: Teller

    def check(self, holds: bool, claim: str, found: object = "") -> None:
        """Raises ``Failure`` when it does not hold."""
        if not holds:
            raise Failure(f"not so: {claim}; found: {found}")
        self.say(f"✓ {claim}")

    # -- chapters ----------------------------------------------------------------------------------------

    async def installed(self, package: Path) -> None:
        """A fresh installation works, and nobody has seen a private key."""
        await chart.install(self.say, package)
        await self.tested()
        text = await chart.helm("get", "manifest", chart.RELEASE, "--namespace", OPERATOR_NAMESPACE)
        text += await chart.helm("get", "values", "--all", chart.RELEASE, "--namespace", OPERATOR_NAMESPACE)
        keys = {key for data in (await self.keys()).values() for key in data.values()}
        self.check(len(keys) == 6, "six agents have a key each")
        self.check("PRIVATE" not in text and not any(key in text for key in keys), "the release holds no key")
        await self.rights_of_the_hook_are_gone()

    async def tested(self) -> None:
        said = await chart.helm("test", chart.RELEASE, "--namespace", OPERATOR_NAMESPACE, "--logs")
        self.check("Phase:          Succeeded" in said, "helm test succeeds", said)

    async def upgraded(self, before: Json, known: str) -> None:
        """Keys and Incidents are kept, and the CRD is of this version."""
        keys, agents = await self.keys(), await self.agents()
        self.check(_columns(await self.api.get(f"{_CRDS}/{CRD}")) == ["Former"], "the version before has an older CRD")
        await chart.install(self.say)
        self.check(await self.keys() == keys and await self.agents() == agents, "the upgrade keeps every key")
        found = await self.api.get(f"{incidents(NAMESPACE)}/{known}")
        same = all(found[part] == before[part] for part in ("spec", "status")) and _uid(found) == _uid(before)
        self.check(same, "the upgrade keeps the Incident as it was")
        self.check(
            "Former" not in _columns(await self.api.get(f"{_CRDS}/{CRD}")), "the upgrade brings the CRD up to date"
        )
        await self.rights_of_the_hook_are_gone()
        await self.tested()

    async def rotated(self) -> None:
        """One command from a workstation: the agent signs with a new key, and the old one counts for a while."""
        before = await self.agents()
        said = (await self.command("keys", "rotate", "diagnosis", "--namespace", OPERATOR_NAMESPACE)).out
        self.say(said.splitlines()[0])
        await run(
            "kubectl",
            *("rollout", "status", "deployment/agent-diagnosis", f"--namespace={OPERATOR_NAMESPACE}", "--timeout=120s"),
            seconds=130,
        )
        old, new = ([k["keyId"] for k in found["diagnosis"]["publicKeys"]] for found in (before, await self.agents()))
        self.check(len(new) == len(old) + 1 and set(old) < set(new), "the Agent lists the old key and the new one")
        incident = await self.incident("after")
        votes = {vote["agent"]: vote for vote in incident["status"]["consensus"]["votes"]}
        (signature,) = json.loads(votes["diagnosis"]["envelope"])["signatures"]
        self.check(signature["keyid"] == (set(new) - set(old)).pop(), "its next vote is signed with the new key")
        self.check(len(votes) == 6, "all six votes count", sorted(votes))

    async def uninstalled(self, known: str) -> None:
        """Nothing of the release is left, nothing is Terminating, and what is not of the release is kept."""
        keys = await self.keys()
        await chart.helm("uninstall", chart.RELEASE, "--namespace", OPERATOR_NAMESPACE, "--wait")
        await wait_for("everything of the release to be gone", self._gone, seconds=120, say=self.say)
        self.check(await self.api.find(f"{incidents(NAMESPACE)}/{known}") is not None, "the Incidents are kept")
        self.check(await self.keys() == keys, "the keys are kept")
        await self.api.delete(f"{incidents(NAMESPACE)}/{known}")
        gone = await self.api.find(f"{incidents(NAMESPACE)}/{known}") is None
        self.check(gone, "without the operator an Incident can be deleted: it has no finalizer")

    async def came_back(self) -> None:
        """A new installation goes on with the keys of the one before."""
        keys, agents = await self.keys(), await self.agents()
        await self.api.apply([_tls_secret(self.private)])
        await chart.install(self.say, settings=[f"gateway.tls.secretName={_TLS}"])
        self.check(await self.keys() == keys and await self.agents() == agents, "a new installation keeps every key")
        await self.tested()
        await chart.install(self.say, settings=["allInOne.enabled=true"])
        await self.tested()
        self.say("✓ by HTTPS, and as one pod")
        await chart.helm("uninstall", chart.RELEASE, "--namespace", OPERATOR_NAMESPACE, "--wait")
        await self.api.delete(f"/api/v1/namespaces/{NAMESPACE}")

    async def as_the_pages_say(self) -> None:
        """All of it is removed; then a team installs it and has its first hour with it, and removes it again."""
        async with EmptyRegistry() as registry:
            desk = Desk(self.private, f"{registry.address}/pause:missing", self.say)
            await desk.removes()
            await self.ended(NAMESPACE, OPERATOR_NAMESPACE)
            await chart.have_image(self.say, IMAGE)
            await desk.installs()
            await desk.has_its_first_hour()
            await desk.sends_its_alerts()
            await desk.operates()
            await desk.uninstalls()
            await desk.removes()
            await self.ended(SHOP, OPERATOR_NAMESPACE)
        self.say(f"✓ {len(desk.pasted)} blocks of commands of docs/ do what their pages say")

    async def ended(self, *namespaces: str) -> None:
        """None of them stays Terminating."""

        async def gone() -> None:
            if left := [n for n in namespaces if await self.api.find(f"/api/v1/namespaces/{n}")]:
                raise NotYet(f"still there: {left}")

        await wait_for(f"namespaces {', '.join(namespaces)} to end", gone, seconds=180, say=self.say)
        self.check(True, f"no namespace stays Terminating: {', '.join(namespaces)}")

    # -- looking -----------------------------------------------------------------------------------------

    async def incident(self, name: str) -> Json:
        """A rollout that refers to a ConfigMap which nobody made, reported by hand; answers the Incident at its end."""
        documents = read(ROOT / "e2e" / "workloads" / "web.yaml", {"NAMESPACE": NAMESPACE, "IMAGE": self.image})
        for document in documents:
            document["metadata"]["name"] = name
        await self.api.apply(documents)

        async def available() -> None:
            status = (await self.api.get(deployment(NAMESPACE, name))).get("status", {})
            if status.get("availableReplicas") != 2:
                raise NotYet(f"{status.get('availableReplicas', 0)} of 2 available")

        await wait_for(f"deployment/{name} to be available", available, seconds=60, say=self.say)
        container = {"name": "web", "envFrom": [{"configMapRef": {"name": "nobody-made-it"}}]}
        await self.api.merge(deployment(NAMESPACE, name), {"spec": {"template": {"spec": {"containers": [container]}}}})
        # Until the kubelet has tried, and a controller has seen it.
        await asyncio.sleep(10)
        await self.command("trigger", f"deployment/{name}", "--namespace", NAMESPACE, "--reason", "it does not start")

        async def ask() -> Json:
            for found in await self.api.items(incidents(NAMESPACE)):
                status = found.get("status", {})
                if found["spec"]["targetRef"]["name"] == name and status.get("finishedAt"):
                    return found
            raise NotYet("no end yet")

        ended = await wait_for(f"the Incident of {name} to end", ask, seconds=180, say=self.say)
        outcome = ended["status"]["outcome"]
        self.check(outcome == "Recommended", f"the Incident of {name} ends as Recommended: nothing is written", outcome)
        return ended

    async def agents(self) -> dict[str, Json]:
        return {a["metadata"]["name"]: a["spec"] for a in await self.api.items(f"{INCIDENTS}/agents")}

    async def keys(self) -> dict[str, Json]:
        return {role: (await self.api.get(f"{_SECRETS}/agent-{role}-key"))["data"] for role in ROLES}

    async def command(self, *arguments: str) -> Ran:
        return await run(str(PROGRAMS / "incident-commander"), *arguments)

    async def rights_of_the_hook_are_gone(self) -> None:
        path = "/apis/rbac.authorization.k8s.io/v1/clusterroles/incident-commander-setup"
        account = f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/serviceaccounts/setup"
        left = [p for p in (path, account) if await self.api.find(p) is not None]
        self.check(not left, "the hook's identity and rights are gone", left)
        policy = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/" + guarded.POLICY
        held = await self.api.find(policy) is not None
        self.check(held, "the policy that holds the hook stays: it was there before the hook's rights")

    async def _gone(self) -> None:
        """Raises ``NotYet`` with every object of the release, of any kind, and every Terminating pod."""
        kinds = (await run("kubectl", "api-resources", "--verbs=list", "--output=name")).out.split()
        asked = ",".join(kind for kind in kinds if not kind.startswith(_LEFT_ALONE))
        label = f"app.kubernetes.io/instance={chart.RELEASE}"
        left = (
            await run("kubectl", "get", asked, "--all-namespaces", f"--selector={label}", "--output=name", seconds=120)
        ).out.split()
        pods = await self.api.items(f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/pods")
        left += [f"Terminating {p['metadata']['name']}" for p in pods if "deletionTimestamp" in p["metadata"]]
        if left:
            raise NotYet(", ".join(left[:8]))
        self.check(True, f"of {len(asked.split(','))} kinds none has an object of the release")


async def package_before(folder: Path) -> Path:
    """The chart with a lower number and an older CRD, as `helm package` makes it."""
    await chart.helm("package", str(CHART), "--destination", str(folder))
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder / "before", filter="data")
    archive.unlink()
    source = folder / "before" / CHART.name
    file = source / "crds" / "runbooks.yaml"
    crd = yaml.safe_load(file.read_text())
    crd["spec"]["versions"][0]["additionalPrinterColumns"] = [
        {"name": "Former", "type": "string", "jsonPath": ".spec.f"}
    ]
    file.write_text(yaml.safe_dump(crd))
    # Its hook must not mend what is meant to be old: it has the image of this version.
    hook = source / "templates" / "hooks" / "setup.yaml"
    hook.write_text(hook.read_text().replace('ternary "apply" "check"', 'ternary "--help" "check"'))
    await chart.helm("package", str(source), "--version=0.0.1", "--destination", str(folder))
    (archive,) = folder.glob("*-0.0.1.tgz")
    return archive


def _tls_secret(folder: Path) -> Json:
    """A certificate for the gateway, as cert-manager would make it."""
    pair = Authority(folder / "pki").issue("gateway", "gateway", alternative_names=["DNS:gateway"])
    files = {"tls.crt": pair.certificate, "tls.key": pair.key}
    data = {name: base64.b64encode(file.read_bytes()).decode() for name, file in files.items()}
    meta = {"name": _TLS, "namespace": OPERATOR_NAMESPACE}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": "kubernetes.io/tls", "data": data}


def _columns(crd: Json) -> list[str]:
    return [column["name"] for column in crd["spec"]["versions"][0].get("additionalPrinterColumns", [])]


def _uid(found: Json) -> str:
    return str(found["metadata"]["uid"])


async def main() -> int:
    say = Teller()
    async with AsyncExitStack() as stack:
        cluster = await bring_up(say)
        stack.push_async_callback(take_down, cluster, say)
        if not cluster.local:
            raise Failure("this plays on the project's local cluster only; unset KUBECONFIG")
        private = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="incident-commander-lifecycle-")))
        api = await stack.enter_async_context(Api(private))
        await chart.have_image(say)
        built = await image.examine(chart.IMAGE)
        if faults := built.faults():
            raise Failure(f"the image: {'; '.join(faults)}")
        size, parts = built.added / 1e6, len(built.sbom["components"])
        say(f"✓ the image adds {size:.0f} MB to its base; its SBOM lists {parts} components")
        await take_possession(api, OPERATOR_NAMESPACE, say)
        await chart.make_room(api, say)
        await take_possession(api, OPERATOR_NAMESPACE, say)
        labels = {LABEL_MANAGED: "true", **MARK}
        await api.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}])
        life = Life(api, cluster.image, private, say)
        await life.installed(await package_before(private))
        before = await life.incident("before")
        known = before["metadata"]["name"]
        await life.upgraded(before, known)
        await life.rotated()
        await life.uninstalled(known)
        await life.came_back()
        await life.as_the_pages_say()
    say("the chart's life: passed")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except Failure as failure:
        sys.exit(f"e2e.lifecycle: {failure}")
