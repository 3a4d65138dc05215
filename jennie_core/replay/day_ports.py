"""What a replayed day needs from outside: slices of ticks, a broker that fills, facts of the market, the data plane."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from jennie_core.domain.decisions import Accepted, Refused
from jennie_core.domain.macro import SectorBudget, TradingContext
from jennie_core.domain.market import ClockMark, DailyBar, Quote, Tick
from jennie_core.domain.orders import AccountBalance, BrokerOrder, ExecutionNotice, OrderRequest
from jennie_core.domain.permit import TradingPermit
from jennie_core.domain.positions import Position
from jennie_core.domain.trading_settings import TradingSettings
from jennie_core.domain.watchlist import HotWatchlist
from jennie_core.strategy.fills import Listing


@dataclass(frozen=True, slots=True)
class Slice:
    """Ticks and marks up to a settled mark, which is the last item (decision 0001)."""

    items: tuple[Tick | ClockMark, ...]
    end_us: int


class SliceSource(Protocol):
    """The recorded or generated day."""

    def next_slice(self, wanted: Sequence[str]) -> Slice | None:
        """The next slice, None after the last; a generated day brings ticks of `wanted` codes only."""
        ...


class FillModel(Protocol):
    """The broker of a replay. Orders are taken at the end of the newest slice; what fills is told with the next one."""

    def executions(self, piece: Slice) -> Sequence[ExecutionNotice]:
        """Executions since the last call in order of exchange time; called once for each slice, before its orders."""
        ...

    def place(self, order: OrderRequest) -> Accepted | Refused:
        """Take an order."""
        ...

    def cancel(self, order_number: str) -> None:
        """Take out what is left of an order; a reading tells what became of it."""
        ...

    def order(self, order_number: str) -> BrokerOrder | None:
        """An order as the broker's list has it now."""
        ...

    def balance(self) -> AccountBalance:
        """Cash and holdings now."""
        ...


class MarketFacts(Protocol):
    """What the broker would answer at the end of the newest slice; None = unknown."""

    def quote(self, code: str) -> Quote | None:
        """Price, limits and status now."""
        ...

    def daily_bars(self, code: str, sessions: int, until: date | None = None) -> Sequence[DailyBar] | None:
        """Up to `sessions` bars, oldest first; without `until` the running one is the last."""
        ...

    def kospi_change_pct(self) -> float | None:
        """Change of the KOSPI against the previous close."""
        ...

    def listing(self, code: str) -> Listing:
        """What decides the tax of a sale."""
        ...


@dataclass(frozen=True, slots=True)
class Published:
    """What the data plane has published by an instant; None = not yet."""

    watchlist: HotWatchlist | None = None
    context: TradingContext | None = None
    budget: SectorBudget | None = None
    permit: TradingPermit | None = None
    vix: float | None = None


class DataPlane(Protocol):
    """Lists, contexts, budgets and permits in the order of the day."""

    def published(self, now: datetime, held_per_sector: Mapping[str, int]) -> Published:
        """Everything due up to `now`, with what is held then; called with ascending times."""
        ...


@dataclass(frozen=True, slots=True)
class DayStart:
    """The account and its books before the first slice.

    `opening_equity_krw` is the equity at the previous session's close, `week_equity_krw` at the last close before the
    week; None = unknown, which a first day measures from its first balance. Cooldowns are ends by code.
    """

    day: date
    settings: TradingSettings
    positions: tuple[Position, ...] = ()
    opening_equity_krw: int | None = None
    week_equity_krw: int | None = None
    stop_loss_cooldowns: Mapping[str, datetime] | None = None
    sell_cooldowns: Mapping[str, datetime] | None = None
    account: str = "replay"
