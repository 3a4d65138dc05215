"""The exit rules in order of priority, first match wins (R-EXIT-01..21). Percent values are percent of the buy price.

A reading that is unknown (ATR, RSI, crosses, holding days) switches off the rule that needs it, never the others: the
hard stop, the fixed stop and the trailing stop need prices alone.
"""

from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from jennie_core.domain.enums import MarketRegime, SellReason
from jennie_core.domain.trading_settings import SellSettings
from jennie_core.strategy.exit_tables import EXIT_ROWS, ExitRow

LOCK2_ATR, LOCK2_RANGE_PCT, LOCK2_FLOOR_PCT = 2.5, (3.0, 5.0), 1.0
LOCK1_ATR, LOCK1_RANGE_PCT, LOCK1_FLOOR_PCT = 1.5, (1.5, 3.0), 0.2
DIVERGENCE_ATR_FACTOR, DEATH_CROSS_ATR_FACTOR = 0.75, 0.8
DIVERGENCE_ACTIVATION_FACTOR, DEATH_CROSS_ACTIVATION_FACTOR = 0.8, 0.7
LOWEST_LOCK_PCT = min(LOCK1_RANGE_PCT[0], LOCK2_RANGE_PCT[0])
RSI_SELL_PCT = 50.0
DEATH_CROSS_MAX_PROFIT_PCT = -1.0


@dataclass(slots=True)
class PositionContext:
    """What the exit rules look at for one held stock. Mutable, so the tick path only moves price and watermark."""

    code: str
    quantity: int
    average_price_krw: float
    price_krw: int
    high_watermark_krw: int
    atr_krw: float | None = None
    rsi: float | None = None
    macd_divergence: bool | None = None
    death_cross: bool | None = None
    holding_days: int | None = None
    """Calendar days since the first fill; None = unknown."""
    scale_out_level: int = 0
    rsi_sold: bool = False
    profit_floor_armed: bool = False
    regime: MarketRegime | None = None
    """None: never known, the tightest row of each table holds."""
    stop_loss_multiplier: float = 1.0


class ExitDecision(NamedTuple):
    """What to sell and which rule says so."""

    rule: str
    reason: SellReason
    quantity: int
    is_full: bool
    threshold: float
    """The limit that was crossed: percent of profit, or won for rules on the price."""
    scale_out_level: int | None = None
    """Level reached by a scale-out; it advances on the fill (R-MON-06)."""


def profit_pct(price_krw: float, average_price_krw: float) -> float:
    """Profit in percent of the average buy price (R-MON-03); written so that 90 of 100 is -10 exactly."""
    return (price_krw - average_price_krw) * 100 / average_price_krw


def has_valid_prices(position: PositionContext) -> bool:
    """R-EXIT-21: a buy price or price that is zero, negative or not a number allows no decision; raise an alarm."""
    return 0 < position.average_price_krw < inf and position.price_krw > 0 and position.quantity > 0


def evaluate_exit(position: PositionContext, settings: SellSettings) -> ExitDecision | None:
    """The first exit rule that fires, or None; None as well for prices that allow no decision (R-EXIT-21)."""
    return first_exit(position, settings) if has_valid_prices(position) else None


def first_exit(position: PositionContext, settings: SellSettings) -> ExitDecision | None:
    """`evaluate_exit` for a position whose prices were found valid."""
    average = position.average_price_krw
    profit = (position.price_krw - average) * 100 / average
    high = (position.high_watermark_krw - average) * 100 / average
    row = EXIT_ROWS[position.regime]
    return (
        _protective(position, settings, profit, high)
        or _stops(position, settings, row, profit)
        or _trailing(position, settings, row, profit, high)
        or _profit_taking(position, settings, row, profit, high)
        or _last_resorts(position, settings, row, profit)
    )


def tighten_pp(holding_days: int | None, row: ExitRow, settings: SellSettings) -> float:
    """Percentage points by which the fixed stop tightens with age (R-EXIT-15, R-EXIT-18)."""
    start = row.tighten_after_days
    if holding_days is None or holding_days <= start:
        return 0.0
    ceiling = settings.time_tighten_max_pp
    return min(ceiling, ceiling * (holding_days - start) / (settings.max_holding_days - start))


