"""The commands themselves: up, down, status, reload, load-image. Everything that is done is done by the other parts."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from e2e.cluster.parts import addons, controlplane, host, images, layout, monitoring, node, processes
from e2e.cluster.parts.layout import HERE, KUBECONFIG, STATE, ClusterError
from e2e.cluster.parts.progress import say, step
from tests.controlplane.pki import PkiError

_EXTRAS = ("alertmanager", "fake-nodes", "kube-state-metrics", "metrics-server", "prometheus", "python-image")
_MODULES = {
    "fake-nodes": "kwok",
    "kube-state-metrics": "kube-state-metrics",
    "metrics-server": "metrics-server",
    "prometheus": "prometheus",
}


def up(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="up", description="Bring up the cluster, or what is missing of it; print KUBECONFIG."
    )
    parser.add_argument("--with", dest="extras", default="", metavar="A,B", help=f"any of: {', '.join(_EXTRAS)}")
    parser.add_argument(
        "--monitoring-config", type=Path, metavar="DIR", help="alertmanager.yml and prometheus-rules/*.yaml"
    )
    parser.add_argument(
        "--disk", default="", metavar="SIZE", help="keep it all on a file system of this size: it can fill up"
    )
    options = parser.parse_args(arguments)
    extras = [extra for extra in options.extras.split(",") if extra]
    if unknown := set(extras) - set(_EXTRAS):
        parser.error(f"--with knows no {', '.join(sorted(unknown))}; it knows {', '.join(_EXTRAS)}")

    host.check()
    _build("kubernetes", "coredns", *[_MODULES[extra] for extra in extras if extra in _MODULES])
    host.prepare(monitoring="alertmanager" in extras, disk=options.disk)
    identities = controlplane.Identities()
    controlplane.start(identities)
    node.start_runtime()
    node.start(identities)
    addons.coredns()
    images.ensure(images.BUSYBOX)
    if {"prometheus", "alertmanager"} & set(extras) or options.monitoring_config:
        monitoring.use_config(options.monitoring_config)
    for extra, start in _starters(identities).items():
        if extra in extras:
            start()
    if options.monitoring_config:
        monitoring.reload()
    say("the cluster is up")
    print(KUBECONFIG)


def down(arguments: list[str]) -> None:
    argparse.ArgumentParser(prog="down", description="End the cluster and remove everything it left.").parse_args(
        arguments
    )
    if not STATE.exists():
        say("no cluster here")
        return
    with step("ending its processes"):
        for name in ("kubelet", "kube-proxy", *reversed(processes.names())):
            if name not in ("containerd", "kube-apiserver"):
                processes.stop(name)
    with step("ending its containers"):
        processes.stop("containerd")
        host.end_containers()
        processes.stop("kube-apiserver", hard=True)
    with step("undoing what it changed on the machine"):
        host.restore()
    say("the cluster is gone")


def status(arguments: list[str]) -> None:
    argparse.ArgumentParser(prog="status", description="What runs, and where.").parse_args(arguments)
    if not STATE.exists():
        raise ClusterError(f"no cluster here: `{HERE.relative_to(layout.ROOT)}/up` makes one")
    running = {name: processes.pid_of(name) for name in processes.names()}
    for name, pid in running.items():
        print(f"{name:24} {f'pid {pid}' if pid else 'NOT RUNNING':14} {processes.log_of(name)}")
    print(f"\n{'KUBECONFIG':24} {KUBECONFIG}")
    print(f"{'audit log':24} {layout.AUDIT_FOLDER / 'audit.log'}")
    for name, url in (
        ("API server", layout.APISERVER_URL),
        ("Prometheus", layout.PROMETHEUS_URL),
        ("Alertmanager", layout.ALERTMANAGER_URL),
    ):
        if name == "API server" or running.get(name.lower()):
            print(f"{name:24} {url}")
    if layout.MONITORING_CONFIG.is_symlink():
        print(f"{'monitoring config':24} {layout.MONITORING_CONFIG.readlink()}")
    if dead := [name for name, pid in running.items() if pid is None]:
        raise ClusterError(f"not running: {', '.join(dead)}; `up` starts what is missing")
    print(
        "\n" + controlplane.kubectl("get", "nodes") + "\n" + controlplane.kubectl("get", "pods", "--all-namespaces"),
        end="",
    )


def reload(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="reload", description="Make Prometheus and Alertmanager read their files again."
    )
    parser.add_argument("--monitoring-config", type=Path, metavar="DIR", help="take them from this folder from now on")
    options = parser.parse_args(arguments)
    if options.monitoring_config:
        monitoring.use_config(options.monitoring_config)
    monitoring.reload()


def load_image(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="load-image",
        description="Give the cluster an image: an archive, one that buildah has, or a Dockerfile to be built.",
    )
    parser.add_argument("image", help="an archive's path or an image's full name (with --build: the name it gets)")
    parser.add_argument(
        "--build", type=Path, metavar="CONTEXT", help="build this folder's Dockerfile first, from local base images"
    )
    parser.add_argument("--file", type=Path, metavar="DOCKERFILE", help="with --build: another Dockerfile")
    parser.add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE", help="with --build")
    parser.add_argument("--only-build", action="store_true", help="with --build: leave it to buildah, needs no cluster")
    options = parser.parse_args(arguments)
    if options.build:
        images.build(options.build, options.file, options.image, options.build_arg)
        if options.only_build:
            say(f"built {options.image}; `buildah images` lists it")
            return
        images.load_from_buildah(options.image)
    elif Path(options.image).is_file():
        images.load(Path(options.image))
    else:
        images.load_from_buildah(options.image)
    say("loaded; use it with imagePullPolicy: IfNotPresent")


def main(command: Callable[[list[str]], None]) -> int:
    """Run a command; errors that were foreseen become one message and exit code 1."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with _one_at_a_time() if command in (up, down) else contextlib.nullcontext():
            command(sys.argv[1:])
    except (ClusterError, PkiError) as error:
        print(f"{command.__name__.replace('_', '-')}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: `up` goes on from here, `down` removes what there is", file=sys.stderr)
        return 130
    return 0


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Wait while somebody else brings the cluster up or down."""
    lock = Path("/run/lock") / f"{STATE.name}.lock"
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting: another `up` or `down` is at work")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _starters(identities: controlplane.Identities) -> dict[str, Callable[[], None]]:
    return {
        "metrics-server": addons.metrics_server,
        "kube-state-metrics": addons.kube_state_metrics,
        "alertmanager": monitoring.start_alertmanager,
        "prometheus": lambda: monitoring.start_prometheus(identities),
        "fake-nodes": lambda: node.start_fake_nodes(identities),
        "python-image": lambda: images.ensure(images.PYTHON),
    }


def _build(*modules: str) -> None:
    with step(f"programs: {', '.join(modules)}"):
        if subprocess.run(
            [sys.executable, str(HERE / "binaries"), *modules], check=False, stdout=subprocess.DEVNULL
        ).returncode:
            raise ClusterError("the programs could not be built; the reason is above")
