"""Sizing and planning never exceed cash, caps or limits, whatever the inputs (R-SIZE, R-GRD, R-ORD-02)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jennie_core.domain.decisions import Refusal
from jennie_core.domain.enums import MarketRegime, RiskTag, SignalType, TradeTier
from jennie_core.krx.costs import commission_krw
from jennie_core.krx.limits import price_limits
from jennie_core.krx.ticks import floor_to_tick
from jennie_core.strategy.buying import BuyBasis, BuyPlan, plan_buy
from jennie_core.strategy.context import EffectiveContext, effective_context
from jennie_core.strategy.guard import cash_floor_pct
from jennie_core.strategy.loss_limits import PnlReading, RiskBook
from jennie_core.strategy.sizing import (
    HeldPosition,
    SizingInput,
    SizingResult,
    equity_krw,
    portfolio_heat_pct,
    size_position,
)
from tests.unit.strategy.builders import DAY, SETTINGS, at, context, risk, signal

HELD = st.lists(
    st.builds(
        HeldPosition,
        code=st.sampled_from(["000660", "035420", "051910"]),
        quantity=st.integers(1, 5_000),
        price_krw=st.integers(1_000, 500_000),
        sector_group=st.sampled_from(["반도체/IT", "화학", None]),
        atr_krw=st.none() | st.floats(1, 20_000),
    ),
    max_size=6,
)
SCORES = st.none() | st.floats(0, 100)


@pytest.mark.rule("R-SIZE-04", "R-SIZE-05", "R-SIZE-06", "R-SIZE-08", "R-SIZE-10")
@given(
    cash=st.integers(0, 2_000_000_000),
    positions=HELD,
    price=st.integers(100, 1_500_000),
    premium=st.floats(1.0, 1.3),
    atr=st.none() | st.floats(0, 200_000),
    llm=SCORES,
    hybrid=SCORES,
    tier=st.sampled_from(TradeTier),
    tag=st.sampled_from(RiskTag),
    stale=st.none() | st.integers(0, 9),
    multiplier=st.floats(0, 2),
)
def test_a_size_never_exceeds_cash_weight_heat_or_ten_thousand_shares(
    cash: int,
    positions: list[HeldPosition],
    price: int,
    premium: float,
    atr: float | None,
    llm: float | None,
    hybrid: float | None,
    tier: TradeTier,
    tag: RiskTag,
    stale: int | None,
    multiplier: float,
) -> None:
    given_ = SizingInput(
        cash_krw=cash,
        positions=positions,
        price_krw=price,
        cash_price_krw=int(price * premium),
        atr_krw=atr,
        sector_group="반도체/IT",
        llm_score=llm,
        hybrid_score=hybrid,
        trade_tier=tier,
        risk_tag=tag,
        stale_sessions=stale,
        position_multiplier=multiplier,
        commission_ratio=0.00015,
    )
    result = size_position(given_)
    if isinstance(result, Refusal):
        return
    assert isinstance(result, SizingResult)
    equity = equity_krw(cash, positions)
    assert isinstance(equity, int)
    set_aside = result.quantity * given_.cash_price_krw
    assert set_aside + commission_krw(set_aside, 0.00015) <= cash
    assert cash - result.quantity * price >= equity * 0.1 - price
    assert 1 <= result.quantity <= 10_000
    assert tier is not TradeTier.BLOCKED
    assert multiplier > 0
    heat = portfolio_heat_pct(positions, equity) + result.quantity * result.risk_per_share_krw / equity * 100
    assert heat <= given_.max_portfolio_heat_pct + 1e-9
    assert result.quantity * price <= equity * 0.18 + 1e-6
    if multiplier <= 1:
        assert result.quantity <= result.target_quantity
    assert 0.02 * price - 1e-6 <= result.risk_per_share_krw <= 0.1 * price + 1e-6


@pytest.mark.rule("R-GRD-03", "R-GRD-04", "R-ORD-02")
@given(
    cash=st.integers(1_000_000, 500_000_000),
    positions=HELD,
    base=st.integers(1_000, 900_000),
    move=st.floats(-0.29, 0.29),
    signal_type=st.sampled_from([SignalType.MOMENTUM, SignalType.ORB_BREAKOUT]),
    regime=st.sampled_from(MarketRegime),
    atr=st.none() | st.floats(10, 50_000),
)
def test_a_plan_keeps_the_cash_floor_the_stock_limit_and_the_price_limits(
    cash: int,
    positions: list[HeldPosition],
    base: int,
    move: float,
    signal_type: SignalType,
    regime: MarketRegime,
    atr: float | None,
) -> None:
    base = floor_to_tick(base, on=DAY)
    limits = price_limits(base, on=DAY)
    price = min(max(floor_to_tick(base * (1 + move), on=DAY), limits.lower_krw), limits.upper_krw)
    joined = effective_context(context(market_regime=regime), risk(), at("10:00"))
    assert isinstance(joined, EffectiveContext)
    basis = BuyBasis(price, limits.upper_krw, cash, positions, atr, 0, None, None, {}, DAY)
    plan = plan_buy(signal(signal_type=signal_type, signal_price_krw=price), basis, joined, SETTINGS)
    if isinstance(plan, Refusal):
        return
    assert isinstance(plan, BuyPlan)
    equity = equity_krw(cash, positions)
    assert isinstance(equity, int)
    if plan.limit_price_krw is not None:
        assert limits.holds(plan.limit_price_krw)
    amount = plan.quantity * (plan.limit_price_krw or price)
    assert plan.cash_needed_krw <= cash
    assert (cash - amount) * 100 >= cash_floor_pct(regime, SETTINGS.risk) * equity - 1e-3
    limit_pct = 25 if regime is MarketRegime.STRONG_BULL else 15
    assert amount * 100 <= limit_pct * equity + 1e-3


@pytest.mark.rule("R-GRD-08")
@given(
    risks=st.lists(st.integers(0, 3_000_000), max_size=30),
    loss=st.integers(-3_000_000, 3_000_000),
    releases=st.sets(st.integers(0, 29)),
)
def test_used_and_reserved_risk_never_exceed_the_limit(risks: list[int], loss: int, releases: set[int]) -> None:
    """Drill 36"""
    book = RiskBook()
    reading = PnlReading(-loss, -loss, 100_000_000, 100_000_000)
    for index, amount in enumerate(risks):
        before = book.reserved_krw
        if book.reserve(str(index), amount, reading, SETTINGS.risk) is None:
            assert max(0, loss) + book.reserved_krw <= 2_000_000
        else:
            assert book.reserved_krw == before
        if index in releases:
            book.release(str(index))
