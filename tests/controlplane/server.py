"""A control plane of its own: etcd, kube-apiserver, kube-controller-manager as child processes on free ports."""

from __future__ import annotations

import contextlib
import http.client
import json
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.controlplane import commands, kubeconfig
from tests.controlplane.assets import Assets
from tests.controlplane.pki import Authority, KeyPair, service_account_keys

_READY_SECONDS = 60.0
_POLL_SECONDS = 0.1
_LOG_TAIL_LINES = 25
_TOKEN_SECONDS = 12 * 3600
# Reads a pipe that only we hold open: when we are gone, however that came, it ends what we started and our folder.
_WATCHDOG = """
read -r _
for file in "$1"/*.pid; do [ -e "$file" ] && kill -9 "$(cat "$file")" 2>/dev/null; done
sleep 0.1
rm -rf "$1"
"""


class ControlPlaneError(Exception):
    """The control plane did not start or is not running; the message ends with the log lines that tell why."""


class ApiError(Exception):
    """The API server answered with an error: `status` is the HTTP code, `reason` the API's own word (Conflict, …)."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason


class ControlPlane:
    """A real API server for tests. Use it as a context manager, or call `start` and `stop`.

    With `controller_manager=False`, or assets that have none, ServiceAccounts are not made for new namespaces, and the
    admission that would demand them is off. Everything is gone after `stop`, and also when our process is killed.
    """

    def __init__(
        self,
        assets: Assets,
        *,
        controller_manager: bool = True,
        apiserver_flags: Sequence[str] = (),
        controller_manager_flags: Sequence[str] = (),
    ) -> None:
        self.assets = assets
        self.has_controller_manager = controller_manager and assets.kube_controller_manager is not None
        self.ready_seconds = 0.0
        self._extra_apiserver_flags = list(apiserver_flags)
        self._extra_controller_manager_flags = list(controller_manager_flags)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._folder: Path | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # ---- what a test uses

    @property
    def folder(self) -> Path:
        """Where keys, logs and data are; raises ControlPlaneError when not started."""
        if self._folder is None:
            raise ControlPlaneError("the control plane is not started")
        return self._folder

    @property
    def url(self) -> str:
        """The API server's address; it stays the same over `restart_apiserver`."""
        return self._ports.url

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of an administrator (group system:masters)."""
        return self.folder / "admin.kubeconfig"

    @property
    def authority(self) -> Path:
        """The certificate that the API server's own is signed by."""
        return self._authority.certificate

    def kubeconfig_for(self, service_account: str) -> Path:
        """A kubeconfig with a fresh bound token of an existing ServiceAccount, written "namespace/name".

        Raises ApiError (reason NotFound) when there is no such ServiceAccount.
        """
        namespace, name = service_account.split("/")
        spec = {"expirationSeconds": _TOKEN_SECONDS}
        wish = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        answer = self.request("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token", wish)
        path = self.folder / "kubeconfigs" / f"{namespace}-{name}-{secrets.token_hex(3)}.kubeconfig"
        return kubeconfig.write(path, self.url, self.authority, answer["status"]["token"], namespace)

    def request(self, method: str, path: str, body: object = None, content_type: str = "application/json") -> Any:
        """Ask the API server something as the administrator: the decoded JSON (plain text where the answer is none).

        Raises ApiError when it answers with an error, OSError when it does not answer.
        """
        status, text = self._exchange(method, path, None if body is None else json.dumps(body), content_type)
        try:
            answer: Any = json.loads(text)
        except ValueError:
            answer = text
        if status >= 400:
            said = answer if isinstance(answer, dict) else {"reason": "Unknown", "message": text}
            raise ApiError(status, said.get("reason", "Unknown"), said.get("message", ""))
        return answer

    def audit_position(self) -> int:
        """The present end of the audit log, to be given to `audit_entries` later."""
        self._settle_audit_log()
        return self._audit_log.stat().st_size

    def audit_entries(self, since: int = 0) -> Iterator[dict[str, Any]]:
        """Every request answered since that position, each once: verb, user, objectRef, responseStatus, no bodies."""
        self._settle_audit_log()
        with self._audit_log.open("rb") as log:
            log.seek(since)
            for line in log:
                if line.endswith(b"\n") and b"/version?audit-settled=" not in line:
                    yield json.loads(line)

    # ---- life

    def start(self) -> Self:
        """Start everything and wait until it is ready (≈ 5 s); raises ControlPlaneError, and leaves nothing."""
        started = time.monotonic()
        self._folder = Path(tempfile.mkdtemp(prefix="incident-commander-controlplane-"))
        self._watchdog = subprocess.Popen(
            ["sh", "-c", _WATCHDOG, "watchdog", str(self._folder)], stdin=subprocess.PIPE, start_new_session=True
        )
        try:
            self._prepare()
            self._start_etcd()
            self._start_apiserver()
            if self.has_controller_manager:
                self._start_controller_manager()
        except BaseException:
            self.stop()
            raise
        self.ready_seconds = time.monotonic() - started
        return self

    def stop(self) -> None:
        """End every process that was started here, and remove the folder. Nothing is kept, so nothing is asked."""
        for name in ("kube-controller-manager", "etcd", "kube-apiserver"):
            self._kill(name)
        if self._watchdog is not None:
            assert self._watchdog.stdin is not None
            self._watchdog.stdin.close()
            self._watchdog.wait()
            self._watchdog = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def restart_apiserver(self) -> None:
        """Kill the API server as a crash would, and start it again: same port, same data. Returns when it is ready."""
        self.stop_apiserver()
        self._start_apiserver()

    def stop_apiserver(self) -> None:
        """Kill the API server as a crash would. `restart_apiserver` brings it back."""
        self._kill("kube-apiserver")

    def log(self, name: str) -> Path:
        """The log of "etcd", "kube-apiserver" or "kube-controller-manager"."""
        return self.folder / f"{name}.log"

    # ---- how

    @property
    def _audit_log(self) -> Path:
        return self.folder / "audit" / "audit.log"

    def _prepare(self) -> None:
        self._ports = commands.Ports(*_free_ports(4))
        keys = self.folder / "pki"
        self._authority = Authority(keys)
        self._tokens = service_account_keys(keys)
        names = ["IP:127.0.0.1", "DNS:localhost", "DNS:kubernetes.default.svc"]
        self._serving = self._authority.issue("apiserver", "kube-apiserver", alternative_names=names)
        self._admin = self._authority.issue("admin", "incident-commander-tests", ["system:masters"])
        self._tls = ssl.create_default_context(cafile=str(self.authority))
        self._tls.load_cert_chain(self._admin.certificate, self._admin.key)
        self._kubeconfig("admin", self._admin)

    def _kubeconfig(self, name: str, user: KeyPair) -> Path:
        return kubeconfig.write(self.folder / f"{name}.kubeconfig", self.url, self.authority, user)

    def _start_etcd(self) -> None:
        self._spawn("etcd", commands.etcd(self.assets.etcd, self.folder / "etcd", self._ports))
        self._wait("etcd", lambda: _http_ok(f"http://127.0.0.1:{self._ports.etcd}/health"))

    def _start_apiserver(self) -> None:
        command = commands.apiserver(
            self.assets.kube_apiserver, self._ports, self.authority, self._serving, self._tokens, self.folder / "audit"
        )
        command += ["--bind-address=127.0.0.1", "--endpoint-reconciler-type=none"]
        command += ["--service-cluster-ip-range=10.96.0.0/16"]
        if not self.has_controller_manager:
            command += ["--disable-admission-plugins=ServiceAccount"]
        self._spawn("kube-apiserver", command + self._extra_apiserver_flags)
        self._wait("kube-apiserver", lambda: self._exchange("GET", "/readyz")[0] == 200)

    def _start_controller_manager(self) -> None:
        assert self.assets.kube_controller_manager is not None
        user = self._authority.issue("controller-manager", "system:kube-controller-manager")
        command = commands.controller_manager(
            self.assets.kube_controller_manager,
            self._ports,
            self._kubeconfig("controller-manager", user),
            self._authority.pair,
            self._tokens,
            self.folder / "controller-manager",
        )
        self._spawn("kube-controller-manager", command + self._extra_controller_manager_flags)
        self._wait("kube-controller-manager", self._has_default_service_account)

    def _has_default_service_account(self) -> bool:
        return self._exchange("GET", "/api/v1/namespaces/default/serviceaccounts/default")[0] == 200

    def _spawn(self, name: str, command: list[str]) -> None:
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self._processes[name] = process
        (self.folder / f"{name}.pid").write_text(str(process.pid))

    def _kill(self, name: str) -> None:
        process = self._processes.pop(name, None)
        if process is not None:
            process.send_signal(signal.SIGKILL)
            process.wait()
            (self.folder / f"{name}.pid").unlink(missing_ok=True)

    def _wait(self, name: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            if (code := self._processes[name].poll()) is not None:
                raise ControlPlaneError(f"{name} ended with {code} instead of becoming ready:\n{self._tail(name)}")
            with contextlib.suppress(OSError, http.client.HTTPException):
                if ready():
                    return
            if time.monotonic() > deadline:
                raise ControlPlaneError(f"{name} was not ready within {_READY_SECONDS:.0f} s:\n{self._tail(name)}")
            time.sleep(_POLL_SECONDS)

    def _tail(self, name: str) -> str:
        lines = self.log(name).read_text(errors="replace").splitlines()
        return "\n".join(f"    {line[:400]}" for line in lines[-_LOG_TAIL_LINES:]) or "    (its log is empty)"

    def _exchange(
        self, method: str, path: str, body: str | None = None, content_type: str = "application/json"
    ) -> tuple[int, str]:
        connection = http.client.HTTPSConnection("127.0.0.1", self._ports.apiserver, timeout=30, context=self._tls)
        with contextlib.closing(connection):
            connection.request(method, path, body, {"Content-Type": content_type, "Accept": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def _settle_audit_log(self) -> None:
        """An entry is written just after the answer is sent: ask for something, and wait until that is in the log."""
        if "kube-apiserver" not in self._processes:
            return
        marker = f"/version?audit-settled={secrets.token_hex(8)}"
        end = self._audit_log.stat().st_size
        self._exchange("GET", marker)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            with self._audit_log.open("rb") as log:
                log.seek(end)
                if marker.encode() in log.read():
                    return
            time.sleep(0.01)
        raise ControlPlaneError(f"the audit log does not move any more: {self._audit_log}")


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _http_ok(url: str) -> bool:
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    with contextlib.closing(connection):
        connection.request("GET", parts.path)
        return connection.getresponse().status == 200
