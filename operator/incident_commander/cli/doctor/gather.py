"""Reads what the checks look at: some at a time, bounded, and whatever is refused becomes ``Unread``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

import yaml

from incident_commander.adapters.reached import Reached
from incident_commander.api import kinds
from incident_commander.api.kinds import Kind
from incident_commander.api.names import OPERATOR_NAMESPACE
from incident_commander.cli.doctor import needs
from incident_commander.cli.doctor.facts import Facts, Right, Token, Unread
from incident_commander.cli.work.whoami import whoami
from incident_commander.errors import ClusterError, IncidentCommanderError, NotFound
from incident_commander.ports import Cluster, Object
from incident_commander.rehearsal.structural import schemas
from incident_commander.surroundings import BREAKER_CONFIG_MAP

_AT_A_TIME = 8
_PROMETHEUS_SETTING = "INCIDENT_COMMANDER_PROMETHEUS_URL"
_GATEWAY_CERTIFICATE = "INCIDENT_COMMANDER_GATEWAY_TLS_CERT_FILE"
_FEATURES = (
    kinds.INCIDENT,
    kinds.REMEDIATION_POLICY,
    kinds.RUNBOOK,
    kinds.AGENT,
    kinds.VALIDATING_ADMISSION_POLICY_BINDING,
)
_LISTED = (
    (kinds.CUSTOM_RESOURCE_DEFINITION, False),
    (kinds.NAMESPACE, False),
    (kinds.DEPLOYMENT, True),
    (kinds.LEASE, True),
    (kinds.VALIDATING_ADMISSION_POLICY_BINDING, False),
    (kinds.AGENT, False),
    (kinds.RUNBOOK, False),
    (kinds.REMEDIATION_POLICY, False),
)
"""What is listed; True: in the operator's namespace only."""
QUESTIONS: Mapping[str, str] = {
    "reachable": "vector(1)",
    "kube-state-metrics": "count(kube_pod_info)",
    "cAdvisor": 'count(container_memory_working_set_bytes{container!=""})',
    "own metrics": 'count(count by (__name__) ({__name__=~"incident_commander_.+"}))',
}
"""Asked of Prometheus; each answers one number, or nothing."""

_Any = TypeVar("_Any")


