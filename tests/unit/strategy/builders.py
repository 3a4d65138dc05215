"""Small makers of valid inputs; a test overrides only what it is about."""

from datetime import date, datetime, time, timedelta
from typing import Any

from jennie_core.domain.base import KST, from_epoch_us, to_epoch_us
from jennie_core.domain.control import StopState
from jennie_core.domain.enums import IntradayRiskLevel, MarketRegime, RiskTag, SignalType, TradeTier
from jennie_core.domain.macro import IntradayRisk, TradingContext
from jennie_core.domain.market import Tick
from jennie_core.domain.positions import Position
from jennie_core.domain.signals import BuySignal
from jennie_core.domain.trading_settings import ScannerSettings, TradingSettings
from jennie_core.domain.watchlist import HotWatchlist, WatchlistEntry
from jennie_core.krx.sessions import session_times
from jennie_core.strategy.bars import MINUTE_US
from jennie_core.strategy.exits import PositionContext
from jennie_core.strategy.scanner import Decision, ScannerCore

DAY = date(2025, 6, 27)
SESSION = session_times(DAY)
CODE = "005930"
SETTINGS = TradingSettings()


def at(clock: str, day: date = DAY) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), tzinfo=KST)


def us(clock: str, day: date = DAY) -> int:
    return to_epoch_us(at(clock, day))


def context(**changes: Any) -> TradingContext:
    values: dict[str, Any] = {
        "market_day": DAY,
        "run_id": "council-1",
        "market_regime": MarketRegime.SIDEWAYS,
        "position_multiplier": 1.0,
        "stop_loss_multiplier": 1.0,
        "risk_off_level": 0,
        "known_at": at("07:30"),
        "expires_at": at("15:30"),
    }
    return TradingContext.model_validate(values | changes)


def risk(level: IntradayRiskLevel = IntradayRiskLevel.NORMAL, **changes: Any) -> IntradayRisk:
    values: dict[str, Any] = {
        "level": level,
        "position_multiplier": 1.0,
        "known_at": at("08:55"),
        "expires_at": at("15:30"),
    }
    return IntradayRisk.model_validate(values | changes)


def entry(code: str = CODE, **changes: Any) -> WatchlistEntry:
    values: dict[str, Any] = {
        "code": code,
        "name": f"name-{code}",
        "rank": 1,
        "sector_group": "반도체/IT",
        "quant_score": 80.0,
        "llm_score": 80.0,
        "hybrid_score": 80.0,
        "coverage_ratio": 1.0,
        "is_tradable": True,
        "trade_tier": TradeTier.TIER1,
        "risk_tag": RiskTag.NEUTRAL,
        "previous_close_krw": 10_000,
        "atr_krw": 200.0,
        "first_listed_on": date(2025, 6, 25),
        "scored_at": at("08:30"),
    }
    return WatchlistEntry.model_validate(values | changes)


def watchlist(*entries: WatchlistEntry, **changes: Any) -> HotWatchlist:
    values: dict[str, Any] = {
        "version": "wl-1",
        "run_id": "scout-1",
        "market_day": DAY,
        "market_regime": MarketRegime.SIDEWAYS,
        "entries": entries or (entry(),),
        "known_at": at("08:31"),
        "expires_at": at("15:30"),
    }
    return HotWatchlist.model_validate(values | changes)


def tick(
    price: int, exchange_us: int, volume: int = 10, code: str = CODE, phase: str = "0", received_us: int | None = None
) -> Tick:
    received = exchange_us + 5_000 if received_us is None else received_us
    return Tick(code, price, volume, 0, price, price, exchange_us, received, phase)


