"""Real servers, each in a folder of its own, with an account ``app`` / ``right`` and few connections."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_for(port: int) -> None:
    for _ in range(200):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError(f"nothing listens on {port}")


class Server:
    """A process and where it listens; ``log`` is what it wrote."""

    def __init__(self, command: list[str], port: int, log: Path) -> None:
        self.port = port
        self.log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        atexit.register(self.stop)
        wait_for(port)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


def _as_nobody() -> list[str]:
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.getuid() == 0 else []


def postgres_command(data: Path, port: int) -> list[str]:
    options = ["max_connections=6", "superuser_reserved_connections=1", "unix_socket_directories=", "fsync=off"]
    options += ["deadlock_timeout=200ms", "lock_timeout=5s", "work_mem=64kB"]
    flags = [part for option in options for part in ("-c", option)]
    return [*_as_nobody(), "postgres", "-D", str(data), "-h", "127.0.0.1", "-p", str(port), *flags]


def postgres(folder: Path) -> Server | None:
    if shutil.which("postgres") is None:
        return None
    data = folder / "postgres"
    data.mkdir()
    if os.getuid() == 0:
        shutil.chown(data, "nobody", "nogroup")
    subprocess.run(
        [*_as_nobody(), "initdb", "-D", str(data), "-U", "postgres", "--no-sync"], check=True, capture_output=True
    )
    trusted = "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
    (data / "pg_hba.conf").write_text(trusted)
    port = free_port()
    return Server(postgres_command(data, port), port, folder / "postgres.log")


def redis(folder: Path, *options: str, name: str = "redis") -> Server | None:
    binary = shutil.which("redis-server") or shutil.which("redis-check-rdb")
    if binary is None:
        return None
    port = free_port()
    place = folder / name
    place.mkdir()
    server = place / "redis-server"  # the same program under each of its names
    server.symlink_to(binary)
    command = [str(server), "--port", str(port), "--dir", str(place), "--save", "", *options]
    return Server(command, port, folder / f"{name}.log")


def mariadb(folder: Path) -> Server | None:
    binary = shutil.which("mariadbd")
    if binary is None:
        return None
    data = folder / "mysql"
    data.mkdir()
    base = Path(binary).resolve().parent.parent
    common = ["--no-defaults", f"--datadir={data}", "--user=root", f"--lc-messages-dir={base}/share/mysql"]
    system = "".join(
        (base / "share/mysql" / part).read_text()
        for part in ("mysql_system_tables.sql", "mysql_system_tables_data.sql")
    )
    accounts = (
        "CREATE DATABASE shop;\nFLUSH PRIVILEGES;\nCREATE USER app@'127.0.0.1' IDENTIFIED BY 'right';\n"
        "GRANT ALL ON shop.* TO app@'127.0.0.1';\n"
    )
    first = "CREATE DATABASE IF NOT EXISTS mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\n"
    subprocess.run(
        [binary, *common, "--bootstrap", "--log-warnings=0"],
        input=(first + system + accounts).encode(),
        check=True,
        capture_output=True,
    )
    port = free_port()
    flags = [f"--port={port}", "--bind-address=127.0.0.1", f"--socket={data}/s", "--max-connections=4"]
    return Server([binary, *common, *flags, "--skip-name-resolve"], port, folder / "mysql.log")
