"""Exits of one daily bar: the live rules (`evaluate_exit`) at every tick of a conservative path through it.

Path: open, then down to the low, then up to the high, then to the close. The unfavourable extreme comes first, so a
stop is met before the profit that the same bar might have shown; a rule that holds at the open trades at the open,
which is the worse of stop and open after a gap.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from jennie_core.domain.enums import SellReason
from jennie_core.domain.trading_settings import TradingSettings
from jennie_core.replay.backtest_bars import Bar, BarPanel
from jennie_core.replay.backtest_book import Book, Holding, reduced
from jennie_core.replay.backtest_fills import Miss, day_capacity, sell_block, sell_price, walk
from jennie_core.replay.backtest_records import Stage
from jennie_core.replay.backtest_terms import BPS, BacktestTerms
from jennie_core.strategy.context import ExitContext
from jennie_core.strategy.daily_history import HELD_SESSIONS, indicators_of
from jennie_core.strategy.exits import ExitDecision, evaluate_exit
from jennie_core.strategy.held import PositionIndicators

DELISTED_RULE = "R-BT-delisted"

Step = tuple[Stage, Iterable[int]]


@dataclass(frozen=True, slots=True)
class Carried:
    """An exit that held but could not trade; it is raised again at the next open while its rule holds."""

    code: str
    rule: str
    miss: Miss


class ExitDesk:
    """Sells what the exit rules say, one session at a time."""

    def __init__(
        self,
        book: Book,
        panel: BarPanel,
        settings: TradingSettings,
        terms: BacktestTerms,
        on_sold: Callable[[str, SellReason, date, Stage], None],
    ) -> None:
        self._book, self._panel, self._settings, self._terms = book, panel, settings, terms
        self._on_sold = on_sold
        self._sold_today: dict[str, int] = {}
        self._blocked: dict[str, Miss] = {}
        self.carried: list[Carried] = []

    def begin(self, day: date, row: int) -> None:
        """A new session: holding days, indicators of the closed sessions, and what has no market any more."""
        self._sold_today, self._blocked, self.carried = {}, {}, []
        for code in sorted(self._book.holdings):
            holding = self._book.holdings[code]
            if self._panel.ended_before(code, row):
                self._write_off(code, day, row)
                continue
            holding.held.update(holding.held.position, day)
            holding.held.apply_indicators(self.indicators(code, row))

    def indicators(self, code: str, row: int) -> PositionIndicators:
        """What the monitor would read before this session opens (R-MON-01)."""
        return indicators_of(self._panel.traded_before(code, row, HELD_SESSIONS))

    def at_open(self, context: ExitContext, day: date, row: int) -> None:
        """Mark every holding at its open and sell what a rule demands there."""
        for code in sorted(self._book.holdings):
            bar = self._panel.bar(code, row)
            if bar is None or bar.is_halted:
                continue
            holding = self._book.holdings[code]
            holding.mark_krw = bar.open_krw
            _take_context(holding, context)
            self._follow(holding, bar, day, row, [(Stage.OPEN, (bar.open_krw,))])

    def rest_of_bar(self, context: ExitContext, day: date, row: int) -> None:
        """The path after the open; the index has had its low by then."""
        for code in sorted(self._book.holdings):
            bar = self._panel.bar(code, row)
            if bar is None:
                continue
            holding = self._book.holdings[code]
            if not bar.is_halted:
                _take_context(holding, context)
                self._follow(holding, bar, day, row, self._path(holding, bar, day))
            holding.mark_krw = bar.close_krw

    def _path(self, holding: Holding, bar: Bar, day: date) -> Iterator[Step]:
        start = min(bar.open_krw, holding.buy_price_krw) if holding.bought_on == day else bar.open_krw
        listing = holding.listing
        yield Stage.UNFAVOURABLE, walk(max(start, bar.low_krw), bar.low_krw, listing, day)
        yield Stage.FAVOURABLE, walk(bar.low_krw, bar.high_krw, listing, day)
        yield Stage.CLOSE, walk(bar.high_krw, bar.close_krw, listing, day)

    def _follow(self, holding: Holding, bar: Bar, day: date, row: int, steps: Iterable[Step]) -> None:
        """Move the price along the steps and sell wherever a rule fires, until nothing is left or it sticks."""
        held, sell = holding.held, self._settings.sell
        floor_pct = sell.profit_floor_activation_pct
        for stage, prices in steps:
            for price in prices:
                held.move_price(price, floor_pct)
                decision = evaluate_exit(held.context, sell)
                if decision is not None and not self._sell(holding, decision, bar, price, day, row, stage):
                    return

    def _sell(
        self, holding: Holding, decision: ExitDecision, bar: Bar, price: int, day: date, row: int, stage: Stage
    ) -> bool:
        """Whether the path may go on: False when nothing is held any more or nothing more can be sold today."""
        code = holding.held.context.code
        if code in self._blocked:
            return False
        base = self._base(code, row)
        miss = sell_block(bar, base_krw=base, listing=holding.listing, on=day)
        free = day_capacity(bar, self._terms) - self._sold_today.get(code, 0)
        quantity = min(decision.quantity, free)
        if miss is not None or quantity < 1:
            return self._carry(code, decision.rule, miss or Miss.THIN)
        paid = sell_price(price, base_krw=base, listing=holding.listing, on=day, terms=self._terms)
        self._sold_today[code] = self._sold_today.get(code, 0) + quantity
        position = holding.held.position
        self._book.sell(code, quantity, paid, day, stage, decision.rule, decision.reason.value)
        self._on_sold(code, decision.reason, day, stage)
        if code not in self._book.holdings:
            return False
        is_rsi = decision.reason is SellReason.RSI_OVERBOUGHT
        level = decision.scale_out_level
        holding.held.update(reduced(position, quantity, scale_out_level=level, rsi_sold=is_rsi), day)
        return True if quantity == decision.quantity else self._carry(code, decision.rule, Miss.THIN)

    def _carry(self, code: str, rule: str, miss: Miss) -> bool:
        self._blocked[code] = miss
        self.carried.append(Carried(code, rule, miss))
        return False

    def _base(self, code: str, row: int) -> int:
        before = self._panel.bar(code, row - 1)
        return self._book.holdings[code].mark_krw if before is None else before.close_krw

    def _write_off(self, code: str, day: date, row: int) -> None:
        """The last close; less the haircut when the last bar was a halt, since that close could not be had."""
        last = self._panel.bar(code, row - 1)
        price = self._book.holdings[code].mark_krw
        if last is None or last.is_halted:
            price = price * (100 * BPS - round(self._terms.delisting_haircut_pct * BPS)) // (100 * BPS)
        self._book.write_off(code, price, day, DELISTED_RULE)


def _take_context(holding: Holding, context: ExitContext) -> None:
    holding.held.context.regime = context.regime
    holding.held.context.stop_loss_multiplier = context.stop_loss_multiplier


def cooldown_start(day_open: datetime, day_close: datetime, stage: Stage) -> datetime:
    """Market time a sell is booked at: the open, or the close for all later stages (the longer cooldown)."""
    return day_open if stage is Stage.OPEN else day_close
