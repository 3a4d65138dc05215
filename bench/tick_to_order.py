"""Tick to order: frame leaves the exchange until the order is in its handler, real chain against bare chain.

Both chains stand side by side; rounds alternate, so that a slow moment of the machine meets both. Rates are equal:
2,000 ticks a second over 40 codes and five orders a second. The ratio is the median of the rounds' ratios.
"""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from bench.processes import BenchError, Children, free_port, listens
from bench.result import Figure, median, quantile
from bench.stack import LIMITS, BareChain, RealChain, make_pack

ROUNDS = 6
WINDOWS_PER_ROUND = 4
WARM_WINDOWS = 16
WARM_SECONDS = 1.5
WINDOW_SECONDS = 2.0
TARGETS = {"p50": 1.5, "p99": 2.0}
QUANTILES = {"p50": 0.5, "p99": 0.99}
MOVED_RATIO = 1.3
"""A session in which the floor's p50 moved by more than this between rounds is marked unsteady and judges nothing."""
MIN_SHARE = 0.9
"""Triggers that must have become orders; with fewer the bench measures something else."""


@dataclass(frozen=True, slots=True)
class Round:
    """One round of one chain."""

    latencies_ms: list[float]
    triggers: int
    ticks_per_second: float

    def at(self, name: str) -> float:
        """p50 or p99."""
        return quantile(self.latencies_ms, QUANTILES[name])


class Exchange:
    """Control of the bench's exchange."""

    def __init__(self, port: int) -> None:
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120)

    def state(self) -> dict[str, Any]:
        """Codes, prices, who is connected."""
        answer: dict[str, Any] = self._client.get("/bench/state").json()
        return answer

    def settle(self) -> None:
        """Move market time on by one minute without trades."""
        self._client.post("/bench/settle").raise_for_status()

    def run(self, chain: str, windows: int, seconds: float) -> Round:
        """Play windows to one chain."""
        reply = self._client.post("/bench/run", json={"chain": chain, "windows": windows, "seconds": seconds})
        if reply.status_code != httpx.codes.OK:
            raise BenchError(f"the bench exchange failed: {reply.text[:200]}")
        body = reply.json()
        return Round(body["latencies_ms"], body["triggers"], body["ticks"] / body["seconds"])


def measure(folder: Path, console: Console, *, rounds: int = ROUNDS) -> list[Figure]:
    """Run the bench below `folder`; raises BenchError when a chain does not order."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    make_pack(folder / "pack")
    children = Children(folder / "logs")
    try:
        port = free_port()
        children.python("exchange", "bench.exchange", str(folder / "pack"), str(port))
        children.wait("exchange", lambda: listens(port))
        exchange = Exchange(port)
        state = exchange.state()
        real = RealChain(folder / "real", port, children)
        real.start(state["codes"], state["low"])
        bare = BareChain(folder / "bare", port, children)
        bare.start()
        children.wait("bare-gateway", lambda: bool(exchange.state()["bare"]))
        _claim(exchange, children, len(state["codes"]))
        console.print(f"limits lifted for tick to order ({LIMITS.name}):")
        console.print(LIMITS.read_text(), markup=False, highlight=False)
        _warm(exchange, real)
        return _figures(*_measure(exchange, children, real, bare, rounds, console), console)
    finally:
        children.stop()


def _claim(exchange: Exchange, children: Children, codes: int) -> None:
    """Marks bring the watchlist to the scanner, and its claims bring the registrations."""

    def registered() -> bool:
        exchange.settle()
        time.sleep(0.2)
        return int(exchange.state()["registered"]) >= codes

    children.wait("buy-scanner", registered, seconds=30)


def _warm(exchange: Exchange, real: RealChain) -> None:
    """Bars, histories and quotes for the real chain, connections for both."""
    exchange.run("bare", 2, WINDOW_SECONDS)
    warm = exchange.run("real", WARM_WINDOWS, WARM_SECONDS)
    last = exchange.run("real", 2, WINDOW_SECONDS)
    if len(last.latencies_ms) < MIN_SHARE * last.triggers:
        counts = f"{len(warm.latencies_ms)} of {warm.triggers}, then {len(last.latencies_ms)} of {last.triggers}"
        healths = {name: real.health(name)["detail"] for name in ("buy-scanner", "buy-executor")}
        raise BenchError(f"triggers that became orders: {counts}; {healths}")


def _measure(
    exchange: Exchange, children: Children, real: RealChain, bare: BareChain, rounds: int, console: Console
) -> tuple[list[Round], list[Round], float, float]:
    ours: list[Round] = []
    floor: list[Round] = []
    cpu = 0.0
    for number in range(rounds):
        floor.append(exchange.run("bare", WINDOWS_PER_ROUND, WINDOW_SECONDS))
        before = children.use(real.names).cpu_seconds
        ours.append(exchange.run("real", WINDOWS_PER_ROUND, WINDOW_SECONDS))
        cpu += children.use(real.names).cpu_seconds - before
        console.print(
            f"round {number + 1}: real p50 {ours[-1].at('p50'):.2f} p99 {ours[-1].at('p99'):.2f} ms "
            f"({len(ours[-1].latencies_ms)}/{ours[-1].triggers}), "
            f"bare p50 {floor[-1].at('p50'):.2f} p99 {floor[-1].at('p99'):.2f} ms "
            f"({len(floor[-1].latencies_ms)}/{floor[-1].triggers}), "
            f"{ours[-1].ticks_per_second:,.0f} and {floor[-1].ticks_per_second:,.0f} ticks/s",
            highlight=False,
        )
    return ours, floor, cpu, children.use(real.names).rss_mb


def _figures(ours: list[Round], floor: list[Round], cpu: float, rss_mb: float, console: Console) -> list[Figure]:
    figures: list[Figure] = []
    samples = sum(len(row.latencies_ms) for row in ours)
    middles = [row.at("p50") for row in floor]
    steady = max(middles) <= MOVED_RATIO * min(middles)
    for name, target in TARGETS.items():
        floors = [row.at(name) for row in floor]
        ratios = [mine.at(name) / its for mine, its in zip(ours, floors, strict=True)]
        if name == "p50" and not steady:
            console.print("[yellow]the floor itself moved by more than 30 % between rounds: measure again[/]")
        detail: dict[str, object] = {
            "rounds_ms": [round(row.at(name), 3) for row in ours],
            "floor_rounds_ms": [round(value, 3) for value in floors],
            "round_ratios": [round(value, 3) for value in ratios],
            "steady": steady,
            "orders": samples,
            "triggers": sum(row.triggers for row in ours),
            "ticks_per_second": round(median([row.ticks_per_second for row in ours])),
            "limits": LIMITS.read_text(),
        }
        figures.append(
            Figure(
                name=f"tick to order, {name}",
                value=median([row.at(name) for row in ours]),
                unit="ms",
                floor=median(floors),
                ratio=median(ratios),
                target=target,
                cpu_seconds=round(cpu, 2),
                rss_mb=round(rss_mb, 1),
                samples=samples,
                is_steady=steady,
                detail=detail,
            )
        )
    return figures
