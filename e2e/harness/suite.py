"""Play the scenarios: together where they do not disturb each other, and report."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from e2e.harness import beside, chart, evidence, examination, report, volume
from e2e.harness.api import INCIDENTS, Api, Json
from e2e.harness.audit import AuditLog
from e2e.harness.bundles import Recorded, Recorder
from e2e.harness.cluster import MARK, Cluster, bring_up, have_outage_image, take_down, take_possession
from e2e.harness.identities import Identities
from e2e.harness.install import install, uninstall
from e2e.harness.manifests import OUT, ROOT
from e2e.harness.monitoring import Monitoring, of_local_cluster
from e2e.harness.operator import Operator, operator
from e2e.harness.people import People, grant, grant_reporter, people
from e2e.harness.registry import EmptyRegistry
from e2e.harness.result import Result
from e2e.harness.scenario import Scenario, find
from e2e.harness.stage import Stage
from e2e.harness.waiting import Failure, Teller
from incident_commander.api.names import LABEL_MANAGED, OPERATOR_NAMESPACE

TOGETHER = 6 * (os.cpu_count() or 1)
"""Scenarios at a time. More pods than this begin so slowly that deadlines pass which have nothing to do with us."""
SCENARIO_SECONDS = 600
"""For one scenario with all its waits."""
_OF_NO_NAMESPACE = (
    f"{INCIDENTS}/remediationpolicies",
    f"{INCIDENTS}/runbooks",
    "/api/v1/nodes",
    "/api/v1/persistentvolumes",
    "/apis/storage.k8s.io/v1/storageclasses",
)
"""What scenarios make beside their namespaces."""


@dataclass(frozen=True)
class Suite:
    """What the scenarios share."""

    cluster: Cluster
    api: Api
    operator: Operator
    people: People
    monitoring: Monitoring
    audit: AuditLog | None
    missing_image: str
    recorder: Recorder | None
    """Nothing is mended then."""
    run: str
    """Tells this run's namespaces from those of others, whose alerts Alertmanager may still know."""
    say: Teller

    def namespace(self, scenario: Scenario) -> str:
        """A scenario's own."""
        return f"e2e-{scenario.name}-{self.run}"

    def stage(self, scenario: Scenario) -> Stage:
        """For one scenario."""
        variables = {
            "NAMESPACE": self.namespace(scenario),
            "NODE": self.namespace(scenario),
            "OTHER_NODE": f"{self.namespace(scenario)}-other",
            "IMAGE": self.cluster.image,
            "OUTAGE_IMAGE": self.cluster.outage_image,
            "MISSING_IMAGE": self.missing_image,
            "VOLUME": str(volume.place(self.namespace(scenario))),
        }
        return Stage(
            scenario,
            self.api,
            variables,
            self.say.named(scenario.name),
            self.operator,
            self.people,
            self.monitoring,
            recorder=self.recorder,
        )

    async def play(self, scenario: Scenario, slots: asyncio.Semaphore) -> Result:
        """One scenario, from nothing to its verdict, when there is a slot."""
        async with slots:
            return await self._play(scenario)

    async def _play(self, scenario: Scenario) -> Result:
        began = time.monotonic()
        stage = self.stage(scenario)
        result = Result(scenario)
        try:
            async with asyncio.timeout(SCENARIO_SECONDS):
                await scenario.play(stage)
                await stage.common_checks()
        except Recorded:
            result.recorded = True
        except (Failure, TimeoutError) as error:
            result.failure = str(error) or f"not done after {SCENARIO_SECONDS} s"
            stage.say(f"FAILED: {result.failure.splitlines()[0]}")
        result.seconds = time.monotonic() - began
        result.checks = stage.checks
        await self._conclude(stage, result)
        stage.say(f"{result.verdict} after {result.seconds:.0f} s")
        return result

    async def _conclude(self, stage: Stage, result: Result) -> None:
        """Keep what there is; show it when it failed."""
        try:
            found = await stage.incidents()
            # Those that wait for the Incident of their cause come last.
            found.sort(key=lambda incident: bool(incident.get("status", {}).get("cascade")))
            result.incident = found[0] if found else None
            names = [incident["metadata"]["name"] for incident in found]
            if self.audit is not None and names:
                result.cost = self.audit.cost(
                    stage.namespace, names, OPERATOR_NAMESPACE, home=stage.home, nodes=stage.nodes
                )
            texts = await evidence.keep(stage, OUT / stage.scenario.name)
            if not result.failure and self.recorder is None:
                self._check_cost(stage, result, found)
        except Failure as error:
            result.failure = result.failure or str(error)
            texts = []
        if result.failure:
            story = evidence.timeline(result.incident) if result.incident is not None else "    (no Incident)"
            parts = [f"=== {stage.scenario.name} FAILED: {result.failure}", *texts, f"--- timeline\n{story}"]
            print("\n".join([*parts, await evidence.logs(stage)]), flush=True)

    def _check_cost(self, stage: Stage, result: Result, found: Sequence[Json]) -> None:
        """What the scenario says about writes to workloads must be what the API server has seen."""
        if result.cost is None:
            return
        wanted = sum(_writes_recorded(incident) for incident in found)
        seen = [f"{w.what} {w.name}" for w in result.cost.to_workloads()]
        claim = f"the audit log shows {wanted} writes to workloads, as the Incident records"
        stage.check(len(seen) == wanted, claim, ", ".join(seen) or "none")


