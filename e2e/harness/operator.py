"""The operator: nine processes with nine identities, here on this machine. As pods: ``harness.chart``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import aiohttp

from e2e.harness.identities import Identities
from e2e.harness.install import Installation
from e2e.harness.ports import free_port
from e2e.harness.processes import Program
from e2e.harness.waiting import NotYet, Teller, wait_for
from incident_commander.api.names import OPERATOR_NAMESPACE, ROLES

PROGRAMS = Path(sys.executable).parent
_READY_SECONDS = 90
"""Nine interpreters start at once, on two cores."""
_TIMEOUT = aiohttp.ClientTimeout(total=5)


class Operator(Protocol):
    """What scenarios and reports need of it, however it runs."""

    @property
    def gateway(self) -> str:
        """URL of the gateway, as Alertmanager reaches it."""
        ...

    @property
    def scraped(self) -> Sequence[str]:
        """Addresses that Prometheus is told to scrape; pods it finds itself."""
        ...

    @property
    def in_pods(self) -> bool:
        """Whether it runs in pods, of which there are figures from the kubelet."""
        ...

    async def start(self, say: Teller) -> None:
        """Start what does not run, and wait until all of it is ready."""
        ...

    async def kill(self, say: Teller) -> None:
        """SIGKILL all of it at once."""
        ...

    async def end(self) -> None:
        """End what was started."""
        ...

    async def alive(self) -> None:
        """Raises ``Failure`` when a part has ended by itself."""
        ...

    async def tails(self, lines: int) -> Mapping[str, str]:
        """The last lines of each component's log."""
        ...


@dataclass(frozen=True)
class Processes:
    """The processes, by component, and where each answers for its health."""

    programs: Mapping[str, Program]
    addresses: Mapping[str, str]

    @property
    def gateway(self) -> str:
        """URL of the gateway."""
        return f"http://{self.addresses['gateway']}"

    @property
    def scraped(self) -> Sequence[str]:
        """Each process."""
        return list(self.addresses.values())

    @property
    def in_pods(self) -> bool:
        """No."""
        return False

    async def start(self, say: Teller) -> None:
        """Start all of them and wait until each is ready."""
        await asyncio.gather(*(program.start() for program in self.programs.values()))
        say(f"started {len(self.programs)} processes: {', '.join(self.programs)}")
        await wait_for("all of them to be ready", self._ready, seconds=_READY_SECONDS, say=say)
        say("the operator is ready")

    async def kill(self, say: Teller) -> None:
        """SIGKILL all of them at once."""
        await asyncio.gather(*(program.kill() for program in self.programs.values()))
        say(f"killed {len(self.programs)} processes")

    async def end(self) -> None:
        """End all of them."""
        await asyncio.gather(*(program.end() for program in self.programs.values()))

    async def alive(self) -> None:
        """Raises ``Failure`` with the end of its log when one of them has ended by itself."""
        for program in self.programs.values():
            program.check()

    async def tails(self, lines: int) -> Mapping[str, str]:
        """The last lines of each component's log."""
        return {name: program.tail(lines) for name, program in self.programs.items()}

    async def _ready(self) -> None:
        await self.alive()
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
            answers = await asyncio.gather(*(_readyz(session, address) for address in self.addresses.values()))
        waiting = [f"{name} ({said})" for name, said in zip(self.addresses, answers, strict=True) if said]
        if waiting:
            raise NotYet(", ".join(waiting))


async def _readyz(session: aiohttp.ClientSession, address: str) -> str:
    """Why it is not ready, or the empty string."""
    try:
        async with session.get(f"http://{address}/readyz") as answer:
            return "" if answer.status == 200 else (await answer.text()).strip()[:60]
    except (aiohttp.ClientError, TimeoutError):
        return "no answer"


async def operator(identities: Identities, installation: Installation, logs: Path, prometheus: str) -> Processes:
    """Make an identity for each process; nothing is started yet."""
    components = ["gateway", "coordinator", "executor", *(f"agent-{role}" for role in ROLES)]
    addresses = {name: f"127.0.0.1:{free_port()}" for name in components}
    kubeconfigs = await asyncio.gather(*(identities.service_account(OPERATOR_NAMESPACE, name) for name in components))
    programs = {}
    for name, kubeconfig in zip(components, kubeconfigs, strict=True):
        environment = {
            "INCIDENT_COMMANDER_KUBECONFIG": str(kubeconfig),
            "INCIDENT_COMMANDER_NAMESPACE": OPERATOR_NAMESPACE,
            "INCIDENT_COMMANDER_PROMETHEUS_URL": prometheus,
            "INCIDENT_COMMANDER_GATEWAY_BIND" if name == "gateway" else "INCIDENT_COMMANDER_HEALTH_BIND": addresses[
                name
            ],
        }
        command = [str(PROGRAMS / "incident-commander"), name]
        if name.startswith("agent-"):
            role = name.removeprefix("agent-")
            command = [str(PROGRAMS / "incident-commander"), "agent", role]
            environment["INCIDENT_COMMANDER_KEY_FILE"] = str(installation.keys[role])
        programs[name] = Program(name, command, environment, logs / f"{name}.log")
    return Processes(programs, addresses)
