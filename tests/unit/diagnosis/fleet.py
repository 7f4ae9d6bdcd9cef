"""A larger application of another make: Java services behind a gateway, settings in Secrets, one MySQL for all.

Nothing of its addresses can be read from the environment (they stand in Secrets), every log begins with the noise of
a start before its dependencies were there, and the database has one Service for reading and one for writing.
"""

from __future__ import annotations

from typing import Any

from incident_commander.evidence.evidence import Log
from incident_commander.evidence.routes import routes
from tests.unit.diagnosis.builders import NS, container, crash_looping, event, log, meta, service, waiting
from tests.unit.diagnosis.shop import Shop

SERVICES = ("ticket", "basket", "seat", "station", "wallet", "notify", "travel", "price")
GATEWAY, STORE, BROKER = "edge-gateway", "core-mysql", "queue-rabbitmq"

LINK_FAILURE = (
    "com.mysql.cj.jdbc.exceptions.CommunicationsException: Communications link failure",
    "The last packet sent successfully to the server was 0 milliseconds ago. "
    "The driver has not received any packets from the server.",
    "\tat com.mysql.cj.jdbc.exceptions.SQLError.createCommunicationsException(SQLError.java:165)",
    "Caused by: java.net.ConnectException: Connection refused",
)
_STARTING = (
    "2026-03-03 10:00:01.120  WARN 1 --- [main] client.config: no server reachable yet",
    "2026-03-03 10:00:02.331 ERROR 1 --- [main] hikari.pool.HikariPool: Exception during pool initialization.",
    *LINK_FAILURE,
    "2026-03-03 10:00:20.004  INFO 1 --- [main] hikari.HikariDataSource: HikariPool-1 - Start completed.",
    "2026-03-03 10:00:22.510  INFO 1 --- [main] tomcat.TomcatWebServer: Tomcat started on port(s): 8080",
)
_WORKING = tuple(
    f"2026-03-03 10:{n // 60:02}:{n % 60:02}.004  INFO 1 --- [nio-8080-exec-{n % 9}] controller: [list][Received {n}]"
    for n in range(120)
)


def at(line: str) -> str:
    """A line as Spring Boot writes it."""
    return f"2026-03-03 11:59:01.004 ERROR 1 --- [nio-8080-exec-3] {line}"


def java(name: str, port: int = 8080) -> dict[str, object]:
    """A container that has its settings from a Secret and is asked by TCP whether it is ready."""
    return container(
        name,
        f"harbor.example.org/fleet/{name}:1.0.0",
        ports=[{"containerPort": port, "protocol": "TCP"}],
        envFrom=[{"secretRef": {"name": f"{name}-settings"}}],
        readinessProbe={"tcpSocket": {"port": port}, "initialDelaySeconds": 60, "periodSeconds": 10},
    )


def fleet() -> Shop:
    """All of it in good health."""
    made = Shop()
    made.add(STORE, container("mysql", "harbor.example.org/library/mysql:8.4", ports=[{"containerPort": 3306}]), 3306)
    for part in ("leader", "follower"):
        name = f"{STORE}-{part}"
        made.services[name] = service(name, {"app": STORE}, port=3306, target=3306, clusterIP="None")
        made.endpoints[name] = (True,)
    made.add(
        BROKER, container("broker", "harbor.example.org/library/rabbitmq:3", ports=[{"containerPort": 5672}]), 5672
    )
    for n, name in enumerate((GATEWAY, *SERVICES)):
        made.add(f"fleet-{name}" if name != GATEWAY else name, java(name), 8080, on="node-a" if n % 2 else "node-b")
    for name, pod in made.pods.items():
        if name in (STORE, BROKER):
            continue
        made.logs.append(log(pod, *_STARTING, *_WORKING, container=pod["spec"]["containers"][0]["name"]))
    return made


def speaks(made: Shop, name: str, *lines: str, times: int = 6) -> None:
    """What a service says now, again and again, after its ordinary log."""
    pod = made.pods[name]
    own = next((n for n, entry in enumerate(made.logs) if entry.pod == pod["metadata"]["name"]), None)
    before = made.logs.pop(own).lines if own is not None else ()
    spec = pod["spec"]["containers"][0]["name"]
    made.logs.append(Log(NS, pod["metadata"]["name"], spec, False, (*before, *(lines * times))))


def crashes(made: Shop, name: str) -> None:
    """Its container ends with an error, again and again."""
    made.pods[name]["status"]["containerStatuses"] = [crash_looping(_container(made, name))]
    _unready(made, name)


def listens_no_more(made: Shop, name: str) -> None:
    """Its container runs, and nothing answers on its port."""
    made.pods[name]["status"]["containerStatuses"][0]["ready"] = False
    words = "Readiness probe failed: dial tcp 10.244.1.27:8080: connect: connection refused"
    made.more.append(event(made.pods[name], "Unhealthy", words, container=_container(made, name)))
    _unready(made, name)


def cannot_be_set_up(made: Shop, name: str, message: str) -> None:
    """The kubelet cannot make the container's environment."""
    status = waiting("CreateContainerConfigError", message, _container(made, name))
    made.pods[name]["status"] |= {"containerStatuses": [status], "phase": "Pending"}
    _unready(made, name)


def _unready(made: Shop, name: str) -> None:
    made.pods[name]["status"]["conditions"][1]["status"] = "False"
    made.deployments[name]["status"].update(readyReplicas=0, availableReplicas=0)
    made.endpoints[name] = (False,)


def scaled_to_zero(made: Shop, name: str) -> None:
    """Its pods are gone, and nobody wants them."""
    deployment = made.deployments[name]
    deployment["spec"]["replicas"] = 0
    deployment["status"] = {"observedGeneration": 1, "conditions": deployment["status"]["conditions"]}
    gone = made.pods.pop(name)["metadata"]["name"]
    made.endpoints[name] = ()
    made.logs[:] = [entry for entry in made.logs if entry.pod != gone]


def specified(made: Shop, name: str, **spec: Any) -> None:
    """Fields of its pod, and of its template."""
    made.pods[name]["spec"].update(spec)
    made.deployments[name]["spec"]["template"]["spec"].update(spec)


def has_env(made: Shop, name: str, **env: str) -> None:
    """More variables of its container."""
    for spec in (made.pods[name]["spec"], made.deployments[name]["spec"]["template"]["spec"]):
        variables = spec["containers"][0].setdefault("env", [])
        variables += [{"name": key, "value": value} for key, value in env.items()]


def routed_by(made: Shop, text: str, *, mounted: bool = True) -> None:
    """The gateway's routes in a ConfigMap, as the gatherer keeps them."""
    name = f"{GATEWAY}-routes"
    kept = "routes\n" + "\n".join(routes(text))
    made.more.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta(name), "data": {"routes": kept}})
    if mounted:
        specified(made, GATEWAY, volumes=[{"name": "routes", "configMap": {"name": name}}])
        return
    for spec in (made.pods[GATEWAY]["spec"], made.deployments[GATEWAY]["spec"]["template"]["spec"]):
        spec["containers"][0]["envFrom"].append({"configMapRef": {"name": name}})


def _container(made: Shop, name: str) -> str:
    found: str = made.pods[name]["spec"]["containers"][0]["name"]
    return found
