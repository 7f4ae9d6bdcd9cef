"""The cluster itself: what must be there before anything of ours."""

from __future__ import annotations

from collections.abc import Iterator

from incident_commander.api import kinds
from incident_commander.cli.doctor import needs
from incident_commander.cli.doctor.facts import Facts, Unread
from incident_commander.cli.doctor.finding import Finding, fail, ok, skipped, unknown, warn
from incident_commander.cli.doctor.schema import missing_fields

_SKEW_WARN_SECONDS, _SKEW_FAIL_SECONDS = 2.0, 30.0


def api_server(facts: Facts) -> Iterator[Finding]:
    """Who we are to it."""
    if isinstance(facts.user, Unread):
        yield unknown("API server", facts.user.why, "log in to the cluster: `kubectl auth whoami` must name you")
    else:
        yield ok("API server", f"answers; you are {facts.user}")


def clock(facts: Facts) -> Iterator[Finding]:
    """Signatures and votes expire by the clock."""
    if facts.server_time is None:
        yield unknown("Clock", "the API server did not tell its time", "compare `date -u` with a node's clock")
        return
    # The server's time is cut to the second, and the answer took a while.
    apart = max(0.0, abs((facts.now - facts.server_time).total_seconds()) - 1.0)
    advice = "set this machine's and the nodes' clocks by NTP: votes expire after minutes, and by the clock"
    if apart > _SKEW_FAIL_SECONDS:
        yield fail("Clock", f"this machine and the API server are {apart:.0f} s apart", advice)
    elif apart > _SKEW_WARN_SECONDS:
        yield warn("Clock", f"this machine and the API server are {apart:.0f} s apart", advice)
    else:
        yield ok("Clock", "this machine and the API server agree")


def features(facts: Facts) -> Iterator[Finding]:
    """What is asked of Kubernetes: 1.30 for admission policies, 1.33 for resizing in place."""
    if not facts.offered.get("validatingadmissionpolicybindings.admissionregistration.k8s.io"):
        yield fail(
            "Kubernetes",
            "admissionregistration.k8s.io/v1 has no ValidatingAdmissionPolicies",
            "use Kubernetes 1.30 or newer: without them agents could write what is not theirs",
        )
    elif not facts.offered.get("pods/resize"):
        yield warn(
            "Kubernetes",
            "Pods cannot be resized in place",
            "nothing must be done; with Kubernetes 1.33 or newer raising a limit restarts no Pod",
        )
    else:
        yield ok("Kubernetes", "admission policies, and resizing of Pods in place")


def rights_to_install(facts: Facts) -> Iterator[Finding]:
    """Only before an installation."""
    if facts.installed:
        return
    mine = {right: answer for right, answer in facts.rights.items() if not right.user}
    unread = next((answer for answer in mine.values() if isinstance(answer, Unread)), None)
    missing = [f"{right.verb} {right.resource}" for right, answer in mine.items() if answer is False]
    if unread is not None:
        yield unknown("Your rights", unread.why, "ask: kubectl auth can-i --list")
    elif missing:
        yield fail(
            "Your rights",
            f"you may not {', '.join(missing)}",
            f"install as a cluster-admin (the {len(needs.INSTALLING)} rights asked for are among its own)",
        )
    else:
        yield ok("Your rights", "you may install: CRDs, roles, admission policies, workloads")


def setup_hook(facts: Facts) -> Iterator[Finding]:
    """A Helm that was interrupted cleans up nothing: the rights of its hook stay, also where nothing was installed."""
    answers = [(right, facts.rights.get(right)) for right in needs.of_the_setup_hook(facts.namespace)]
    left = [f"{right.verb} {right.resource}" for right, answer in answers if answer is True]
    unread = next((answer for _, answer in answers if isinstance(answer, Unread)), None)
    if left:
        yield fail(
            "Setup hook",
            f"ServiceAccount {needs.SETUP} of {facts.namespace} still may {', '.join(left)}",
            "is Helm running now? Then wait. If not, it was interrupted: helm upgrade or helm uninstall ends these "
            "rights, or kubectl delete rolebindings,clusterrolebindings incident-commander-setup "
            f"-n {facts.namespace}",
        )
    elif unread is not None:
        yield unknown(
            "Setup hook", unread.why, "ask for `create` on subjectaccessreviews, or for system:auth-delegator"
        )


def resources(facts: Facts) -> Iterator[Finding]:
    """The four CRDs: all, or none yet."""
    ours = {name: there for name, there in facts.offered.items() if name.endswith("incidentcommander.io")}
    missing = sorted(name for name, there in ours.items() if not there)
    if not facts.served:
        yield skipped("Resources", "not installed yet", "install: see docs/install.md; then run this again")
    elif missing:
        yield fail("Resources", f"not served: {', '.join(missing)}", "kubectl apply --server-side -f crds/")
    else:
        yield from _versions(facts)


def _versions(facts: Facts) -> Iterator[Finding]:
    crds = facts.of(kinds.CUSTOM_RESOURCE_DEFINITION)
    if isinstance(crds, Unread):
        yield unknown("Resources", crds.why, "ask for `list` on customresourcedefinitions")
        return
    absent = missing_fields(crds, facts.shipped)
    if absent:
        shown = ", ".join(absent[:4]) + (f" and {len(absent) - 4} more" if len(absent) > 4 else "")
        yield fail(
            "Resources",
            f"the CRDs are of another version: they lack {shown}",
            "kubectl apply --server-side -f crds/ (of this version; Incidents are kept)",
        )
    else:
        yield ok("Resources", "the four CRDs are served, and have every field of this version")


def installation(facts: Facts) -> Iterator[Finding]:
    """CRDs alone, before the chart or after it was uninstalled; or a namespace that is not the operator's."""
    if facts.served and not facts.installed:
        yield warn(
            "Installation",
            f"the CRDs are there, the chart is not: no Deployment in namespace {facts.namespace}, no admission policy",
            f"nothing takes alerts or decides yet: helm install incident-commander charts/incident-commander "
            f"-n {facts.namespace} (docs/install.md), then run this again",
        )
    elif facts.installed and not facts.of(kinds.DEPLOYMENT) and not facts.of(kinds.LEASE):
        yield fail(
            "Installation",
            f"its admission policies are in the cluster, and nothing of it has ever run in namespace {facts.namespace}",
            "it runs in another? Name that: -n NAMESPACE (`helm list -A` shows it); else start its processes",
        )


CHECKS = (api_server, clock, features, rights_to_install, setup_hook, resources, installation)
