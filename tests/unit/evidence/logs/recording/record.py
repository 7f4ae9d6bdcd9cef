"""Make real clients fail, and write down what they say: failures.json beside this file. See README.md."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import servers  # noqa: E402

REFUSING = 18999
Records = dict[str, dict[str, Any]]


class Recorder:
    """By scenario: ``writer kind dependency`` and the lines that were written."""

    def __init__(self) -> None:
        self.records: Records = {}

    def put(self, scenario: str, text: str) -> None:
        writer, kind, dependency = scenario.split(" ")
        lines = [_without_paths(line) for line in text.splitlines()]
        self.records[f"{writer} {kind}"] = {
            "kind": kind,
            "dependency": "" if dependency == "-" else dependency,
            "lines": lines,
        }

    def fails(self, scenario: str, work: Callable[[], Any]) -> None:
        try:
            work()
        except Exception as error:
            self.put(scenario, "".join(traceback.format_exception_only(error)))
        else:
            print(f"did not fail: {scenario}", file=sys.stderr)

    def told(self, output: str) -> None:
        """Lines ``SCENARIO<TAB>text`` of a program of another language."""
        for line in output.splitlines():
            scenario, _, text = line.partition("\t")
            self.put(scenario, text.replace("\\n", "\n"))


def _without_paths(line: str) -> str:
    """Without the recording machine's paths and name servers."""
    line = re.sub(r" on [0-9.]+:53\b", " on 10.96.0.10:53", line)
    return line.replace(str(HERE), "/app").replace(tempfile.gettempdir(), "/tmp")


