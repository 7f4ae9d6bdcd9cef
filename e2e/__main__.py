"""`python -m e2e [SCENARIO...] [--all] [--list]`: real alerts become verified fixes, on a real cluster."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from e2e.harness import scenario, suite
from e2e.harness.waiting import Failure


async def _run(scenarios: list[scenario.Scenario], *, by_chart: bool, whole: bool, bundles: Path | None) -> int:
    """Play them; SIGTERM and Ctrl-C end everything that was started, in order."""
    me = asyncio.current_task()
    assert me is not None

    def stop() -> None:
        print("e2e: interrupted; ending what was started", file=sys.stderr, flush=True)
        if not me.cancelling():
            me.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    return await suite.run(scenarios, by_chart=by_chart, whole=whole, bundles=bundles)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m e2e",
        description=__doc__,
        epilog="KUBECONFIG names the cluster; without it the project's local one is brought up, and taken down at the "
        "end unless KEEP=1. See e2e/README.md.",
    )
    parser.add_argument("scenario", nargs="*", help="play these only")
    parser.add_argument("--all", action="store_true", help="all of them, not only the core (marked * by --list)")
    parser.add_argument(
        "--chart", action="store_true", help="install the operator by its image and chart, instead of as processes here"
    )
    parser.add_argument(
        "--bundles",
        type=Path,
        metavar="DIR",
        help="break only, mend nothing, and record the evidence of each scenario as DIR/SCENARIO, a new folder",
    )
    parser.add_argument("--list", action="store_true", help="show what there is")
    options = parser.parse_args(arguments)
    try:
        scenarios = scenario.find(options.scenario, everything=options.all or options.list)
        if options.list:
            for found in scenarios:
                print(f"{'*' if found.core else ' '} ({found.letter}) {found.name:24} {found.title}")
            return 0
        if options.bundles is not None and options.bundles.exists():
            raise Failure(f"{options.bundles} is there already; --bundles needs a new folder")
        return asyncio.run(_run(scenarios, by_chart=options.chart, whole=not options.scenario, bundles=options.bundles))
    except Failure as failure:
        print(f"e2e: {failure}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("e2e: interrupted; everything that was started has been ended", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
