"""The ledger of a replayed day, in memory: positions, cooldowns, trades and the outcome of every request."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from jennie_core.domain.decisions import Refusal
from jennie_core.domain.enums import SellReason
from jennie_core.domain.positions import Position
from jennie_core.domain.signals import BuySignal, SellOrder
from jennie_core.domain.trading_settings import RiskSettings
from jennie_core.strategy.booking import Booked, NewFill
from jennie_core.strategy.cooldowns import cooldowns_after_sell
from jennie_core.strategy.intent import Intent
from jennie_core.strategy.scan_state import SignalRefusal


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a buy signal or a sell order; `refusal` None = an order was sent."""

    request: BuySignal | SellOrder
    decided_at: datetime
    refusal: Refusal | None


@dataclass(slots=True)
class Trade:
    """One order with what its fills cost and earned; `realized_pnl_krw` net of the sale's own costs, None for a buy."""

    intent: Intent
    fills: list[NewFill] = field(default_factory=list)
    realized_pnl_krw: int | None = None

    @property
    def costs_krw(self) -> int:
        """Fees and taxes."""
        return sum(fill.fee_krw + fill.tax_krw for fill in self.fills)


class DayBooks:
    """What both desks have written; a desk sees the other's part later (`Book`)."""

    def __init__(self, settings: RiskSettings, positions: Mapping[str, Position]) -> None:
        self._settings = settings
        self.positions = dict(positions)
        self.stop_loss_cooldowns: dict[str, datetime] = {}
        self.sell_cooldowns: dict[str, datetime] = {}
        self.trades: dict[str, Trade] = {}
        self.outcomes: list[Outcome] = []
        self.setup_refusals: list[SignalRefusal] = []

    def keep(self, intent: Intent) -> None:
        """A new or changed intent."""
        self.trades.setdefault(intent.intent_id, Trade(intent)).intent = intent

    def book(self, booked: Booked) -> None:
        """Fills that were booked, with the position they made."""
        self.keep(booked.intent)
        position = booked.position
        if position is None:
            return
        if position.quantity == 0 and position.external_quantity == 0:
            self.positions.pop(position.stock_code, None)
        else:
            self.positions[position.stock_code] = position
        self.trades[booked.intent.intent_id].fills.extend(booked.fills)

    def book_sale(self, booked: Booked) -> None:
        """What a sale realised and the cooldowns it begins (R-SELL-09, R-SELL-10)."""
        trade = self.trades[booked.intent.intent_id]
        trade.realized_pnl_krw = (trade.realized_pnl_krw or 0) + booked.realized_pnl_krw
        code, reason = booked.intent.stock_code, SellReason(booked.intent.reason)
        ends = cooldowns_after_sell(reason, booked.intent.updated_at, self._settings)
        self.sell_cooldowns[code] = ends.sell_until
        if ends.stop_loss_until is not None:
            self.stop_loss_cooldowns[code] = ends.stop_loss_until

    def held_per_sector(self) -> dict[str, int]:
        """Held stocks per sector (R-BUD-06); a position of unknown sector counts for none."""
        return dict(
            Counter(
                position.sector_group
                for position in self.positions.values()
                if position.quantity > 0 and position.sector_group is not None
            )
        )