def _writes_recorded(incident: Json) -> int:
    """One for each step that was applied, and one more when it was undone."""
    attempts = incident.get("status", {}).get("execution", {}).get("attempts", [])
    steps = [step for attempt in attempts for step in attempt["steps"] if step["verb"] != "None"]
    return sum({"Applied": 1, "Undone": 2}.get(step["outcome"], 0) for step in steps)


async def run(scenarios: Sequence[Scenario], *, by_chart: bool, whole: bool, bundles: Path | None = None) -> int:
    """Play them all, on pods of the chart or on processes of this machine; answers the exit code.

    ``whole``: nothing was left out, so that every granted right must have been used. ``bundles``: break only, and
    record the evidence of each there.
    """
    say = Teller()
    shutil.rmtree(OUT, ignore_errors=True)
    (OUT / "logs").mkdir(parents=True)
    results: list[Result] = []
    async with AsyncExitStack() as stack:
        cluster = await bring_up(say)
        stack.push_async_callback(take_down, cluster, say)
        if not cluster.local and (left := [scenario.name for scenario in scenarios if scenario.local]):
            say(f"left out, as they need the project's local cluster: {', '.join(left)}")
            scenarios, whole = [scenario for scenario in scenarios if not scenario.local], False
        suite = await _prepare(stack, cluster, scenarios, say, by_chart=by_chart, bundles=bundles)
        together = [scenario for scenario in scenarios if not scenario.alone]
        say(f"playing together: {', '.join(s.name for s in together) or 'none'}")
        slots = asyncio.Semaphore(TOGETHER)
        results += await asyncio.gather(*(suite.play(scenario, slots) for scenario in together))
        for scenario in scenarios:
            if scenario.alone:
                results.append(await suite.play(scenario, slots))
        trouble = (
            ""
            if bundles
            else await examination.examine(
                suite, results, whole=whole, everything=len(results) == len(find([], everything=True))
            )
        )
        where = "the local cluster" if cluster.local else "the cluster of KUBECONFIG"
        report.write(results, OUT, where, say.elapsed())
        print(f"\n{report.table(results)}\n", flush=True)
    failed = [result.scenario.name for result in results if result.failure]
    say(f"reports: {OUT.relative_to(ROOT)}/report.md, junit.xml; Incidents and logs beside them")
    if trouble:
        say(f"FAILED: {trouble}")
    verdict = f"{len(failed)} of {len(results)} failed: {', '.join(failed)}" if failed else f"{len(results)} passed"
    say(f"{verdict} in {say.elapsed():.0f} s")
    return 1 if failed or trouble else 0


