"""What an entry starts from: a listed stock at the open and the signal that stands for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from jennie_core.domain.base import canonical_hash
from jennie_core.domain.decisions import Refusal
from jennie_core.domain.enums import SignalType
from jennie_core.domain.macro import SectorBudget
from jennie_core.domain.signals import BuySignal
from jennie_core.domain.watchlist import HotWatchlist, WatchlistEntry
from jennie_core.krx.sessions import SessionTimes
from jennie_core.replay.backtest_bars import Bar, Listing
from jennie_core.strategy.context import EffectiveContext
from jennie_core.strategy.gates import macro_refusal

SIGNAL = SignalType.MOMENTUM


@dataclass(frozen=True, slots=True)
class Offer:
    """One listed stock at the open."""

    entry: WatchlistEntry
    bar: Bar | None
    base_krw: int
    listing: Listing

    @property
    def price_krw(self) -> int:
        """The open; the close before when there is no trade."""
        return self.base_krw if self.bar is None or self.bar.is_halted else self.bar.open_krw

    @property
    def trades(self) -> bool:
        """Whether the stock trades on this session at all."""
        return self.bar is not None and not self.bar.is_halted


@dataclass(frozen=True, slots=True)
class Opening:
    """What all entries of one open share."""

    session: SessionTimes
    row: int
    context: EffectiveContext | Refusal
    watchlist: HotWatchlist
    budget: SectorBudget
    stop_loss_cooldowns: Mapping[str, datetime]
    sell_cooldowns: Mapping[str, datetime]


def buy_signal(offer: Offer, opening: Opening) -> BuySignal:
    """One signal of the momentum family at the open, whoever the list names."""
    entry, watchlist, open_us = offer.entry, opening.watchlist, opening.session.open_us
    context = opening.context
    return BuySignal(
        signal_id=canonical_hash([opening.session.day.isoformat(), entry.code]),
        stock_code=entry.code,
        stock_name=entry.name,
        signal_type=SIGNAL,
        signal_price_krw=offer.price_krw,
        source="scanner",
        market_regime=None if isinstance(context, Refusal) else context.regime,
        position_multiplier=0.0 if isinstance(context, Refusal) else context.position_multiplier,
        watchlist_version=watchlist.version,
        score_run_id=watchlist.run_id,
        hybrid_score=entry.hybrid_score,
        llm_score=entry.llm_score,
        is_tradable=entry.is_tradable,
        trade_tier=entry.trade_tier,
        risk_tag=entry.risk_tag,
        sector_group=entry.sector_group,
        atr_krw=entry.atr_krw,
        scored_on=entry.scored_at.date(),
        tick_exchange_us=open_us,
        tick_received_us=open_us,
        signalled_at=opening.session.open_at,
    )


def context_refusal(context: EffectiveContext) -> Refusal | None:
    """The scanner's gates that need no minute bar: R-GATE-05, then R-STRAT-11 (a kind of signal the council avoids)."""
    refusal = macro_refusal(context)
    if refusal is not None or SIGNAL not in context.strategies_to_avoid:
        return refusal
    return Refusal(rule="R-STRAT-11", detail="the council avoids this strategy", value=SIGNAL.value)
