"""What the monitor remembers of one held stock."""

from dataclasses import dataclass
from datetime import date

from jennie_core.domain.positions import Position
from jennie_core.strategy.exits import PositionContext


@dataclass(frozen=True, slots=True)
class PositionIndicators:
    """Daily indicators of one held stock, recomputed every 300 s (R-MON-01); None = unknown."""

    atr_krw: float | None = None
    rsi: float | None = None
    death_cross: bool | None = None
    macd_divergence: bool | None = None


@dataclass(frozen=True, slots=True)
class WatermarkChange:
    """Monitor state worth keeping: the high watermark and the profit-floor flag of one code (R-MON-03, R-MON-04)."""

    code: str
    high_watermark_krw: int
    profit_floor_armed: bool


@dataclass(slots=True)
class OpenSell:
    """The one open sell of a code: it blocks further ones until it is done or its lock ends (R-MON-06)."""

    order_id: str
    quantity_after: int
    until_us: int


class HeldStock:
    """Position, price, watermark and lock of one code. Times are microseconds of market time."""

    __slots__ = (
        "context",
        "heard_us",
        "is_halted",
        "is_stale",
        "last_evaluated_us",
        "last_tick_received_us",
        "last_tick_us",
        "open_sell",
        "position",
        "prices_invalid",
        "quiet_reason",
        "raised_rule",
        "since_us",
    )

    def __init__(self, position: Position, since_us: int, market_day: date) -> None:
        self.position = position
        self.since_us = since_us
        self.last_tick_us: int | None = None
        self.heard_us = since_us
        """When a trade, or the reason why there is none, was last heard of."""
        self.last_tick_received_us: int | None = None
        self.last_evaluated_us = since_us
        self.open_sell: OpenSell | None = None
        self.raised_rule: str | None = None
        self.quiet_reason: str | None = None
        self.is_halted = False
        self.is_stale = False
        self.prices_invalid = False
        self.context = PositionContext(
            code=position.stock_code,
            quantity=position.quantity,
            average_price_krw=position.average_price_krw,
            price_krw=0,
            high_watermark_krw=_start_watermark(position),
            atr_krw=position.atr_krw,
        )
        self._copy_state(position, market_day)

    def update(self, position: Position, market_day: date, *, restate: bool = False) -> None:
        """Take the position's new state after a fill or a refresh; the watermark never falls within one holding.

        `restate`: shares or average price were restated (a split): the position's own watermark holds and the last
        price is forgotten until the next trade.
        """
        is_new_holding = position.trade_id != self.position.trade_id and position.trade_id is not None
        context = self.context
        context.quantity = position.quantity
        context.average_price_krw = position.average_price_krw
        if position.atr_krw is not None:
            context.atr_krw = position.atr_krw
        start = _start_watermark(position)
        if restate:
            context.price_krw = 0
            context.high_watermark_krw = start
        elif is_new_holding:
            context.high_watermark_krw = max(start, context.price_krw)
        else:
            context.high_watermark_krw = max(start, context.high_watermark_krw)
        if restate or is_new_holding:
            context.profit_floor_armed = position.profit_floor_armed
        self._copy_state(position, market_day)
        self.position = position
        if self.open_sell is not None and position.quantity <= self.open_sell.quantity_after:
            self.open_sell = None

    def apply_indicators(self, indicators: PositionIndicators) -> None:
        """Replace the daily indicators; an unknown ATR keeps the one stored with the position."""
        context = self.context
        if indicators.atr_krw is not None:
            context.atr_krw = indicators.atr_krw
        context.rsi = indicators.rsi
        context.death_cross = indicators.death_cross
        context.macd_divergence = indicators.macd_divergence

    def move_price(self, price_krw: int, profit_floor_activation_pct: float) -> bool:
        """Take a trade price; True when the watermark rose or the profit floor was armed."""
        context = self.context
        context.price_krw = price_krw
        if price_krw <= context.high_watermark_krw:
            return False
        context.high_watermark_krw = price_krw
        average = context.average_price_krw
        if average > 0 and (price_krw - average) * 100 / average >= profit_floor_activation_pct:
            context.profit_floor_armed = True
        return True

    def watermark(self) -> WatermarkChange:
        """The state to be stored."""
        return WatermarkChange(self.context.code, self.context.high_watermark_krw, self.context.profit_floor_armed)

    def _copy_state(self, position: Position, market_day: date) -> None:
        context = self.context
        context.scale_out_level = position.scale_out_level
        context.rsi_sold = position.rsi_sold
        context.profit_floor_armed = context.profit_floor_armed or position.profit_floor_armed
        bought_on = position.bought_on
        context.holding_days = None if bought_on is None else (market_day - bought_on).days


def _start_watermark(position: Position) -> int:
    """The stored watermark, at least the buy price (R-MON-03)."""
    bought_at = int(position.average_price_krw)
    stored = position.high_watermark_krw
    return bought_at if stored is None else max(stored, bought_at)
