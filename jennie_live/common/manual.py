"""An owner's own orders as typed messages: said by page or Telegram, carried out by the executors (R-TG-16)."""

from datetime import datetime

from jennie_core.domain.base import to_epoch_us
from jennie_core.domain.enums import MarketRegime, RiskTag, SellReason, SignalType, TradeTier
from jennie_core.domain.market import Quote
from jennie_core.domain.signals import BuySignal, SellOrder
from jennie_core.domain.watchlist import HotWatchlist
from jennie_infra.clock import real_now_us

MANUAL_RULE = "MANUAL"
NOT_LISTED = "manual"
"""Watchlist version and score run of an order that no watchlist asked for."""
UNKNOWN_SECTOR = "기타"
MANUAL_CASH_RATIO = 0.2
"""Share of the orderable cash that a manual buy without a quantity asks for (R-TG-16)."""


def manual_buy(
    *,
    signal_id: str,
    quote: Quote,
    quantity: int,
    now: datetime,
    watchlist: HotWatchlist | None,
    regime: MarketRegime | None,
    sector_group: str | None = None,
) -> BuySignal:
    """A buy of `quantity` shares at the quoted price; the executor's caps and the permit still apply."""
    entry = None if watchlist is None else watchlist.entry(quote.code)
    return BuySignal(
        signal_id=signal_id,
        stock_code=quote.code,
        stock_name=quote.name,
        signal_type=SignalType.MANUAL,
        signal_price_krw=quote.price_krw,
        source="manual",
        market_regime=regime,
        position_multiplier=1.0,
        watchlist_version=watchlist.version if watchlist is not None and entry is not None else NOT_LISTED,
        score_run_id=watchlist.run_id if watchlist is not None and entry is not None else NOT_LISTED,
        hybrid_score=entry.hybrid_score if entry else None,
        llm_score=entry.llm_score if entry else None,
        is_tradable=True,
        trade_tier=entry.trade_tier if entry and entry.is_tradable else TradeTier.TIER2,
        risk_tag=entry.risk_tag if entry else RiskTag.NEUTRAL,
        sector_group=entry.sector_group if entry else sector_group or UNKNOWN_SECTOR,
        atr_krw=entry.atr_krw if entry else None,
        scored_on=watchlist.market_day if watchlist is not None and entry is not None else None,
        requested_quantity=quantity,
        tick_exchange_us=to_epoch_us(quote.quoted_at),
        tick_received_us=real_now_us(),
        signalled_us=real_now_us(),
        signalled_at=now,
    )


def manual_sell(
    *,
    order_id: str,
    code: str,
    name: str,
    quantity: int,
    trigger_price_krw: int,
    average_price_krw: float | None,
    now: datetime,
) -> SellOrder:
    """A MANUAL sell; it passes every stop (O4)."""
    profit_pct = round((trigger_price_krw / average_price_krw - 1) * 100, 2) if average_price_krw else None
    return SellOrder(
        order_id=order_id,
        stock_code=code,
        stock_name=name,
        sell_reason=SellReason.MANUAL,
        rule=MANUAL_RULE,
        trigger_price_krw=trigger_price_krw,
        quantity=quantity,
        average_price_krw=average_price_krw,
        profit_pct=profit_pct,
        signalled_us=real_now_us(),
        raised_at=now,
    )


def shares_for_cash(orderable_cash_krw: int, price_krw: int) -> int:
    """Shares that `MANUAL_CASH_RATIO` of the cash buys."""
    return int(orderable_cash_krw * MANUAL_CASH_RATIO) // price_krw
