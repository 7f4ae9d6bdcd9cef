"""What docs/ say a platform team does on its first day: their commands, pasted where the chart installs the operator.

tests/functional/docs runs the same commands on an API server alone; here are a kubelet, Prometheus and Alertmanager.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path

from charts.helm import program as helm
from e2e.cluster.parts import layout
from e2e.harness.cluster import MONITORING
from e2e.harness.commands import run
from e2e.harness.manifests import ROOT
from e2e.harness.waiting import Failure, NotYet, Teller, wait_for
from tests.functional.docs.blocks import Block, of_scene
from tests.functional.docs.shell import Shell, checkout

REGISTRY = "docker.io/local"
IMAGE = f"{REGISTRY}/incident-commander:0.1.0"
"""What the pages call REGISTRY/incident-commander:0.1.0."""
SHOP = "shop"
"""The namespace of the first hour."""
_MISSING = "registry.k8s.io/pause:missing"
_CONFIGURATION = re.compile(r"^```yaml alertmanager\n(.*?)^```$", re.M | re.S)
_CREDENTIALS = "/var/run/secrets/kubernetes.io/serviceaccount/token"
_REPORTER = ("--namespace=monitoring", "alertmanager")
_LISTENING = "timeout 30 bash -c 'until (: < /dev/tcp/127.0.0.1/8080) 2> /dev/null; do sleep 0.2; done'\n"


@dataclass
class Desk:
    """An administrator's shell in a checkout of the project, and what was pasted into it.

    ``missing_image`` is taken for the one of which the pages say that its registry does not have it: few machines
    reach that registry, and one that is not reached is another cause.
    """

    private: Path
    missing_image: str
    say: Teller
    pasted: list[Block] = field(default_factory=list)

    def __post_init__(self) -> None:
        folder = self.private / "checkout"
        folder.mkdir()
        checkout(folder)
        placeholders = {
            "NAME": self._newest,
            "NS": lambda: SHOP,
            "REGISTRY": lambda: REGISTRY,
            "localhost:9090": lambda: layout.PROMETHEUS_URL.removeprefix("http://"),
            # Beside the cluster it has no pods, without which the API server leads nobody to a Service.
            "prometheus.monitoring:9090": lambda: f"{layout.NODE_ADDRESS}:{layout.PROMETHEUS_PORT}",
        }
        self._shell = Shell(layout.KUBECONFIG, folder, (helm().parent,), placeholders)

    async def paste(self, *scenes: str) -> None:
        """The blocks of these scenes. Raises ``Failure`` with page and line when one does not do what its page says."""
        for scene in scenes:
            for block in of_scene(scene):
                await self._paste(block)

    async def installs(self) -> None:
        """docs/install.md: the chart, and its own test."""
        await self.paste("chart-install")

    async def has_its_first_hour(self) -> None:
        """docs/first-hour.md: Observe, Approve, Auto."""
        await self.paste("first-hour")

    async def sends_its_alerts(self) -> None:
        """docs/alertmanager.md: its configuration in Alertmanager, and a request by hand, about a shop that breaks."""
        await run("kubectl", "create", "serviceaccount", *_REPORTER)
        granting, other, trying = of_scene("alerts")
        (forwarding,) = of_scene("port-forward")
        await self._paste(granting)
        await self._paste(other)
        makes_the_shop, breaks_it, *_ = of_scene("first-hour")
        await wait_for("the shop of the first hour to be gone", self._closed, seconds=120, say=self.say)
        await self._paste(makes_the_shop)
        together = f"{forwarding.text}trap 'kill $!' EXIT\n{_LISTENING}{trying.text}"
        said = await self._paste(replace(trying, text=together))
        if '"fate":"Created"' not in said or '"fate":"Resolved"' not in said:
            raise Failure(f"{trying}: the gateway did not take both: {said}")
        await self._configure_alertmanager()
        await self._paste(breaks_it)
        await wait_for("a real alert to become an Incident", self._reported, seconds=150, say=self.say)

    async def operates(self) -> None:
        """docs/operations.md: looks at it, upgrades it, and has it examined: nothing must be wrong."""
        await self.paste("operations", "doctor", "chart-upgrade")

    async def uninstalls(self) -> None:
        """docs/install.md."""
        await self.paste("chart-uninstall")
        await _reload(MONITORING)
        await run("kubectl", "delete", "namespace", SHOP, "--wait=false")

    async def removes(self) -> None:
        """docs/operations.md: what an uninstall keeps, too."""
        await self.paste("removing")

    # -- how ---------------------------------------------------------------------------------------------

    async def _paste(self, block: Block) -> str:
        self.say(f"{block}: {block.first}")
        here = replace(
            block,
            text=block.text.replace(_MISSING, self.missing_image),
            seen=tuple(line.replace(_MISSING, self.missing_image) for line in block.seen),
        )
        try:
            said = await asyncio.to_thread(self._shell.run, here)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            raise Failure(str(error)) from error
        self.pasted.append(block)
        return said

    def _newest(self) -> str:
        """The name of the newest Incident of the shop."""
        found = json.loads(self._shell.command(f"kubectl get incidents -n {SHOP} -o json"))["items"]
        assert found, f"there is no Incident in namespace {SHOP}"
        last = max(found, key=lambda i: (i["metadata"]["creationTimestamp"], int(i["metadata"]["resourceVersion"])))
        return str(last["metadata"]["name"])

    async def _configure_alertmanager(self) -> None:
        """As the page says; but Alertmanager is a process here, and its ServiceAccount's token a file of ours."""
        folder = self.private / "alertmanager"
        shutil.copytree(MONITORING, folder)
        token = folder / "token"
        token.touch(mode=0o600)
        token.write_text((await run("kubectl", "create", "token", *_REPORTER)).out.strip())
        (text,) = _CONFIGURATION.findall((ROOT / "docs" / "alertmanager.md").read_text())
        if _CREDENTIALS not in text:
            raise Failure(f"docs/alertmanager.md: the configuration does not use {_CREDENTIALS}")
        (folder / "alertmanager.yml").write_text(text.replace(_CREDENTIALS, str(token)))
        await _reload(folder)

    async def _closed(self) -> None:
        if found := (await run("kubectl", "get", "namespace", SHOP, "--ignore-not-found")).out:
            raise NotYet(found.splitlines()[-1])

    async def _reported(self) -> None:
        listed = (await run("kubectl", "get", "incidents", f"--namespace={SHOP}", "--output=json")).out
        found = [alert for incident in json.loads(listed)["items"] for alert in incident["spec"].get("alerts", [])]
        alerts = [alert["labels"]["alertname"] for alert in found]
        if not set(alerts) - {"Try"}:
            raise NotYet(f"alerts of Incidents: {', '.join(alerts) or 'none'}")


async def _reload(folder: Path) -> None:
    await run(str(layout.HERE / "reload"), "--monitoring-config", str(folder))