async def _prepare(
    stack: AsyncExitStack,
    cluster: Cluster,
    scenarios: Sequence[Scenario],
    say: Teller,
    *,
    by_chart: bool,
    bundles: Path | None,
) -> Suite:
    """Everything up to the first scenario; each thing that is started is ended by the stack."""
    private = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="incident-commander-e2e-")))
    api = await stack.enter_async_context(Api(private))
    missing = cluster.missing_image
    if missing is None:
        registry = await stack.enter_async_context(EmptyRegistry())
        missing = f"{registry.address}/shop/web:2.0.0"
    await take_possession(api, OPERATOR_NAMESPACE, say)
    if not cluster.ours:
        stack.push_async_callback(_leave, api, say)
    identities = await Identities.of_current_cluster(api, private)
    await _remove_remains(api, cluster, say, by_chart=by_chart)
    # From here on: what an earlier installation asks while it ends has nothing to do with this one.
    audit = AuditLog(cluster.audit_log) if cluster.audit_log is not None else None
    if by_chart:
        await chart.install(say)
        running: Operator = chart.Release(api)
    else:
        say("installing CRDs, RBAC, admission policies, runbooks and agents")
        installation = await install(api, private, say)
    known = await people(identities, cluster.kubeconfig, say)
    if cluster.local:
        watching = of_local_cluster(private)
    else:
        watching = await beside.start(stack, api, identities, OUT / "logs", say)
    if not by_chart:
        running = await operator(identities, installation, OUT / "logs", watching.prometheus)
    run = f"{int(time.time()) % 36**4:04x}"
    recorder = Recorder(bundles, watching) if bundles is not None else None
    suite = Suite(cluster, api, running, known, watching, audit, missing, recorder, run, say)
    if any(scenario.outage_image for scenario in scenarios):
        await have_outage_image(cluster, say)
    await _clear(api, say)
    namespaces = [suite.namespace(scenario) for scenario in scenarios]
    nodes = [node for scenario in scenarios for node in suite.stage(scenario).nodes]
    await api.apply([_namespace(name) for name in namespaces])
    homes = [*namespaces, OPERATOR_NAMESPACE] if nodes else namespaces
    await grant(api, homes)
    account = await grant_reporter(api, homes, OPERATOR_NAMESPACE)
    stack.push_async_callback(running.end)
    await running.start(say)
    token = await identities.token(OPERATOR_NAMESPACE, account)
    await watching.send_to_gateway(running.gateway, token, namespaces, nodes, running.scraped)
    stack.push_async_callback(watching.send_to_nobody)
    await watching.ready(say)
    return suite


async def _remove_remains(api: Api, cluster: Cluster, say: Teller, *, by_chart: bool) -> None:
    """What earlier runs installed. For the chart all of it; without it, our own manifests are applied once more."""
    if not by_chart:
        await chart.remove_release(api, say)
        return
    if not cluster.local:
        raise Failure("with --chart the scenarios play on the project's local cluster only; unset KUBECONFIG")
    await chart.have_image(say)
    await chart.make_room(api, say)
    await take_possession(api, OPERATOR_NAMESPACE, say)


async def _clear(api: Api, say: Teller) -> None:
    """Remove what earlier runs left; nobody need wait for it."""
    selector = ",".join(f"{key}={value}" for key, value in MARK.items())
    for kind in ("/api/v1/namespaces", *_OF_NO_NAMESPACE):
        for found in await api.items(kind, labelSelector=selector):
            if (name := found["metadata"]["name"]) != OPERATOR_NAMESPACE:
                say(f"removing {name}")
                await api.delete(f"{kind}/{name}")


async def _leave(api: Api, say: Teller) -> None:
    """Leave a cluster that is not ours as it was."""
    if os.environ.get("KEEP"):
        say("KEEP is set: the installation and the scenarios' namespaces stay")
        return
    await _clear(api, say)
    await beside.remove_account(api)
    await uninstall(api, say)


def _namespace(name: str) -> Json:
    labels = {LABEL_MANAGED: "true", **MARK}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
