"""A Prometheus that knows nothing but which alerts fire: for tests that need the API, not the data. Simulation."""

from __future__ import annotations

import json
import re
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


class StubPrometheus:
    """Answers ``up`` with 1 and ``ALERTS`` with what is in ``firing``: (alertname, namespace, deployment).

    ``broken = True`` makes it answer 503, like a Prometheus that is starting.
    """

    def __init__(self) -> None:
        self.firing: set[tuple[str, str, str]] = set()
        self.broken = False
        self.asked: list[str] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urllib.parse.urlsplit(self.path)
                self._answer(dict(urllib.parse.parse_qsl(parts.query)).get("query", ""))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
                self._answer(dict(urllib.parse.parse_qsl(body)).get("query", ""))

            def _answer(self, query: str) -> None:
                stub.asked.append(query)
                result = {"resultType": "vector", "result": stub.result(query)}
                answer = {"status": "success", "data": result}
                body = json.dumps(answer).encode()
                self.send_response(503 if stub.broken else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name in the base class)
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="stub-prometheus", daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def result(self, query: str) -> list[dict[str, object]]:
        """The instant vector for a query."""
        now = time.time()
        if query.startswith("sum by (job) (up)"):
            return [{"metric": {"job": "kube-state-metrics"}, "value": [now, "1"]}]
        if not query.startswith("ALERTS"):
            return []
        asked = dict(re.findall(r'(\w+)="([^"]*)"', query))
        return [
            {
                "metric": {
                    "__name__": "ALERTS",
                    "alertname": alert,
                    "alertstate": "firing",
                    "namespace": namespace,
                    "deployment": deployment,
                },
                "value": [now, "1"],
            }
            for alert, namespace, deployment in sorted(self.firing)
            if asked.get("alertname") in (None, alert)
            and asked.get("namespace") in (None, namespace)
            and asked.get("deployment") in (None, deployment)
        ]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