@contextlib.contextmanager
def silent() -> Iterator[int]:
    """Listens, and never answers."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen(8)
        yield one.getsockname()[1]


class _Unavailable(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@contextlib.contextmanager
def web(certificate: Path | None = None, key: Path | None = None) -> Iterator[int]:
    """Answers 503, over TLS with a certificate that nobody trusts when one is given."""
    server = HTTPServer(("127.0.0.1", 0), _Unavailable)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()


def http_clients(record: Recorder, certificate: Path, key: Path) -> None:
    import urllib.request

    import aiohttp
    import httpx
    import requests

    async def aio(url: str, seconds: float = 0.5) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=seconds)) as session:
            async with session.get(url) as answer:
                answer.raise_for_status()

    gets: dict[str, Callable[[str], Any]] = {
        "python/requests": lambda url: requests.get(url, timeout=0.5).raise_for_status(),
        "python/httpx": lambda url: httpx.get(url, timeout=0.5).raise_for_status(),
        "python/aiohttp": lambda url: asyncio.run(aio(url)),
        "python/urllib": lambda url: urllib.request.urlopen(url, timeout=0.5),
    }
    named = {"python/requests", "python/aiohttp"}
    with silent() as quiet, web() as plain, web(certificate, key) as secure:
        for writer, get in gets.items():
            refused = f"127.0.0.1:{REFUSING}" if writer in named else "-"
            unknown = "inventory.shop.invalid:8080" if writer in named else "-"
            record.fails(f"{writer} refused {refused}", lambda get=get: get(f"http://127.0.0.1:{REFUSING}/stock"))
            record.fails(f"{writer} dns {unknown}", lambda get=get: get("http://inventory.shop.invalid:8080/stock"))
            record.fails(
                f"{writer} timeout {f'127.0.0.1:{quiet}' if writer == 'python/requests' else '-'}",
                lambda get=get: get(f"http://127.0.0.1:{quiet}/"),
            )
            record.fails(
                f"{writer} tls {f'127.0.0.1:{secure}' if writer in named else '-'}",
                lambda get=get: get(f"https://127.0.0.1:{secure}/"),
            )
            shown = "-" if writer == "python/urllib" else f"127.0.0.1:{plain}"
            record.fails(f"{writer} upstream-5xx {shown}", lambda get=get: get(f"http://127.0.0.1:{plain}/stock"))


def operating_system(record: Recorder) -> None:
    with silent() as taken:
        record.fails("python/socket in-use -", lambda: socket.socket().bind(("127.0.0.1", taken)))
    record.fails("python/file disk-full -", lambda: os.write(os.open("/dev/full", os.O_WRONLY), b"x"))
    denied = "import os; os.setuid(65534); open('/etc/shadow')"
    done = subprocess.run([sys.executable, "-c", denied], capture_output=True, text=True)
    record.put("python/file permission-denied -", done.stderr.splitlines()[-1])
    hungry = "import resource as r; r.setrlimit(r.RLIMIT_AS, (1 << 28,) * 2); bytearray(1 << 30)"
    done = subprocess.run([sys.executable, "-c", hungry], capture_output=True, text=True)
    record.put("python/heap out-of-memory -", done.stderr.splitlines()[-1])
    done = subprocess.run(
        ["node", "--max-old-space-size=16", "-e", "const a=[];for(;;)a.push(new Array(1e5).fill(1.5))"],
        capture_output=True,
        text=True,
    )
    record.put("node/heap out-of-memory -", next(x for x in done.stderr.splitlines() if "FATAL" in x))


def postgres(record: Recorder, folder: Path) -> int | None:
    import psycopg

    connect = psycopg.connect
    record.fails(f"python/psycopg refused 127.0.0.1:{REFUSING}", lambda: connect(host="127.0.0.1", port=REFUSING))
    record.fails("python/psycopg dns orders-db.shop.invalid", lambda: connect(host="orders-db.shop.invalid", port=5432))
    server = servers.postgres(folder)
    if server is None:
        return None
    at: dict[str, Any] = {"host": "127.0.0.1", "port": server.port}
    admin = _once_it_is_up(lambda: connect(**at, user="postgres", dbname="postgres", autocommit=True))
    for statement in (
        "CREATE ROLE app LOGIN PASSWORD 'right'",
        "CREATE DATABASE shop OWNER app",
        "CREATE TABLE secret (id int)",
        "ALTER ROLE app SET temp_file_limit = '1MB'",
    ):
        admin.execute(statement)
    app: dict[str, Any] = {**at, "user": "app", "password": "right", "dbname": "shop"}
    place = f"127.0.0.1:{server.port}"
    record.fails(f"python/psycopg auth {place}", lambda: connect(**{**app, "password": "wrong"}))
    record.fails(f"python/psycopg tls {place}", lambda: connect(**app, sslmode="require"))
    one, two = connect(**app), connect(**app)
    one.execute("CREATE TABLE stock (id int PRIMARY KEY, n int)")
    one.execute("INSERT INTO stock VALUES (1, 1), (2, 2)")
    one.commit()
    _deadlock(record, one, two)
    two.rollback()
    one.rollback()
    one.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
    one.commit()
    record.fails("python/psycopg read-only -", lambda: one.execute("INSERT INTO stock VALUES (3, 3)"))
    two.execute("SET statement_timeout = 50")
    record.fails("python/psycopg timeout -", lambda: two.execute("SELECT pg_sleep(2)"))
    two.rollback()
    with connect(**{**app, "dbname": "postgres"}) as other:
        record.fails("python/psycopg permission-denied -", lambda: other.execute("SELECT * FROM secret"))
    record.fails(
        "python/psycopg-temp disk-full -",
        lambda: two.execute("SELECT * FROM generate_series(1, 1000000) a ORDER BY random()"),
    )
    two.rollback()
    _full_tablespace(record, admin, folder)
    held = []
    with contextlib.suppress(Exception):
        while True:
            held.append(connect(**app))
    record.fails(f"python/psycopg too-many-connections {place}", lambda: connect(**app))
    for connection in held:
        connection.close()
    pid = one.info.backend_pid
    admin.execute("SELECT pg_terminate_backend(%s)", (pid,))
    record.fails("python/psycopg disconnected -", lambda: one.execute("SELECT 1"))
    _postgres_log(record, server)
    second = folder / "second"
    done = subprocess.run(servers.postgres_command(folder / "postgres", server.port), capture_output=True, text=True)
    record.put("postgres/second none -", done.stderr.splitlines()[0])
    second.mkdir()
    if os.getuid() == 0:
        import shutil

        shutil.chown(second, "nobody", "nogroup")
    subprocess.run(
        [*servers._as_nobody(), "initdb", "-D", str(second), "-U", "postgres", "--no-sync"],
        check=True,
        capture_output=True,
    )
    done = subprocess.run(servers.postgres_command(second, server.port), capture_output=True, text=True)
    record.put("postgres/log in-use -", "\n".join(done.stderr.splitlines()))
    return server.port


def _once_it_is_up(connect: Callable[[], Any]) -> Any:
    for _ in range(50):
        try:
            return connect()
        except Exception:
            time.sleep(0.1)
    return connect()


def _deadlock(record: Recorder, one: Any, two: Any) -> None:
    one.execute("UPDATE stock SET n = 5 WHERE id = 1")
    two.execute("UPDATE stock SET n = 5 WHERE id = 2")
    said: list[Exception] = []

    def other() -> None:
        try:
            one.execute("UPDATE stock SET n = 6 WHERE id = 2")
        except Exception as error:
            said.append(error)

    thread = threading.Thread(target=other)
    thread.start()
    try:
        two.execute("UPDATE stock SET n = 6 WHERE id = 1")
    except Exception as error:
        said.append(error)
    two.rollback()
    thread.join()
    record.put("python/psycopg deadlock -", "".join(traceback.format_exception_only(said[0])))


def _full_tablespace(record: Recorder, admin: Any, folder: Path) -> None:
    """On a file system of one mebibyte; needs root."""
    if os.getuid() != 0:
        return
    import shutil

    small = folder / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)], check=False, capture_output=True)
    if not os.path.ismount(small):
        return
    try:
        shutil.chown(small, "nobody", "nogroup")
        admin.execute(f"CREATE TABLESPACE small LOCATION '{small}'")
        admin.execute("CREATE TABLE big (t text) TABLESPACE small")
        record.fails(
            "python/psycopg disk-full -",
            lambda: admin.execute("INSERT INTO big SELECT repeat(random()::text, 50) FROM generate_series(1, 100000)"),
        )
        admin.execute("DROP TABLE big")
        admin.execute("DROP TABLESPACE small")
    finally:
        subprocess.run(["umount", str(small)], check=False)


def _postgres_log(record: Recorder, server: servers.Server) -> None:
    lines = server.log.read_text().splitlines()
    for kind, words in (
        ("auth", "password authentication failed"),
        ("too-many-connections", "connection slots"),
        ("deadlock", "deadlock detected"),
        ("disk-full", "could not extend"),
        ("read-only", "read-only transaction"),
        ("permission-denied", "permission denied for table"),
    ):
        found = next((place for place, line in enumerate(lines) if words in line), None)
        if found is not None:
            record.put(f"postgres/log {kind} -", "\n".join(lines[found : found + 2]))


def redis(record: Recorder, folder: Path) -> int | None:
    import redis as client

    def get(port: int, **options: Any) -> Any:
        return client.Redis(host="127.0.0.1", port=port, **options).set("k", "v")

    record.fails(f"python/redis refused 127.0.0.1:{REFUSING}", lambda: get(REFUSING))
    record.fails("python/redis dns cache.shop.invalid:6379", lambda: client.Redis(host="cache.shop.invalid").get("k"))
    with silent() as quiet:
        record.fails("python/redis timeout -", lambda: get(quiet, socket_timeout=0.2))
    guarded = servers.redis(folder, "--requirepass", "right", name="guarded")
    if guarded is None:
        return None
    record.fails("python/redis auth -", lambda: get(guarded.port))
    record.fails("python/redis-wrong auth -", lambda: get(guarded.port, password="wrong"))
    replica = servers.redis(folder, "--replicaof", "127.0.0.1", str(REFUSING), name="replica")
    small = servers.redis(folder, "--maxmemory", "1", "--maxclients", "1", name="tiny")
    assert replica is not None
    assert small is not None
    record.fails("python/redis read-only -", lambda: get(replica.port))
    holding = client.Redis(host="127.0.0.1", port=small.port)
    record.fails("python/redis out-of-memory -", lambda: holding.set("k", "v"))
    record.fails("python/redis too-many-connections -", lambda: get(small.port))
    found = [x for x in replica.log.read_text().splitlines() if "rror condition" in x or "refused" in x]
    if found:
        record.put("redis/log refused -", found[0])
    for one in (replica, small):
        one.stop()
    return guarded.port


def mysql(record: Recorder, folder: Path) -> int | None:
    import pymysql

    record.fails("python/pymysql refused 127.0.0.1", lambda: pymysql.connect(host="127.0.0.1", port=REFUSING))
    server = servers.mariadb(folder)
    if server is None:
        return None
    at: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": server.port,
        "user": "app",
        "database": "shop",
        "autocommit": False,
    }
    record.fails("python/pymysql auth -", lambda: pymysql.connect(**at, password="wrong"))
    one, two = pymysql.connect(**at, password="right"), pymysql.connect(**at, password="right")

    def run(connection: Any, statement: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    run(one, "CREATE TABLE stock (id int PRIMARY KEY, n int) ENGINE=InnoDB")
    run(one, "INSERT INTO stock VALUES (1, 1), (2, 2)")
    one.commit()

    class _Cursorless:
        def __init__(self, connection: Any) -> None:
            self.connection = connection

        def execute(self, statement: str) -> None:
            run(self.connection, statement)

        def rollback(self) -> None:
            self.connection.rollback()

    deadlock = Recorder()
    _deadlock(deadlock, _Cursorless(one), _Cursorless(two))
    record.put("python/pymysql deadlock -", deadlock.records["python/psycopg deadlock"]["lines"][0])
    one.rollback()
    run(two, "SET innodb_lock_wait_timeout = 1")
    run(one, "UPDATE stock SET n = 9 WHERE id = 1")
    record.fails("python/pymysql locked -", lambda: run(two, "UPDATE stock SET n = 8 WHERE id = 1"))
    one.rollback()
    run(one, "SET SESSION TRANSACTION READ ONLY")
    record.fails("python/pymysql read-only -", lambda: run(one, "INSERT INTO stock VALUES (9, 9)"))
    record.fails("python/pymysql permission-denied -", lambda: run(one, "SELECT * FROM mysql.user"))
    held = [one, two]
    with contextlib.suppress(Exception):
        while True:
            held.append(pymysql.connect(**at, password="right"))
    record.fails("python/pymysql too-many-connections -", lambda: pymysql.connect(**at, password="right"))
    for connection in held:
        connection.close()
    return server.port


def brokers(record: Recorder) -> None:
    import kafka
    import pika
    import pymongo

    record.fails(
        f"python/pymongo refused 127.0.0.1:{REFUSING}",
        lambda: pymongo.MongoClient("127.0.0.1", REFUSING, serverSelectionTimeoutMS=300).shop.stock.find_one(),
    )
    record.fails(
        "python/pika refused -", lambda: pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", REFUSING))
    )
    script = (
        "import logging, kafka; logging.basicConfig(level='WARNING')\n"
        f"try: kafka.KafkaProducer(bootstrap_servers='127.0.0.1:{REFUSING}', bootstrap_timeout_ms=500, "
        "max_block_ms=300).send('t', b'x')\n"
        "except Exception as e: logging.error('%s: %s', type(e).__name__, e)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    lines = [x for x in done.stderr.splitlines() if "refused" in x.lower() or "NoBrokers" in x or "Timeout" in x]
    if lines:
        record.put("python/kafka refused -", lines[0])
    script = "import pika, logging; logging.basicConfig(level='INFO')\n"
    script += f"pika.BlockingConnection(pika.ConnectionParameters('127.0.0.1', {REFUSING}, connection_attempts=1))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    lines = [x for x in done.stderr.splitlines() if "refused" in x.lower()]
    if lines:
        record.put("python/pika-log refused -", lines[0])
    assert kafka is not None


def grpc_calls(record: Recorder) -> None:
    from concurrent.futures import ThreadPoolExecutor

    import grpc

    class Answering(grpc.GenericRpcHandler):
        def service(self, details: Any) -> Any:
            code = getattr(grpc.StatusCode, details.method.rsplit("/", 1)[1].upper())

            def answer(_: Any, context: Any) -> Any:
                context.abort(code, "refused by the service itself")

            return grpc.unary_unary_rpc_method_handler(answer)

    server = grpc.server(ThreadPoolExecutor(2), handlers=[Answering()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()

    def call(where: str, method: str) -> None:
        with grpc.insecure_channel(where) as channel:
            channel.unary_unary(f"/shop.Stock/{method}")(b"", timeout=1)

    def said(scenario: str, where: str, method: str) -> None:
        try:
            call(where, method)
        except grpc.RpcError as error:
            record.put(scenario, str(error))

    said(f"python/grpc refused 127.0.0.1:{REFUSING}", f"127.0.0.1:{REFUSING}", "x")
    said("python/grpc auth -", f"127.0.0.1:{port}", "unauthenticated")
    said("python/grpc permission-denied -", f"127.0.0.1:{port}", "permission_denied")
    said("python/grpc overloaded -", f"127.0.0.1:{port}", "resource_exhausted")
    said("python/grpc unavailable -", f"127.0.0.1:{port}", "unavailable")
    with silent() as quiet:
        said("python/grpc timeout -", f"127.0.0.1:{quiet}", "x")
    server.stop(None)


def other_languages(record: Recorder, environment: dict[str, str]) -> None:
    full = {**os.environ, **environment}
    with tempfile.TemporaryDirectory() as folder:
        import shutil

        for name, command, prepare in (
            ("go", ["go", "run", "-mod=mod", "."], None),
            ("node", ["node", "main.mjs"], ["npm", "install", "--silent", "--no-audit", "--no-fund"]),
            ("java", ["java", "-Xmx64m", "Failures.java"], None),
        ):
            if shutil.which(command[0]) is None:
                print(f"no {command[0]}: its records stay as they are", file=sys.stderr)
                continue
            place = Path(folder) / name
            shutil.copytree(HERE / name, place)
            if prepare:
                subprocess.run(prepare, cwd=place, check=True, capture_output=True)
            if name == "go":
                subprocess.run(["go", "mod", "tidy"], cwd=place, check=True, capture_output=True)
            done = subprocess.run(command, cwd=place, env=full, capture_output=True, text=True, timeout=300)
            if done.returncode:
                print(done.stderr[-2000:], file=sys.stderr)
            record.told(done.stdout)


def main() -> None:
    record = Recorder()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        certificate, key = folder / "cert.pem", folder / "key.pem"
        made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=shop"]
        subprocess.run([*made, "-out", str(certificate), "-keyout", str(key)], check=True, capture_output=True)
        http_clients(record, certificate, key)
        operating_system(record)
        brokers(record)
        grpc_calls(record)
        ports = {
            "POSTGRES_PORT": postgres(record, folder),
            "REDIS_PORT": redis(record, folder),
            "MYSQL_PORT": mysql(record, folder),
        }
        environment = {key_: str(port) for key_, port in ports.items() if port is not None}
        other_languages(record, {**environment, "CERTIFICATE": str(certificate), "KEY": str(key)})
        out = HERE / "failures.json"
        before: Records = json.loads(out.read_text()) if out.exists() else {}
        out.write_text(json.dumps({**before, **record.records}, indent=1, sort_keys=True) + "\n")
        print(f"{len(record.records)} recorded, {len(before)} were there before")


if __name__ == "__main__":
    main()
