"""The checks before a buy, in order; the first failure refuses (R-BUY-01..11, R-BUY-14, R-BUY-16, R-BUY-17, O4-O6, Q3).

Whatever could not be read is None and refuses. Sizing, correlation and guard follow in `buying`.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from jennie_core.domain.control import StopState
from jennie_core.domain.decisions import Refusal
from jennie_core.domain.enums import ListingStatus, TradeTier
from jennie_core.domain.signals import BuySignal
from jennie_core.domain.trading_settings import TradingSettings
from jennie_core.krx.sessions import SessionTimes
from jennie_core.strategy.context import EffectiveContext, no_buys_refusal

MIN_HYBRID = 40.0


@dataclass(frozen=True, slots=True)
class BuyFacts:
    """Everything the checks look at, read by the executor just before deciding."""

    signal: BuySignal
    market_time: datetime
    session: SessionTimes
    is_session: bool | None
    seen_signal_ids: Collection[str] | None
    stops: StopState | None
    permit_refusal: Refusal | None
    """None = the permit is valid now (O6)."""
    loss_refusal: Refusal | None
    """None = below both loss limits (`loss_limits.loss_refusal`)."""
    context: EffectiveContext | Refusal
    held_codes: Collection[str] | None
    """Codes with managed shares (O3); None = positions unknown."""
    open_buy_codes: Collection[str] | None
    """Codes with an unresolved buy intent (O1)."""
    stop_loss_cooldowns: Mapping[str, datetime] | None
    sell_cooldowns: Mapping[str, datetime] | None
    buys_today: int | None
    """Filled buys plus buys in flight of this market day."""
    listing_status: ListingStatus | None
    is_interrupted: bool | None
    """Volatility interruption on the newest quote; None = unknown."""
    price_krw: int | None
    """The broker's price now; None falls back to the signal's (R-BUY-11)."""
    cash_krw: int | None


Check = Callable[[BuyFacts, TradingSettings], Refusal | None]


def not_seen(facts: BuyFacts, settings: TradingSettings) -> Refusal | None:
    """R-MSG-06: a signal acts once, whatever the stream redelivers."""
    if facts.seen_signal_ids is None:
        return Refusal(rule="R-MSG-06", detail="handled signals unknown")
    if facts.signal.signal_id in facts.seen_signal_ids:
        return Refusal(rule="R-MSG-06", detail="signal already handled", value=facts.signal.signal_id)
    return None


def not_expired(facts: BuyFacts, settings: TradingSettings) -> Refusal | None:
    """R-BUY-14: older than 60 s of market time."""
    age = (facts.market_time - facts.signal.signalled_at).total_seconds()
    limit = settings.risk.signal_validity_seconds
    if age <= limit:
        return None
    return Refusal(rule="R-BUY-14", detail="signal expired", value=round(age, 1), limit=float(limit))


def market_hours(facts: BuyFacts, settings: TradingSettings) -> Refusal | None:
    """R-BUY-01, R-CAL-02, R-CAL-04: a known session, from the open to the entry cut-off."""
    if facts.is_session is not True:
        known = "closed" if facts.is_session is False else "unknown, hence closed"
        return Refusal(rule="R-CAL-01", detail=f"market day {known}", value=facts.session.day.isoformat())
    cutoff = settings.scanner.entry_cutoff_minutes_before_close
    if facts.session.allows_entries_at(facts.market_time, cutoff):
        return None
    return Refusal(rule="R-BUY-01", detail="outside entry hours", value=facts.market_time.strftime("%H:%M:%S"))


def not_stopped(facts: BuyFacts, settings: TradingSettings) -> Refusal | None:
    """R-BUY-02, R-BUY-16: pause and halt; unknown stops refuse."""
    if facts.stops is None:
        return Refusal(rule="R-BUY-02", detail="stop state unknown")
    if not facts.stops.blocks_buys:
        return None
    return Refusal(rule="R-BUY-02", detail="halted" if facts.stops.halted else "paused", value=facts.stops.reason)


def permitted(facts: BuyFacts, settings: TradingSettings) -> Refusal | None:
    """O6: no valid permit, no buys."""
    return facts.permit_refusal


def below_loss_limits(facts: BuyFacts, settings: TradingSettings) -> Refusal | None:
    """R-GRD-08, O5."""
    return facts.loss_refusal


def context_known(facts: BuyFacts, settings: TradingSettings) -> Refusal | None:
    """R-REG-09, R-THR-07: an unknown context or a multiplier of 0 means no buys."""
    return facts.context if isinstance(facts.context, Refusal) else no_buys_refusal(facts.context)


def tradable(facts: BuyFacts, settings: TradingSettings) -> Refusal | None:
    """R-BUY-03: BLOCKED, or not tradable for any other reason."""
    signal = facts.signal
    if signal.trade_tier is not TradeTier.BLOCKED and signal.is_tradable:
        return None
    return Refusal(rule="R-BUY-03", detail="not tradable", value=signal.trade_tier.value)


def score_high_enough(facts: BuyFacts, settings: TradingSettings) -> Refusal | None:
    """R-BUY-04: hybrid score 40 or more; an owner's own order needs no score."""
    if facts.signal.source == "manual":
        return None
    score = facts.signal.hybrid_score
    if score is not None and score >= MIN_HYBRID:
        return None
    return Refusal(rule="R-BUY-04", detail="hybrid score too low or unknown", value=score, limit=MIN_HYBRID)


