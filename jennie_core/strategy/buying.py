"""From a signal that passed its checks to an order: terms, correlation, size, guard (R-BUY-12, R-BUY-13)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from jennie_core.domain.decisions import Refusal
from jennie_core.domain.enums import AssetKind, Market, OrderType
from jennie_core.domain.macro import SectorBudget
from jennie_core.domain.signals import BuySignal
from jennie_core.domain.trading_settings import TradingSettings
from jennie_core.strategy.context import EffectiveContext
from jennie_core.strategy.correlation import Closes, check_correlation
from jennie_core.strategy.guard import GuardInput, check_guard
from jennie_core.strategy.order_type import OrderTerms, buy_order_terms
from jennie_core.strategy.sizing import HeldPosition, SizingInput, SizingResult, size_position

MANUAL_CASH_RATIO = 0.2


@dataclass(frozen=True, slots=True)
class BuyBasis:
    """What size and guard rest on."""

    price_krw: int
    upper_limit_krw: int | None
    cash_krw: int
    """Orderable cash less what open buys have reserved."""
    positions: Sequence[HeldPosition]
    """Held stocks, and open buys as if filled."""
    atr_krw: float | None
    stale_sessions: int | None
    sector_budget: SectorBudget | None
    """None = unknown or expired: the fixed cap holds (R-BUD-07)."""
    closes: Closes | None
    held_closes: Mapping[str, Closes | None]
    market_day: date
    kind: AssetKind = AssetKind.COMMON
    market: Market = Market.KOSPI


@dataclass(frozen=True, slots=True)
class BuyPlan:
    """An order that may be sent once its risk is reserved."""

    order_type: OrderType
    limit_price_krw: int | None
    quantity: int
    cash_needed_krw: int
    risk_krw: int
    sizing: SizingResult
    guard_note: Refusal | None = None
    """What a switched-off guard would have refused (R-GRD-05)."""


def plan_buy(
    signal: BuySignal, basis: BuyBasis, context: EffectiveContext, settings: TradingSettings
) -> BuyPlan | Refusal:
    """Order of use: correlation, sizing, then guard on the final amount."""
    terms = buy_order_terms(
        signal.signal_type,
        basis.price_krw,
        basis.upper_limit_krw,
        premium_ratio=settings.orders.limit_premium_ratio,
        on=basis.market_day,
        kind=basis.kind,
        market=basis.market,
    )
    if isinstance(terms, Refusal):
        return terms
    if settings.risk.correlation_enabled:
        limit = settings.risk.correlation_limit
        refusal = check_correlation(signal.stock_code, basis.closes, basis.held_closes, limit)
        if refusal is not None:
            return refusal
    sizing = size_position(_sizing_input(signal, basis, context, terms, settings))
    if isinstance(sizing, Refusal):
        return sizing
    if signal.source == "manual":
        sizing = _limit_to_request(signal, basis, terms, sizing)
        if isinstance(sizing, Refusal):
            return sizing
    amount = sizing.quantity * (terms.limit_price_krw or basis.price_krw)
    verdict = check_guard(
        GuardInput(
            code=signal.stock_code,
            sector_group=signal.sector_group,
            amount_krw=amount,
            cash_krw=basis.cash_krw,
            positions=basis.positions,
            regime=context.regime,
            sector_cap=None if basis.sector_budget is None else basis.sector_budget.portfolio_cap(signal.sector_group),
        ),
        settings.risk,
    )
    if verdict.refusal is not None and verdict.blocks:
        return verdict.refusal
    return BuyPlan(
        order_type=terms.order_type,
        limit_price_krw=terms.limit_price_krw,
        quantity=sizing.quantity,
        cash_needed_krw=sizing.quantity * terms.cash_price_krw,
        risk_krw=sizing.risk_krw,
        sizing=sizing,
        guard_note=verdict.refusal,
    )


def _sizing_input(
    signal: BuySignal, basis: BuyBasis, context: EffectiveContext, terms: OrderTerms, settings: TradingSettings
) -> SizingInput:
    return SizingInput(
        cash_krw=basis.cash_krw,
        positions=basis.positions,
        price_krw=terms.limit_price_krw or basis.price_krw,
        cash_price_krw=terms.cash_price_krw,
        atr_krw=basis.atr_krw,
        sector_group=signal.sector_group,
        llm_score=signal.llm_score,
        hybrid_score=signal.hybrid_score,
        trade_tier=signal.trade_tier,
        risk_tag=signal.risk_tag,
        stale_sessions=basis.stale_sessions,
        position_multiplier=context.position_multiplier,
        commission_ratio=settings.orders.commission_ratio,
        risk_per_trade_pct=settings.risk.risk_per_trade_pct,
        max_portfolio_heat_pct=settings.risk.max_portfolio_heat_pct,
    )


def _limit_to_request(
    signal: BuySignal, basis: BuyBasis, terms: OrderTerms, sizing: SizingResult
) -> SizingResult | Refusal:
    """R-TG-16: the owner's quantity, else 20 % of the cash, never above what sizing allows."""
    wanted = signal.requested_quantity
    if wanted is None:
        wanted = int(basis.cash_krw * MANUAL_CASH_RATIO) // terms.cash_price_krw
    if wanted < 1:
        return Refusal(rule="R-TG-16", detail="20 % of the cash buys no share", value=float(basis.cash_krw))
    if wanted >= sizing.quantity:
        return sizing
    return replace(
        sizing,
        quantity=wanted,
        actual_weight_pct=sizing.actual_weight_pct * wanted / sizing.quantity,
        reasoning=f"{sizing.reasoning}; {wanted} as asked",
    )