def stop_price_krw(position: PositionContext, settings: SellSettings) -> float:
    """The highest price at which a stop (hard, ATR or fixed) fires now; for pages and for the risk of a position."""
    average, row = position.average_price_krw, EXIT_ROWS[position.regime]
    fixed_pct = settings.stop_loss_pct * position.stop_loss_multiplier - tighten_pp(
        position.holding_days, row, settings
    )
    prices = [average * (1 - settings.hard_stop_pct / 100), average * (1 - fixed_pct / 100)]
    atr_stop = _atr_stop_price(position, settings)
    if atr_stop is not None:
        prices.append(atr_stop)
    return max(prices)


def _protective(position: PositionContext, settings: SellSettings, profit: float, high: float) -> ExitDecision | None:
    """Hard stop, profit floor, profit locks, breakeven (R-EXIT-01..05)."""
    if profit <= -settings.hard_stop_pct:
        return _full(position, "R-EXIT-01", SellReason.STOP_LOSS, -settings.hard_stop_pct)
    floor_armed = position.profit_floor_armed or high >= settings.profit_floor_activation_pct
    if floor_armed and profit < settings.profit_floor_pct:
        return _full(position, "R-EXIT-02", SellReason.PROFIT_FLOOR, settings.profit_floor_pct)
    atr = position.atr_krw
    if atr is not None and atr > 0 and high >= LOWEST_LOCK_PCT:
        atr_pct = atr / position.average_price_krw * 100
        if profit < LOCK2_FLOOR_PCT and _reaches(high, LOCK2_ATR * atr_pct, LOCK2_RANGE_PCT):
            return _full(position, "R-EXIT-03", SellReason.TRAILING_STOP, LOCK2_FLOOR_PCT)
        if profit < LOCK1_FLOOR_PCT and _reaches(high, LOCK1_ATR * atr_pct, LOCK1_RANGE_PCT):
            return _full(position, "R-EXIT-04", SellReason.TRAILING_STOP, LOCK1_FLOOR_PCT)
    if high >= settings.breakeven_activation_pct and profit < settings.breakeven_floor_pct:
        return _full(position, "R-EXIT-05", SellReason.BREAKEVEN_STOP, settings.breakeven_floor_pct)
    return None


def _stops(position: PositionContext, settings: SellSettings, row: ExitRow, profit: float) -> ExitDecision | None:
    """ATR stop and fixed stop (R-EXIT-06, R-EXIT-07)."""
    atr_stop = _atr_stop_price(position, settings)
    if atr_stop is not None and position.price_krw <= atr_stop:
        return _full(position, "R-EXIT-06", SellReason.STOP_LOSS, atr_stop)
    limit = -settings.stop_loss_pct * position.stop_loss_multiplier + tighten_pp(position.holding_days, row, settings)
    if profit <= limit:
        return _full(position, "R-EXIT-07", SellReason.STOP_LOSS, limit)
    return None


def _atr_stop_price(position: PositionContext, settings: SellSettings) -> float | None:
    if position.atr_krw is None or not position.atr_krw > 0:
        return None
    multiple = settings.atr_multiplier * position.stop_loss_multiplier
    if position.macd_divergence:
        multiple *= DIVERGENCE_ATR_FACTOR
    elif position.death_cross:
        multiple *= DEATH_CROSS_ATR_FACTOR
    return position.average_price_krw - multiple * position.atr_krw


def _trailing(
    position: PositionContext, settings: SellSettings, row: ExitRow, profit: float, high: float
) -> ExitDecision | None:
    """Trailing stop (R-EXIT-08, R-EXIT-14)."""
    if profit < settings.trailing_min_profit_pct or not settings.trailing_enabled:
        return None
    activation = settings.trailing_activation_pct
    if position.macd_divergence:
        activation *= DIVERGENCE_ACTIVATION_FACTOR
    elif position.death_cross:
        activation *= DEATH_CROSS_ACTIVATION_FACTOR
    limit = position.high_watermark_krw * (1 - row.trailing_drop_pct / 100)
    if high >= activation and position.price_krw <= limit:
        return _full(position, "R-EXIT-08", SellReason.TRAILING_STOP, limit)
    return None


