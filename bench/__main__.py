"""`python -m bench`: measure everything, print the table, write `var/bench/latest.json`."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from bench import backtest, bulk_load, decisions, floors, gateway_feed, history, order_to_broker, scoring, tick_to_order
from bench.processes import BenchError, Children
from bench.result import show, write


def main() -> int:
    """Exit code 0 whatever the targets say; 1 when the bench could not measure."""
    options = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    options.add_argument("--rounds", type=int, default=tick_to_order.ROUNDS)
    given = options.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 140)
    folder = Path(os.environ.get("JENNIE_VAR_DIR", "var")).resolve() / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="jb-") as short:
            children = Children(folder / "floors" / "logs")
            try:
                figures = floors.measure(Path(short) / "v", children)
                figures += gateway_feed.measure(Path(short) / "g", children)
            finally:
                children.stop()
        figures += bulk_load.measure(folder / "bulk-load")
        figures += scoring.measure(folder / "scoring")
        figures += decisions.measure()
        figures += history.measure(scoring.market_folder())
        figures += backtest.measure(folder / "backtest")
        figures += order_to_broker.measure(folder / "order-to-broker", console, rounds=given.rounds)
        figures += tick_to_order.measure(folder / "tick-to-order", console, rounds=given.rounds)
    except BenchError as error:
        console.print(f"[red]bench:[/] {error}", soft_wrap=True)
        return 1
    show(figures, console)
    write(figures, folder / "latest.json")
    console.print(f"written to {folder / 'latest.json'}", soft_wrap=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