def scanner(settings: ScannerSettings | None = None, *entries: WatchlistEntry, **inputs: Any) -> ScannerCore:
    """A core that knows everything and has nothing against a buy."""
    core = ScannerCore(SETTINGS.scanner if settings is None else settings, SESSION)
    core.set_watchlist(inputs.get("watchlist", watchlist(*entries)), inputs.get("manual"))
    core.set_context(inputs.get("context", context()))
    core.set_intraday(inputs.get("risk", risk()))
    core.set_stops(inputs.get("stops", StopState()))
    core.set_cooldowns({}, {})
    return core


class Feed:
    """Feeds whole one-minute bars of one code; a bar closes with the first tick of the next."""

    def __init__(self, core: ScannerCore, code: str = CODE, start: str = "09:00") -> None:
        self.core = core
        self.code = code
        self.now_us = us(start)

    def bar(
        self, close: int, *, open_: int | None = None, high: int | None = None, low: int | None = None, volume: int = 40
    ) -> list[Decision]:
        """One minute: open, high, low, close in order; returns what its first tick decided (the bar before closed)."""
        open_ = close if open_ is None else open_
        path = [
            open_,
            max(open_, close) if high is None else high,
            min(open_, close) if low is None else low,
            close,
        ]
        decisions: list[Decision] = []
        for index, price in enumerate(path):
            exchange_us = self.now_us + index * 15_000_000
            decisions.extend(self.core.on_tick(tick(price, exchange_us, volume // 4, self.code)))
        self.now_us += MINUTE_US
        return decisions

    def bars(self, *closes: int, volume: int = 40) -> list[Decision]:
        decisions: list[Decision] = []
        for close in closes:
            decisions.extend(self.bar(close, volume=volume))
        return decisions

    def close(self) -> list[Decision]:
        """Let the timer close the running bar."""
        return list(self.core.on_mark(self.now_us + 1_000_000))

    def jump_to(self, clock: str) -> None:
        self.now_us = us(clock)


def position(code: str = CODE, **changes: Any) -> Position:
    values: dict[str, Any] = {
        "stock_code": code,
        "stock_name": f"name-{code}",
        "quantity": 100,
        "average_price_krw": 10_000.0,
        "sector_group": "반도체/IT",
        "bought_on": DAY,
        "trade_id": "buy-1",
    }
    return Position.model_validate(values | changes)


def exit_position(profit: float = 0.0, high: float | None = None, **changes: Any) -> PositionContext:
    """A position bought at 10,000 won with a profit and a highest profit in percent, in a SIDEWAYS market."""
    price = round(10_000 * (100 + profit) / 100)
    peak = price if high is None else round(10_000 * (100 + high) / 100)
    values: dict[str, Any] = {
        "code": CODE,
        "quantity": 1_000,
        "average_price_krw": 10_000.0,
        "price_krw": price,
        "high_watermark_krw": max(peak, 10_000),
        "regime": MarketRegime.SIDEWAYS,
    }
    return PositionContext(**(values | changes))


def signal(**changes: Any) -> BuySignal:
    values: dict[str, Any] = {
        "signal_id": "sig-1",
        "stock_code": CODE,
        "stock_name": "Samsung",
        "signal_type": SignalType.ORB_BREAKOUT,
        "signal_price_krw": 10_000,
        "source": "scanner",
        "market_regime": MarketRegime.SIDEWAYS,
        "position_multiplier": 1.0,
        "watchlist_version": "wl-1",
        "score_run_id": "scout-1",
        "hybrid_score": 85.0,
        "llm_score": 75.0,
        "is_tradable": True,
        "trade_tier": TradeTier.TIER1,
        "risk_tag": RiskTag.NEUTRAL,
        "sector_group": "반도체/IT",
        "tick_exchange_us": us("09:30"),
        "tick_received_us": us("09:30"),
        "signalled_at": at("09:30"),
    }
    return BuySignal.model_validate(values | changes)


def later(instant: datetime, **delta: float) -> datetime:
    return instant + timedelta(**delta)


def clock_of(market_us: int) -> str:
    return from_epoch_us(market_us).strftime("%H:%M:%S")