def _profit_taking(
    position: PositionContext, settings: SellSettings, row: ExitRow, profit: float, high: float
) -> ExitDecision | None:
    """Scale-out, overbought RSI, profit target (R-EXIT-09..11)."""
    decision = _scale_out(position, settings, row, profit)
    if decision is not None:
        return decision
    if profit >= settings.rsi_min_profit_pct and _is_overbought(position, settings):
        trailing_takes_over = settings.trailing_enabled and high >= settings.trailing_activation_pct
        if not trailing_takes_over:
            quantity = part_quantity(position.quantity, RSI_SELL_PCT)
            is_full = quantity == position.quantity
            return ExitDecision("R-EXIT-10", SellReason.RSI_OVERBOUGHT, quantity, is_full, settings.rsi_overbought)
    if profit >= settings.profit_target_pct and not settings.trailing_enabled:
        return _full(position, "R-EXIT-11", SellReason.PROFIT_TARGET, settings.profit_target_pct)
    return None


def _scale_out(position: PositionContext, settings: SellSettings, row: ExitRow, profit: float) -> ExitDecision | None:
    """R-EXIT-09 with the guards of R-EXIT-19, by value only.

    A part worth less than the minimum waits; when the next level is reached as well, both parts go together, so a
    small position is not blocked at its first level for good.
    """
    if profit < row.scale_out[0].profit_pct:
        return None
    sell_pct = 0.0
    price = position.price_krw
    for index in range(position.scale_out_level, len(row.scale_out)):
        level = row.scale_out[index]
        if profit < level.profit_pct:
            return None
        sell_pct += level.sell_pct
        quantity = part_quantity(position.quantity, sell_pct)
        if quantity * price < settings.min_transaction_krw:
            if position.quantity * price >= 2 * settings.min_transaction_krw:
                continue
            quantity = position.quantity
        elif (position.quantity - quantity) * price < settings.min_transaction_krw:
            quantity = position.quantity
        is_full = quantity == position.quantity
        return ExitDecision(
            "R-EXIT-09", SellReason.PROFIT_TARGET, quantity, is_full, level.profit_pct, scale_out_level=index + 1
        )
    return None


def _last_resorts(
    position: PositionContext, settings: SellSettings, row: ExitRow, profit: float
) -> ExitDecision | None:
    """Death cross and time exit (R-EXIT-12, R-EXIT-13)."""
    if position.death_cross and row.death_cross_exit and profit < DEATH_CROSS_MAX_PROFIT_PCT:
        return _full(position, "R-EXIT-12", SellReason.DEATH_CROSS, DEATH_CROSS_MAX_PROFIT_PCT)
    if position.holding_days is not None and position.holding_days >= settings.max_holding_days:
        return _full(position, "R-EXIT-13", SellReason.TIME_EXIT, float(settings.max_holding_days))
    return None


def _is_overbought(position: PositionContext, settings: SellSettings) -> bool:
    return not position.rsi_sold and position.rsi is not None and position.rsi >= settings.rsi_overbought


def part_quantity(quantity: int, sell_pct: float) -> int:
    """R-MON-05: at least one share, never more than held."""
    return min(quantity, max(1, int(quantity * sell_pct / 100)))


def _full(position: PositionContext, rule: str, reason: SellReason, threshold: float) -> ExitDecision:
    return ExitDecision(rule, reason, position.quantity, True, threshold)


def _reaches(high: float, activation: float, bounds: tuple[float, float]) -> bool:
    """Whether the highest profit reaches an activation that is kept within bounds."""
    lowest, highest = bounds
    return high >= lowest and (high >= activation or high >= highest)