def listing_allows(facts: BuyFacts, settings: TradingSettings) -> Refusal | None:
    """Q3: the listing's status is read again before each buy."""
    if facts.listing_status is ListingStatus.NORMAL:
        return None
    status = "unknown" if facts.listing_status is None else facts.listing_status.value
    return Refusal(rule="Q3-status", detail="listing status forbids buying", value=status, limit="normal")


def trading_goes_on(facts: BuyFacts, settings: TradingSettings) -> Refusal | None:
    """R-BUY-17: not into a volatility interruption; a halt is a status of the listing (`listing_allows`)."""
    if facts.is_interrupted is False:
        return None
    detail = "trading interrupted" if facts.is_interrupted else "whether trading is interrupted is unknown"
    return Refusal(rule="R-BUY-17", detail=detail, value=facts.signal.stock_code, limit="continuous trading")


def not_held(facts: BuyFacts, settings: TradingSettings) -> Refusal | None:
    """R-BUY-05, R-BUY-06, O1: positions known, code neither held nor being bought."""
    if facts.held_codes is None or facts.open_buy_codes is None:
        return Refusal(rule="R-BUY-05", detail="positions or open orders unknown")
    if facts.signal.stock_code in facts.held_codes:
        return Refusal(rule="R-BUY-06", detail="already held", value=facts.signal.stock_code)
    if facts.signal.stock_code in facts.open_buy_codes:
        return Refusal(rule="R-BUY-10", detail="a buy of this stock is unresolved", value=facts.signal.stock_code)
    return None


def no_cooldown(facts: BuyFacts, settings: TradingSettings) -> Refusal | None:
    """R-BUY-07: stop-loss cooldown, then sell cooldown; the owner's own order passes both."""
    if facts.signal.source == "manual":
        return None
    for name, ends in (("stop-loss cooldown", facts.stop_loss_cooldowns), ("sell cooldown", facts.sell_cooldowns)):
        if ends is None:
            return Refusal(rule="R-BUY-07", detail=f"{name} unknown")
        end = ends.get(facts.signal.stock_code)
        if end is not None and facts.market_time < end:
            return Refusal(rule="R-BUY-07", detail=name, value=end.isoformat())
    return None


def buys_left_today(facts: BuyFacts, settings: TradingSettings) -> Refusal | None:
    """R-BUY-08, R-BUY-16: fewer than 6 buys today; an unknown count refuses."""
    limit = settings.risk.max_buys_per_day
    if facts.buys_today is None:
        return Refusal(rule="R-BUY-08", detail="number of buys today unknown", limit=float(limit))
    if facts.buys_today < limit:
        return None
    return Refusal(rule="R-BUY-08", detail="buys today", value=float(facts.buys_today), limit=float(limit))


def position_slot_left(facts: BuyFacts, settings: TradingSettings) -> Refusal | None:
    """R-BUY-09: fewer than 10 positions, buys in flight counted."""
    if facts.held_codes is None or facts.open_buy_codes is None:
        return Refusal(rule="R-BUY-05", detail="positions or open orders unknown")
    count, limit = len({*facts.held_codes, *facts.open_buy_codes}), settings.risk.max_positions
    if count < limit:
        return None
    return Refusal(rule="R-BUY-09", detail="positions", value=float(count), limit=float(limit))


def price_still_fits(facts: BuyFacts, settings: TradingSettings) -> Refusal | None:
    """R-BUY-11, R-BUY-14: a positive price that has not run away upwards by more than 1.5 %."""
    price, signal_price = buy_price_krw(facts), facts.signal.signal_price_krw
    if price <= 0:
        return Refusal(rule="R-BUY-11", detail="price not positive", value=float(price), limit="> 0")
    move = (price - signal_price) * 100 / signal_price
    if move <= settings.risk.max_adverse_move_pct:
        return None
    return Refusal(
        rule="R-BUY-14", detail="price ran away", value=round(move, 3), limit=settings.risk.max_adverse_move_pct
    )


def cash_known(facts: BuyFacts, settings: TradingSettings) -> Refusal | None:
    """I4: an unknown balance is not zero and not enough either."""
    return Refusal(rule="R-BUY-05", detail="cash unknown") if facts.cash_krw is None else None


CHECKS: tuple[Check, ...] = (
    not_seen,
    not_expired,
    market_hours,
    not_stopped,
    permitted,
    below_loss_limits,
    context_known,
    tradable,
    score_high_enough,
    listing_allows,
    trading_goes_on,
    not_held,
    no_cooldown,
    buys_left_today,
    position_slot_left,
    price_still_fits,
    cash_known,
)


def check_buy(facts: BuyFacts, settings: TradingSettings) -> Refusal | None:
    """The first check that fails, or None when the buy may be sized."""
    for check in CHECKS:
        refusal = check(facts, settings)
        if refusal is not None:
            return refusal
    return None


def buy_price_krw(facts: BuyFacts) -> int:
    """R-BUY-11: the broker's price now, else the signal's."""
    return facts.signal.signal_price_krw if facts.price_krw is None else facts.price_krw
