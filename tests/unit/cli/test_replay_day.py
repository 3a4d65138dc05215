"""The generated day through the day machine: the same orders as a rehearsal, whoever works first, restarts included.

The morning until 09:50 stands for the day here; `tests/drills` replays whole days against real rehearsals.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from jennie_cli.market import DEFAULT_SIMULATED_DAY, PreparedMarket, prepare
from jennie_cli.places import RunFolder
from jennie_cli.replay.exchange import MAX_CODES
from jennie_cli.replay.inputs import NOBODY, Frame, exchange_of, of_prepared
from jennie_core.domain.base import KST
from jennie_core.domain.market import ClockMark, Tick
from jennie_core.domain.trading_settings import TradingSettings
from jennie_core.replay.day import DayMachine
from jennie_core.replay.day_ports import Slice
from jennie_core.replay.day_result import DayResult
from jennie_core.replay.recorded import RecordedSlices

DAY = DEFAULT_SIMULATED_DAY
SEED = 7
UNTIL = datetime(DAY.year, DAY.month, DAY.day, 9, 50, tzinfo=KST)
MORNING_HASH = "1eae3e7ffbcd587d"
"""Of the golden morning; `jennie rehearse --until 09:50` prints the same."""


@dataclass(frozen=True)
class Morning:
    """A prepared market and the ways to run it."""

    folder: RunFolder
    market: PreparedMarket

    def run(
        self,
        *,
        restart_at: datetime | None = None,
        turns: Callable[[int], bool] = lambda number: False,
        items: list[Tick | ClockMark] | None = None,
        keep: list[Slice] | None = None,
    ) -> DayResult:
        """One replay; `items` are recorded ticks to run instead of the tapes, `keep` collects the slices."""
        made = of_prepared(Frame(DAY, TradingSettings()), self.folder, self.market, UNTIL)
        source = made.source if items is None else RecordedSlices(items)
        if keep is not None:
            source = Keeping(source, keep)
        machine = DayMachine(
            made.start,
            source=source,
            broker=made.broker,
            market=made.market,
            plane=made.plane,
            restart_scanner_at=restart_at,
            takes_turns=turns,
        )
        return machine.run(made.begins_at)


class Keeping:
    """A source that keeps what it hands out."""

    def __init__(self, source: object, kept: list[Slice]) -> None:
        self._source = source
        self._kept = kept

    def next_slice(self, wanted: list[str]) -> Slice | None:
        piece: Slice | None = self._source.next_slice(wanted)  # type: ignore[attr-defined]
        if piece is not None:
            self._kept.append(piece)
        return piece


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Morning:
    folder = RunFolder(tmp_path_factory.mktemp("morning"))
    folder.make()
    settings = TradingSettings()
    return Morning(folder, prepare(folder, day=DAY, seed=SEED, market_data=None, credentials=NOBODY, settings=settings))


@pytest.fixture(scope="module")
def slices() -> list[Slice]:
    return []


@pytest.fixture(scope="module")
def golden(morning: Morning, slices: list[Slice]) -> DayResult:
    return morning.run(keep=slices)


def test_the_golden_morning_gives_the_orders_of_the_rehearsal(golden: DayResult) -> None:
    assert golden.order_hash == MORNING_HASH
    assert len(golden.trades) == 5
    assert golden.ticks > 10_000


def test_cash_and_shares_of_the_exchange_are_those_of_our_books(golden: DayResult, morning: Morning) -> None:
    assert golden.balance.cash_krw == morning.market.cash_krw + golden.cash_flow_krw
    there = {each.stock_code: each.quantity for each in golden.balance.holdings}
    assert there == {code: each.quantity for code, each in golden.books.positions.items()}


def test_every_signal_has_one_outcome_and_every_refusal_names_its_rule(golden: DayResult) -> None:
    asked = [each.request.signal_id for each in golden.buy_outcomes if hasattr(each.request, "signal_id")]
    assert asked == [each.signal_id for each in golden.signals]
    assert all(each.refusal.rule for each in golden.books.outcomes if each.refusal is not None)


@pytest.mark.parametrize("number", range(2))
def test_who_works_first_in_a_slice_decides_nothing(morning: Morning, golden: DayResult, number: int) -> None:
    """Decision 0001, drill 40: byte-equal whatever the order of the processes."""
    other = morning.run(turns=lambda slice_number: (slice_number >> number) % 2 == 0)
    assert other.decision_hash == golden.decision_hash


@pytest.mark.parametrize("minute", [23, 41])
def test_a_restarted_scanner_signals_the_same(morning: Morning, golden: DayResult, minute: int) -> None:
    """R-BAR-04: bars, indicators and pending hits come back from the day's ticks."""
    at = datetime(DAY.year, DAY.month, DAY.day, 9, minute, 30, tzinfo=KST)
    restarted = morning.run(restart_at=at)
    assert [each.signal_id for each in restarted.signals] == [each.signal_id for each in golden.signals]
    assert restarted.order_hash == golden.order_hash


def test_the_ticks_of_the_day_as_a_log_give_the_same_bytes(
    morning: Morning, golden: DayResult, slices: list[Slice]
) -> None:
    """A log repeats marks, as a conductor does that missed an answer; they change nothing."""
    items: list[Tick | ClockMark] = []
    for number, piece in enumerate(slices):
        items.extend(piece.items)
        if number % 7 == 0:
            items.append(piece.items[-1])
    assert morning.run(items=items).decision_hash == golden.decision_hash


def test_ticks_behind_the_last_settled_mark_are_left_out() -> None:
    start = ClockMark(1_000_000, settled=True)
    tick = Tick("005930", 100, 1, 1, 100, 100, 2_000_000, 2_000_000)
    source = RecordedSlices([start, tick, ClockMark(2_000_000, settled=False)])
    assert source.next_slice([]) == Slice((start,), 1_000_000)
    assert source.next_slice([]) is None


def test_codes_beyond_the_registrations_come_by_quote_with_what_was_traded_since(morning: Morning) -> None:
    """S4: forty codes are registered, the rest is polled; no trade is counted twice when a code changes sides."""
    opening = datetime(DAY.year, DAY.month, DAY.day, 8, 59, 55, tzinfo=KST)
    ends = [opening + timedelta(seconds=5 * number) for number in range(1, 25)]
    exchange = exchange_of(Frame(DAY, TradingSettings()), morning.folder.exchange, opening, ends)
    codes = exchange.facts.codes[: MAX_CODES + 3]
    ticks: list[Tick] = []
    for number in range(len(ends)):
        piece = exchange.next_slice(codes if number % 2 else codes[::-1])
        assert piece is not None
        ticks += [item for item in piece.items if isinstance(item, Tick) and item.session_phase == "0"]
    assert exchange.next_slice(codes) is None
    totals = {code: max((tick.cumulative_volume for tick in ticks if tick.code == code), default=0) for code in codes}
    counted = {code: sum(tick.volume for tick in ticks if tick.code == code) for code in codes}
    assert {tick.source for tick in ticks} == {"ws", "poll"}
    assert sum(totals.values()) > 0
    assert all(counted[code] <= totals[code] for code in codes)
