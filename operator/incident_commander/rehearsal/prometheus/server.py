"""The Prometheus of the rehearsal: scrapes, rules, and ``ports.Metrics``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from incident_commander import errors
from incident_commander.ports import Query, Series
from incident_commander.rehearsal.clock import VirtualClock
from incident_commander.rehearsal.faults import Call, Faults
from incident_commander.rehearsal.kubelet.kubelet import Kubelet
from incident_commander.rehearsal.prometheus.alertmanager import Alertmanager
from incident_commander.rehearsal.prometheus.evaluator import Evaluator, Vector
from incident_commander.rehearsal.prometheus.exporters import Exported, applications, cadvisor, kube_state_metrics
from incident_commander.rehearsal.prometheus.rules import Rule, RuleState
from incident_commander.rehearsal.prometheus.syntax import Node, PromQLError, parse
from incident_commander.rehearsal.prometheus.tsdb import Tsdb
from incident_commander.rehearsal.store import Store

_TIMEOUT_SECONDS = 10.0
"""After which a client gives up on a slow answer."""


class Prometheus:
    """Scrapes and evaluates every ``interval_seconds`` of virtual time, once started."""

    def __init__(
        self,
        clock: VirtualClock,
        store: Store,
        kubelet: Kubelet,
        alertmanager: Alertmanager,
        *,
        interval_seconds: float = 15.0,
    ) -> None:
        self._clock = clock
        self._store = store
        self._kubelet = kubelet
        self._alertmanager = alertmanager
        self._interval = interval_seconds
        self._rules: list[RuleState] = []
        self._trees: dict[str, Node] = {}
        self.tsdb = Tsdb()
        self._evaluator = Evaluator(self.tsdb)
        self.down_jobs: set[str] = set()
        """Scrape jobs that fail now."""

    def start(self, rules: Sequence[Rule]) -> None:
        """Load the rules and begin."""
        self._rules = [RuleState.of(rule) for rule in rules]
        self._clock.after(self._interval, self._tick)

    def _tick(self) -> None:
        self._scrape()
        self._evaluate()
        self._clock.after(self._interval, self._tick)

    def _scrape(self) -> None:
        moment = self._clock.now().timestamp()
        sources: dict[str, Callable[[], Iterable[Exported]]] = {
            "kubelet": lambda: cadvisor(self._kubelet),
            "kube-state-metrics": lambda: kube_state_metrics(self._store),
            "applications": lambda: applications(self._kubelet),
        }
        for job, source in sources.items():
            up = job not in self.down_jobs
            self.tsdb.append(f"up/{job}", moment, [("up", {"job": job, "instance": f"{job}:8080"}, float(up))])
            self.tsdb.append(job, moment, source() if up else ())

    def _evaluate(self) -> None:
        now = self._clock.now()
        tell, samples = [], []
        for state in self._rules:
            tell += state.evaluate(self._evaluator, now)
            for alert in state.active.values():
                firing = alert.fired_at is not None
                labels = {**alert.labels, "alertstate": "firing" if firing else "pending"}
                samples.append(("ALERTS", labels, 1.0))
                if firing:
                    tell.append(alert)
        self.tsdb.append("rules", now.timestamp(), samples)
        self._alertmanager.receive(tell)

    def evaluate(self, promql: str, at: datetime) -> Vector:
        """The instant vector of an expression. Raises ``PromQLError``."""
        tree = self._trees.get(promql)
        if tree is None:
            tree = self._trees[promql] = parse(promql)
        return self._evaluator.vector(tree, at.timestamp())


class RehearsedMetrics:
    """``ports.Metrics`` over that Prometheus, as one identity uses it; may be slow or down."""

    def __init__(self, prometheus: Prometheus, clock: VirtualClock, faults: Faults, user: str) -> None:
        self._prometheus = prometheus
        self._clock = clock
        self._faults = faults
        self._user = user

    async def query(self, query: Query, at: datetime) -> list[Series]:
        """See ``ports.Metrics``."""
        await self._ask(query)
        return [Series(s.labels, [(at.timestamp(), s.value)]) for s in self._evaluate(query, at)]

    async def query_range(self, query: Query, start: datetime, end: datetime, step_seconds: int) -> list[Series]:
        """See ``ports.Metrics``."""
        await self._ask(query)
        series: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
        moment, last = start.timestamp(), end.timestamp()
        while moment <= last:
            at = datetime.fromtimestamp(moment, start.tzinfo)
            for sample in self._evaluate(query, at):
                series.setdefault(tuple(sorted(sample.labels.items())), []).append((moment, sample.value))
            moment += step_seconds
        return [Series(dict(key), points) for key, points in series.items()]

    async def _ask(self, query: Query) -> None:
        latency = self._faults.metrics_latency_seconds
        await self._clock.sleep(min(latency, _TIMEOUT_SECONDS))
        if latency >= _TIMEOUT_SECONDS:
            raise errors.MetricsUnavailable(f"query {query.name}: no answer within {_TIMEOUT_SECONDS:.0f} s")
        later = self._faults.strike(Call(self._user, "query", "prometheus", None, query.name))
        if later is not None:
            raise later

    def _evaluate(self, query: Query, at: datetime) -> Vector:
        try:
            return self._prometheus.evaluate(query.promql, at)
        except PromQLError as error:
            raise errors.MetricsUnavailable(f"query {query.name}: bad_data: {error}") from error