class Web(Protocol):
    """HTTP GET; raises ``errors.Unavailable``."""

    async def get(self, url: str) -> Reached:
        """Any status is an answer."""
        ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for on the command line."""

    namespace: str = OPERATOR_NAMESPACE
    gateway_url: str = ""
    prometheus_url: str | None = None
    alertmanager_url: str | None = None
    token: str | None = None


async def gather(cluster: Cluster, web: Web, now: Callable[[], datetime], wanted: Wanted) -> Facts:
    """All facts. Raises ``ClusterError`` only when the API server cannot be asked who we are."""
    user, server_time = await _who(cluster)
    facts = Facts(now(), wanted.namespace, user, server_time, shipped=schemas())
    slots = asyncio.Semaphore(_AT_A_TIME)

    async def listed(kind: Kind, namespace: str | None = None) -> Sequence[Object] | Unread:
        async with slots:
            return await _read(lambda: cluster.list(kind, namespace))

    offered = {kind.resource: await cluster.offers(kind) for kind in _FEATURES}
    offered["pods/resize"] = await cluster.offers(kinds.POD, "resize")
    facts = replace(facts, offered=offered)
    asked = [kind for kind, _ in _LISTED if offered.get(kind.resource, True)]
    of_ours = {kind for kind, namespaced in _LISTED if namespaced}
    found = await asyncio.gather(*(listed(kind, wanted.namespace if kind in of_ours else None) for kind in asked))
    facts = replace(facts, objects={kind.resource: answer for kind, answer in zip(asked, found, strict=True)})
    ours = facts.installed
    rights = needs.installing(wanted.namespace)
    if ours:
        rights = needs.needed(wanted.namespace) + needs.forbidden(wanted.namespace)
    rights += needs.of_the_setup_hook(wanted.namespace)
    reviews = await asyncio.gather(*(_allowed(cluster, slots, right) for right in rights))
    facts = replace(
        facts,
        rights=dict(zip(rights, reviews, strict=True)),
        breaker=await _read(lambda: _breaker(cluster, wanted.namespace)) if ours else {},
    )
    if wanted.token is not None:
        token = wanted.token
        facts = replace(facts, token=await _read(lambda: _token(cluster, token)))
    if ours:
        service = await _read(lambda: cluster.get(kinds.SERVICE, wanted.namespace, "gateway"))
        gateway = wanted.gateway_url or gateway_url(wanted.namespace, facts.of(kinds.DEPLOYMENT), service)
        facts = replace(facts, gateway=await _read(lambda: web.get(f"{gateway.rstrip('/')}/readyz")))
    return await _monitoring(facts, web, wanted)


async def _monitoring(facts: Facts, web: Web, wanted: Wanted) -> Facts:
    url = wanted.prometheus_url or _configured(facts.of(kinds.DEPLOYMENT))
    if url is not None:
        url = url.rstrip("/")
        base = url
        answers: dict[str, float | Unread | None] = {}
        for name, query in QUESTIONS.items():
            answers[name] = await _read(partial(_number, web, base, query))
        facts = replace(facts, prometheus=url, metrics=answers)
    found: str | Unread | None = wanted.alertmanager_url
    how = "which --alertmanager-url names"
    if found is None and url is not None:
        base, how = url, "which Prometheus sends to"
        found = await _read(lambda: _alertmanager_of(web, base))
    if isinstance(found, Unread):
        how = "asked of Prometheus (/api/v1/alertmanagers)"
        return replace(facts, alertmanager=found, alertmanager_found=how)
    if found is not None:
        named = found.rstrip("/")
        facts = replace(
            facts, alertmanager=await _read(lambda: _routes(web, named)), alertmanager_found=f"{named}, {how}"
        )
    return facts


async def _read(call: Callable[[], Awaitable[_Any]]) -> _Any | Unread:
    try:
        return await call()
    except IncidentCommanderError as error:
        return Unread(str(error) or type(error).__name__)


async def _who(cluster: Cluster) -> tuple[str | Unread, datetime | None]:
    try:
        found = await whoami(cluster)
    except ClusterError as error:
        if error.status == 0 or error.status >= 500:
            raise
        return Unread(str(error)), None
    return found.username or Unread("the answer names no user"), found.server_time


async def _allowed(cluster: Cluster, slots: asyncio.Semaphore, right: Right) -> bool | Unread:
    resource, _, subresource = right.resource.partition("/")
    plural, _, group = resource.partition(".")
    attributes = {"verb": right.verb, "group": group, "resource": plural, "subresource": subresource}
    if right.namespace is not None:
        attributes["namespace"] = right.namespace
    kind = kinds.SUBJECT_ACCESS_REVIEW if right.user else kinds.SELF_SUBJECT_ACCESS_REVIEW
    spec: dict[str, Any] = {"resourceAttributes": attributes}
    if right.user:
        _, _, namespace, _ = right.user.split(":")
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]
        spec |= {"user": right.user, "groups": groups}
    body = {"apiVersion": kind.api_version, "kind": kind.kind, "spec": spec}
    async with slots:
        answer = await _read(lambda: cluster.create(kind, None, body))
    return answer if isinstance(answer, Unread) else (answer.get("status") or {}).get("allowed") is True


async def _breaker(cluster: Cluster, namespace: str) -> Mapping[str, str]:
    try:
        stored = await cluster.get(kinds.CONFIG_MAP, namespace, BREAKER_CONFIG_MAP)
    except NotFound:
        return {}
    return {str(k): str(v) for k, v in (stored.get("data") or {}).items()}


async def _token(cluster: Cluster, token: str) -> Token:
    body: Object = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    status = (await cluster.create(kinds.TOKEN_REVIEW, None, body)).get("status") or {}
    if status.get("authenticated") is not True:
        return Token("", everywhere=False)
    user = status.get("user") or {}
    attributes = {"verb": "create", "group": kinds.INCIDENT.group, "resource": kinds.INCIDENT.plural}
    spec = {"resourceAttributes": attributes, "user": user.get("username", ""), "groups": user.get("groups") or []}
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
    answer = await cluster.create(kinds.SUBJECT_ACCESS_REVIEW, None, review)
    return Token(str(user.get("username", "")), (answer.get("status") or {}).get("allowed") is True)


async def _json(web: Web, url: str) -> Any:
    reached = await web.get(url)
    try:
        return json.loads(reached.body)
    except ValueError:
        raise IncidentCommanderError(f"{url} answers {reached.status}, and no JSON") from None


async def _number(web: Web, base: str, query: str) -> float | None:
    answer = await _json(web, f"{base}/api/v1/query?query={quote(query)}")
    if not isinstance(answer, dict) or answer.get("status") != "success":
        raise IncidentCommanderError(f"{base} is not a Prometheus, or refuses: {str(answer)[:200]}")
    result = (answer.get("data") or {}).get("result") or []
    return float(result[0]["value"][1]) if result else None


async def _alertmanager_of(web: Web, prometheus: str) -> str | None:
    """The first Alertmanager that Prometheus sends to."""
    answer = await _json(web, f"{prometheus}/api/v1/alertmanagers")
    active = ((answer or {}).get("data") or {}).get("activeAlertmanagers") or []
    urls = [str(one.get("url", "")).partition("/api/")[0] for one in active]
    return next((url for url in urls if url), None)


async def _routes(web: Web, base: str) -> Mapping[str, Any]:
    status = await _json(web, f"{base}/api/v2/status")
    original = str(((status or {}).get("config") or {}).get("original"))
    try:
        found = yaml.safe_load(original)
    except yaml.YAMLError:
        found = None
    if not isinstance(found, dict):
        raise IncidentCommanderError(f"{base} shows no configuration that can be read")
    return found


def gateway_url(namespace: str, deployments: Sequence[Object] | Unread, service: Object | Unread) -> str:
    """Where the gateway's Service is, by HTTPS when its process was given a certificate."""
    scheme = "https" if _told(deployments, _GATEWAY_CERTIFICATE) else "http"
    ports = [] if isinstance(service, Unread) else (service.get("spec") or {}).get("ports") or []
    port = ports[0].get("port") if ports else None
    return f"{scheme}://gateway.{namespace}.svc:{port or 8080}"


def _configured(deployments: Sequence[Object] | Unread) -> str | None:
    """The Prometheus that the operator's own processes are told to ask."""
    return _told(deployments, _PROMETHEUS_SETTING)


def _told(deployments: Sequence[Object] | Unread, setting: str) -> str | None:
    """The first value of an environment variable in any of the operator's Deployments."""
    for deployment in () if isinstance(deployments, Unread) else deployments:
        pod = ((deployment.get("spec") or {}).get("template") or {}).get("spec") or {}
        for container in pod.get("containers") or []:
            for variable in container.get("env") or []:
                if variable.get("name") == setting and variable.get("value"):
                    return str(variable["value"])
    return None
