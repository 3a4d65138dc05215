"""Drills 21 and 40: a day that begins late, and the same day twice, by replay against the real rehearsal."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jennie_cli.market import DEFAULT_SIMULATED_DAY, prepare
from jennie_cli.places import RunFolder
from jennie_cli.replay.inputs import NOBODY, DayInputs, Frame, generated_inputs, of_prepared
from jennie_cli.replay.recording import home_inputs
from jennie_core.domain.base import KST
from jennie_core.domain.trading_settings import TradingSettings
from jennie_core.krx.sessions import session_times
from jennie_core.replay.day import DayMachine
from jennie_core.replay.day_result import DayResult
from jennie_core.replay.tick_fills import TickFillRules
from tests.e2e.house import House, free_port_bases

pytestmark = [pytest.mark.drill, pytest.mark.timeout(900)]

EXAM_DAY = date(2025, 11, 13)
"""University entrance exam: open and close one hour later."""
UNTIL = "10:05"


@dataclass(frozen=True)
class Rehearsed:
    """A finished rehearsal: its report and its folder."""

    report: dict[str, Any]
    home: Path

    def signals(self) -> dict[str, tuple[str, str | None, str | None, str | None]]:
        """Outcome, rule, value and limit by signal."""
        with sqlite3.connect(f"file:{self.home / 'ledger.db'}?mode=ro", uri=True) as ledger:
            rows = ledger.execute(
                "select signal_id, outcome, refusal_rule, refusal_value, refusal_limit from signal_log where side='buy'"
            ).fetchall()
        return {row[0]: row[1:] for row in rows}


@pytest.fixture(scope="module")
def rehearsed() -> Iterator[Rehearsed]:
    house = House(next(free_port_bases()))
    try:
        house.rehearse("--until", UNTIL)
        assert house.wait(600) == 0, house.output.read_text(errors="replace")[-2000:]
        yield Rehearsed(house.report, house.home)
    finally:
        house.end()


def run(inputs: DayInputs, **options: Any) -> DayResult:
    machine = DayMachine(
        inputs.start, source=inputs.source, broker=inputs.broker, market=inputs.market, plane=inputs.plane, **options
    )
    return machine.run(inputs.begins_at)


def told(result: DayResult) -> dict[str, tuple[str, str | None, str | None, str | None]]:
    """As `Rehearsed.signals`."""
    found = {}
    for each in result.buy_outcomes:
        why = each.refusal
        value, limit = (None, None) if why is None else (why.value, why.limit)
        found[each.request.signal_id] = (  # type: ignore[union-attr]  # buys only
            "ordered" if why is None else "refused",
            None if why is None else why.rule,
            None if value is None else str(value),
            None if limit is None else str(limit),
        )
    return found


def test_40_a_generated_day_replayed_gives_the_orders_of_its_rehearsal(rehearsed: Rehearsed, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.make()
    settings = TradingSettings()
    market = prepare(folder, day=DEFAULT_SIMULATED_DAY, seed=7, market_data=None, credentials=NOBODY, settings=settings)
    until = datetime.combine(DEFAULT_SIMULATED_DAY, datetime.strptime(UNTIL, "%H:%M").time(), KST)  # noqa: DTZ007
    result = run(of_prepared(Frame(DEFAULT_SIMULATED_DAY, settings), folder, market, until))
    assert result.order_hash == rehearsed.report["order_hash"]
    assert told(result) == rehearsed.signals()
    assert result.end_equity_krw == rehearsed.report["end_equity_krw"]


def test_40_a_recorded_day_replayed_five_times_is_the_same_bytes_and_the_rehearsals_signals(
    rehearsed: Rehearsed,
) -> None:
    """Five timings: who works first in a slice changes, and once the scanner dies in between."""
    frame = Frame(DEFAULT_SIMULATED_DAY, TradingSettings())
    hashes = set()
    for number in range(5):
        with home_inputs(frame, rehearsed.home, estimate=False, rules=TickFillRules()) as inputs:
            died = datetime.combine(frame.day, datetime.min.time(), KST) + timedelta(hours=9, minutes=31 + 7 * number)
            result = run(
                inputs,
                takes_turns=lambda slice_number, every=number + 1: slice_number % every == 0,
                restart_scanner_at=died + timedelta(seconds=30) if number == 4 else None,
            )
        assert told(result) == rehearsed.signals()
        assert result.order_hash == rehearsed.report["order_hash"]
        hashes.add(result.decision_hash)
    assert len(hashes) == 1


def test_40_estimated_fills_change_sizes_and_never_signals(rehearsed: Rehearsed) -> None:
    frame = Frame(DEFAULT_SIMULATED_DAY, TradingSettings())
    with home_inputs(frame, rehearsed.home, estimate=True, rules=TickFillRules()) as inputs:
        result = run(inputs)
    assert told(result).keys() == rehearsed.signals().keys()


def test_21_on_a_day_that_begins_late_every_rule_of_time_moves_with_it() -> None:
    """The exam day opens at 10:00 and closes at 16:30: no order and no signal outside its own windows."""
    settings = TradingSettings()
    times = session_times(EXAM_DAY)
    with generated_inputs(Frame(EXAM_DAY, settings), seed=7, market_data=None) as inputs:
        result = run(inputs)
    assert times.open_at.hour == 10
    assert result.trades, "a day without an order proves nothing"
    scanner = settings.scanner
    first = times.open_at + timedelta(minutes=scanner.no_trade_minutes_after_open)
    for trade in result.trades:
        assert times.open_at <= trade.intent.market_at < times.close_at
        assert not trade.intent.is_unresolved
    for refused in result.books.setup_refusals:
        if refused.refusal.rule == "R-GATE-01":
            assert refused.market_time < first
        if refused.refusal.rule == "R-GATE-03":
            assert refused.market_time >= times.close_at - timedelta(minutes=scanner.danger_zone_minutes_before_close)
    assert any(each.signalled_at.hour in (10, 11) for each in result.signals)
    assert not any(each.signalled_at < times.open_at for each in result.signals)


def test_21_and_a_day_without_a_session_is_refused_in_one_line(tmp_path: Path) -> None:
    house = House(next(free_port_bases()), tmp_path)
    ended = house.say("replay", "2026-01-01")
    assert ended.returncode == 2
    (line,) = ended.stderr.strip().splitlines()
    assert "DAY=2026-01-01 is no KRX session" in line
    assert "the next one is" in line
    assert not list(house.var_dir.iterdir()), "nothing is written"
