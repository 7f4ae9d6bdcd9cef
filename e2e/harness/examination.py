"""What is asked of the whole run at its end: is the operator well, are panels dark, are rights wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from e2e.harness import dashboards, grants, rules
from e2e.harness.api import INCIDENTS, Json
from e2e.harness.manifests import OUT
from e2e.harness.people import REPORTER
from e2e.harness.result import Result
from e2e.harness.waiting import Failure
from incident_commander.api.incident import Outcome
from incident_commander.api.names import OPERATOR_NAMESPACE

if TYPE_CHECKING:
    from e2e.harness.suite import Suite


async def examine(suite: Suite, results: Sequence[Result], *, whole: bool, everything: bool) -> str:
    """All that is wrong, or the empty string. ``whole``: the core was played; ``everything``: all of the scenarios."""
    found = [await _trouble(suite), await _dark_panels(suite, results), await _wrong_rights(suite, whole, everything)]
    if everything:
        found.append(await _silent_rules(suite))
    return "; ".join(text for text in found if text)


async def _trouble(suite: Suite) -> str:
    """What no scenario is to blame for: a process that ended, an honest agent in quarantine."""
    try:
        await suite.operator.alive()
    except Failure as failure:
        return str(failure)
    agents = await suite.api.items(f"{INCIDENTS}/agents")
    quarantined = {
        agent["metadata"]["name"]: agent["status"]["quarantine"]
        for agent in agents
        if agent.get("status", {}).get("quarantine")
    }
    return f"agents are quarantined: {quarantined}" if quarantined else ""


async def _dark_panels(suite: Suite, results: Sequence[Result]) -> str:
    """Panels of the dashboards that show nothing; those about containers are asked where the operator runs in pods."""
    outcomes = {((result.incident or {}).get("status") or {}).get("outcome") for result in results}
    if Outcome.REMEDIATED not in outcomes:
        suite.say("dashboards: not asked, as no Incident of this run was fixed")
        return ""
    asked = dashboards.queries(cadvisor=suite.operator.in_pods)
    viewer = dashboards.Viewer(namespace=OPERATOR_NAMESPACE, range="30m", step="20s")
    empty = await dashboards.ask(suite.monitoring.prometheus, asked, viewer)
    text = dashboards.report(asked, empty)
    (OUT / "dashboards.txt").write_text(f"{text}\n")
    suite.say(text.splitlines()[0])
    return text if empty else ""


async def _wrong_rights(suite: Suite, whole: bool, everything: bool) -> str:
    """What RBAC refused to the operator; and after a whole run what it grants for nothing."""
    if suite.audit is None:
        return ""
    asked = list(suite.audit.rights(OPERATOR_NAMESPACE))
    granted = grants.granted(*await _rbac(suite), OPERATOR_NAMESPACE, but=[REPORTER])
    reasons = [reason for reason in grants.listed() if not (everything and reason.core)]
    finding = grants.examine(granted, asked, reasons)
    used = sorted({f"{right} {'allowed' if allowed else 'REFUSED'}" for right, allowed in asked})
    parts = {"asked for": used, "unused": finding.unused, f"unused, see {grants.REASONS.name}": finding.excused}
    lines = [line for title, rights in parts.items() for line in (f"# {title}", *map(str, rights))]
    (OUT / "rights.txt").write_text("\n".join([*lines, ""]))
    suite.say(
        f"RBAC: {len(used)} rights used, {len(finding.refused)} refused, {len(finding.unused)} unused, "
        f"{len(finding.excused)} unused with a reason"
    )
    return str(finding if whole else replace(finding, unused=()))


async def _rbac(suite: Suite) -> tuple[list[Json], list[Json]]:
    """The roles and the bindings of the cluster, whatever installed them."""
    found: dict[str, list[Json]] = {"role": [], "rolebinding": []}
    for what, objects in found.items():
        for kind in (f"cluster{what}s", f"{what}s"):
            listed = await suite.api.items(f"/apis/rbac.authorization.k8s.io/v1/{kind}")
            title = ("Cluster" if kind.startswith("cluster") else "") + ("Role" if what == "role" else "RoleBinding")
            objects += [{**one, "kind": title} for one in listed]
    return found["role"], found["rolebinding"]


async def _silent_rules(suite: Suite) -> str:
    """Alerts of the chart whose series nobody has ever exposed, without a reason."""
    silent = await rules.silent(suite.monitoring.prometheus)
    text = rules.report(silent, len(rules.expressions()))
    (OUT / "rules.txt").write_text(f"{text}\n")
    suite.say(text.splitlines()[0])
    return "; ".join(str(one) for one in silent if not one.why)
