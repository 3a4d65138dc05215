"""A generated session in memory for the decision benches: list, context, trades, held stocks; always the same."""

import math
from datetime import date, datetime, time
from random import Random

from jennie_core.domain.base import KST
from jennie_core.domain.control import StopState
from jennie_core.domain.enums import IntradayRiskLevel, MarketRegime, RiskTag, TradeTier
from jennie_core.domain.macro import IntradayRisk, TradingContext
from jennie_core.domain.market import Tick
from jennie_core.domain.positions import Position
from jennie_core.domain.trading_settings import ScannerSettings
from jennie_core.domain.watchlist import HotWatchlist, WatchlistEntry
from jennie_core.krx.sessions import session_times
from jennie_core.krx.ticks import floor_to_tick
from jennie_core.strategy.bars import MINUTE_US
from jennie_core.strategy.exits import PositionContext
from jennie_core.strategy.scanner import ScannerCore

DAY = date(2025, 6, 27)
SESSION = session_times(DAY)
CODES = tuple(f"{number:05d}0" for number in range(1, 41))
SECOND_US = 1_000_000
MINUTES = 380
"""Of continuous trading in a usual session."""
BUY_PRICE_KRW = 50_000
HOLDINGS = 1_000
REGIMES = (*MarketRegime, None)


def context(regime: MarketRegime = MarketRegime.SIDEWAYS) -> TradingContext:
    """The council's context of the session, valid to its end."""
    return TradingContext(
        market_day=DAY,
        run_id="bench",
        market_regime=regime,
        position_multiplier=1.0,
        stop_loss_multiplier=1.0,
        risk_off_level=0,
        known_at=_at(7),
        expires_at=_at(16),
    )


def risk() -> IntradayRisk:
    """A calm throttle."""
    level = IntradayRiskLevel.NORMAL
    return IntradayRisk(level=level, position_multiplier=1.0, known_at=_at(8), expires_at=_at(16))


def scanner() -> ScannerCore:
    """A scanner with the shipped settings and 40 listed codes that has nothing against a buy."""
    core = ScannerCore(ScannerSettings(), SESSION)
    entries = tuple(_entry(code, rank) for rank, code in enumerate(CODES, 1))
    core.set_watchlist(
        HotWatchlist(
            version="bench",
            run_id="bench",
            market_day=DAY,
            market_regime=MarketRegime.SIDEWAYS,
            entries=entries,
            known_at=_at(8),
            expires_at=_at(16),
        )
    )
    core.set_context(context())
    core.set_intraday(risk())
    core.set_stops(StopState())
    core.set_cooldowns({}, {})
    return core


def one_crowded_minute(count: int) -> list[Tick]:
    """`count` trades of all codes within the session's second hour and one minute: no bar closes."""
    dice, start_us = Random(1), SESSION.after_open_us(60)
    walk = Walk(dice, step=0.0005)
    return [walk.trade(dice.choice(CODES), start_us + number * MINUTE_US // count) for number in range(count)]


def one_trade_a_minute() -> list[Tick]:
    """A session in which every code trades once a minute: each trade closes the bar of the minute before."""
    dice = Random(2)
    walk = Walk(dice, step=0.004)
    starts = (SESSION.after_open_us(minute) for minute in range(MINUTES))
    return [walk.trade(code, start_us + number * SECOND_US) for start_us in starts for number, code in enumerate(CODES)]


class Walk:
    """Random walks of all codes on the price grid, with running totals."""

    def __init__(self, dice: Random, step: float, start_krw: int = BUY_PRICE_KRW) -> None:
        """`step`: standard deviation of one move, as a ratio."""
        self._dice = dice
        self._step = step
        self._prices = {code: float(start_krw) for code in CODES}
        self._totals = dict.fromkeys(CODES, 0)

    def trade(self, code: str, exchange_us: int) -> Tick:
        """The next trade of one code."""
        self._prices[code] *= math.exp(self._dice.gauss(0, self._step))
        volume = max(1, int(self._dice.lognormvariate(4, 1)))
        self._totals[code] += volume
        price_krw = floor_to_tick(int(self._prices[code]), on=DAY)
        return Tick(code, price_krw, volume, self._totals[code], price_krw, price_krw, exchange_us, exchange_us + 5_000)


def held_session(count: int) -> list[Tick]:
    """`count` trades of all codes over continuous trading, in turn."""
    walk, length_us = Walk(Random(4), step=0.003), MINUTES * MINUTE_US
    return [
        walk.trade(CODES[number % len(CODES)], SESSION.open_us + number * length_us // count) for number in range(count)
    ]


def bought(code: str, price_krw: int = BUY_PRICE_KRW, trade_id: str | None = None) -> Position:
    """A hundred shares bought at one price today."""
    return Position(
        stock_code=code,
        stock_name=code,
        quantity=100,
        average_price_krw=float(price_krw),
        bought_on=DAY,
        atr_krw=price_krw * 0.02,
        trade_id=trade_id,
    )


def exit_paths(steps: int) -> list[tuple[PositionContext, list[int]]]:
    """Fresh holdings of every regime, age, size and reading, each with a path of `steps` prices from the buy price."""
    dice = Random(3)
    return [(_holding(dice, CODES[number % len(CODES)]), _prices(dice, steps)) for number in range(HOLDINGS)]


def _holding(dice: Random, code: str) -> PositionContext:
    return PositionContext(
        code=code,
        quantity=dice.choice((1, 20, 100, 1_000)),
        average_price_krw=float(BUY_PRICE_KRW),
        price_krw=BUY_PRICE_KRW,
        high_watermark_krw=BUY_PRICE_KRW,
        atr_krw=dice.choice((None, 300.0, 1_000.0, 2_500.0)),
        rsi=dice.choice((None, 50.0, 50.0, 80.0)),
        macd_divergence=dice.choice((None, False, False, True)),
        death_cross=dice.choice((None, False, False, True)),
        holding_days=dice.choice((None, 0, 1, 3, 5, 8, 12, 20, 31)),
        scale_out_level=dice.choice((0, 0, 1, 4)),
        regime=dice.choice(REGIMES),
    )


def _prices(dice: Random, steps: int) -> list[int]:
    price, path = float(BUY_PRICE_KRW), []
    for _ in range(steps):
        price *= math.exp(dice.gauss(0, 0.01))
        path.append(floor_to_tick(int(price), on=DAY))
    return path


def _entry(code: str, rank: int) -> WatchlistEntry:
    return WatchlistEntry(
        code=code,
        name=code,
        rank=rank,
        sector_group="반도체",
        quant_score=80.0,
        llm_score=80.0,
        hybrid_score=80.0,
        coverage_ratio=1.0,
        is_tradable=True,
        trade_tier=TradeTier.TIER1,
        risk_tag=RiskTag.NEUTRAL,
        previous_close_krw=BUY_PRICE_KRW,
        atr_krw=1_000.0,
        first_listed_on=date(2025, 6, 25),
        scored_at=_at(8),
    )


def _at(hour: int) -> datetime:
    return datetime.combine(DAY, time(hour), tzinfo=KST)
