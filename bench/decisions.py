"""The decisions on the hot path, in process: ticks through scanner and monitor, evaluations of the exit rules.

Costs are processor time of this process, so that a busy machine counts little. The floor is a plain loop over the same
ticks or prices, run before ours in every round. The collector rests while a round is timed.
"""

import gc
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench import generated
from bench.processes import BenchError
from bench.result import Figure, median
from jennie_core.domain.base import from_epoch_us
from jennie_core.domain.market import Tick
from jennie_core.domain.positions import PositionEvent
from jennie_core.domain.trading_settings import SellSettings, TradingSettings
from jennie_core.strategy.exits import PositionContext, evaluate_exit
from jennie_core.strategy.monitor import MonitorCore

ROUNDS = 7
FLOOR_RUNS = 5
"""A floor is short; so many of its runs make one measurement."""
TICKS = 100_000
SESSIONS = 3
PATH_STEPS = 60
RULES = {f"R-EXIT-{number:02d}" for number in range(1, 14)} - {"R-EXIT-11"}
"""What the paths must touch; R-EXIT-11 needs a trailing stop that is switched off."""

Paths = list[tuple[PositionContext, list[int]]]


@dataclass(frozen=True)
class Path:
    """One way through the code: `prepare` makes everything outside the clock, what it returns is timed.

    The timed part tells how many decisions fell.
    """

    name: str
    operations: int
    goal_us: float
    prepare: Callable[[], Callable[[], int]]
    floor: Callable[[], int]


def measure() -> list[Figure]:
    """Microseconds of one core for a tick or an evaluation; raises BenchError when the paths miss an exit rule."""
    sell = TradingSettings().sell
    minute, session = generated.one_crowded_minute(TICKS), generated.one_trade_a_minute()
    held, paths = generated.held_session(TICKS), generated.exit_paths(PATH_STEPS)
    evaluations = sum(len(prices) for _, prices in paths)
    if missing := RULES - touched_rules(paths, sell):
        raise BenchError(f"the price paths touch no {', '.join(sorted(missing))}")
    return [
        _figure(Path("scanner, tick within a bar", TICKS, 10.0, lambda: _scan(minute, 1), lambda: _bare(minute))),
        _figure(
            Path(
                "scanner, tick that closes a bar",
                len(session) * SESSIONS,
                50.0,
                lambda: _scan(session, SESSIONS),
                lambda: _bare(session * SESSIONS),
            )
        ),
        _figure(Path("monitor, tick of a held stock", TICKS, 10.0, lambda: _watch(held), lambda: _bare(held))),
        _figure(
            Path(
                "exit rules, one evaluation",
                evaluations,
                5.0,
                lambda: lambda: _evaluate(paths, sell),
                lambda: _bare_exits(paths, sell.hard_stop_pct),
            )
        ),
    ]


def touched_rules(paths: Paths, settings: SellSettings) -> set[str]:
    """The exit rules that fire somewhere on the paths."""
    fired = set[str]()
    for position, price in _walked(paths):
        position.price_krw = price
        position.high_watermark_krw = max(position.high_watermark_krw, price)
        decision = evaluate_exit(position, settings)
        if decision is not None:
            fired.add(decision.rule)
    return fired


def _walked(paths: Paths) -> Iterator[tuple[PositionContext, int]]:
    for position, prices in paths:
        position.high_watermark_krw = generated.BUY_PRICE_KRW
        for price in prices:
            yield position, price


def _figure(path: Path) -> Figure:
    ours, floor, decisions = [], [], 0
    for _ in range(ROUNDS):
        bare, _ = _clocked(lambda: sum(path.floor() for _ in range(FLOOR_RUNS)))
        seconds, decisions = _clocked(path.prepare())
        floor.append(bare * 1e6 / path.operations / FLOOR_RUNS)
        ours.append(seconds * 1e6 / path.operations)
    ratios = [mine / its for mine, its in zip(ours, floor, strict=True)]
    return Figure(
        name=f"{path.name} ({len(generated.CODES)} codes)",
        value=median(ours),
        unit="µs",
        floor=median(floor),
        ratio=median(ratios),
        goal=path.goal_us,
        samples=path.operations * ROUNDS,
        is_steady=max(floor) <= 1.3 * min(floor),
        detail={
            "per_second": round(1e6 / median(ours)),
            "goal_per_second": round(1e6 / path.goal_us),
            "min_max_us": [round(min(ours), 3), round(max(ours), 3)],
            "floor_min_max_us": [round(min(floor), 3), round(max(floor), 3)],
            "round_ratios": [round(ratio, 2) for ratio in ratios],
            "decisions_a_round": decisions,
            "load": os.getloadavg()[0],
        },
    )


def _clocked(run: Callable[[], int]) -> tuple[float, int]:
    gc.collect()
    gc.disable()
    try:
        started = time.process_time()
        answer = run()
        return time.process_time() - started, answer
    finally:
        gc.enable()


def _scan(ticks: list[Tick], sessions: int) -> Callable[[], int]:
    cores = [generated.scanner() for _ in range(sessions)]

    def run() -> int:
        decisions = 0
        for core in cores:
            on_tick = core.on_tick
            for tick in ticks:
                decisions += len(on_tick(tick))
        return decisions

    return run


def _bare(ticks: list[Tick]) -> int:
    """Last price, volume and VWAP of every code, nothing else."""
    prices: dict[str, int] = {}
    volumes: dict[str, int] = {}
    turnovers: dict[str, int] = {}
    vwaps: dict[str, float] = {}
    for tick in ticks:
        code, price, volume = tick.code, tick.price_krw, tick.volume
        prices[code] = price
        volumes[code] = volumes.get(code, 0) + volume
        turnovers[code] = turnovers.get(code, 0) + price * volume
        vwaps[code] = turnovers[code] / volumes[code]
    return len(vwaps)


def _evaluate(paths: Paths, settings: SellSettings) -> int:
    decisions = 0
    for position, prices in paths:
        position.high_watermark_krw = generated.BUY_PRICE_KRW
        for price in prices:
            position.price_krw = price
            if price > position.high_watermark_krw:
                position.high_watermark_krw = price
            if evaluate_exit(position, settings) is not None:
                decisions += 1
    return decisions


def _bare_exits(paths: Paths, hard_stop_pct: float) -> int:
    """Price, watermark, profit and the hard stop alone."""
    stopped = 0
    for position, prices in paths:
        position.high_watermark_krw = generated.BUY_PRICE_KRW
        for price in prices:
            position.price_krw = price
            if price > position.high_watermark_krw:
                position.high_watermark_krw = price
            if (price - position.average_price_krw) * 100 / position.average_price_krw <= -hard_stop_pct:
                stopped += 1
    return stopped


def _watch(ticks: list[Tick]) -> Callable[[], int]:
    """Every order is filled at once and the code is bought again at that price, so that all codes stay watched."""
    core = MonitorCore(TradingSettings(), generated.SESSION)
    core.set_context(generated.context())
    core.set_intraday(generated.risk())
    core.set_positions([generated.bought(code) for code in generated.CODES], generated.SESSION.open_us)

    def run() -> int:
        decisions = 0
        for tick in ticks:
            for order in core.on_tick(tick):
                decisions += 1
                position = generated.bought(tick.code, tick.price_krw, order.order_id)
                for state in (position.model_copy(update={"quantity": 0}), position):
                    occurred_at = from_epoch_us(tick.exchange_us)
                    event = PositionEvent(reason="fill", writer="bench", position=state, occurred_at=occurred_at)
                    core.apply_event(event, tick.exchange_us)
        return decisions

    return run
