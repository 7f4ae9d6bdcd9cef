"""`python -m tests.controlplane assets | up`: get the programs of a control plane, or run one until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys

from tests.controlplane.assets import Assets, find_or_build
from tests.controlplane.pki import PkiError
from tests.controlplane.server import ControlPlane, ControlPlaneError


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.controlplane", description="A real Kubernetes API server for tests."
    )
    what = parser.add_subparsers(dest="what", required=True)
    what.add_parser("assets", help="find the programs, or build them once, and say where they are")
    up = what.add_parser("up", help="start a control plane, print its KUBECONFIG, run until Ctrl-C")
    up.add_argument(
        "--no-controller-manager", action="store_true", help="an API server only: no Pods are made of Deployments"
    )
    options = parser.parse_args(arguments)

    assets = find_or_build(progress=lambda line: print(line, file=sys.stderr, flush=True))
    if not isinstance(assets, Assets):
        print(f"no control plane here: {assets}", file=sys.stderr)
        return 1
    if options.what == "assets":
        print(f"etcd                     {assets.etcd}")
        print(f"kube-apiserver           {assets.kube_apiserver}")
        print(f"kube-controller-manager  {assets.kube_controller_manager or 'none: no Pods are made of Deployments'}")
        print(f"kubectl                  {assets.kubectl or 'none'}")
        return 0
    return run(assets, controller_manager=not options.no_controller_manager)


def run(assets: Assets, *, controller_manager: bool) -> int:
    """Keep a control plane up until the process is asked to end."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with ControlPlane(assets, controller_manager=controller_manager) as plane:
            print(f"ready after {plane.ready_seconds:.1f} s in {plane.folder}; Ctrl-C ends it", file=sys.stderr)
            print(f"export KUBECONFIG={plane.kubeconfig}", flush=True)
            signal.pause()
    except (ControlPlaneError, PkiError) as error:
        print(f"no control plane: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
