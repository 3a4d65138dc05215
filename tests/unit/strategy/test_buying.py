"""From a checked signal to an order (R-BUY-12/13, R-ORD-02/03, R-TG-16)."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from jennie_core.domain.decisions import Refusal
from jennie_core.domain.enums import MarketRegime, OrderType, SectorTier, SellReason, SignalType
from jennie_core.domain.macro import SectorAllowance, SectorBudget
from jennie_core.domain.trading_settings import RiskSettings, TradingSettings
from jennie_core.strategy.buying import BuyBasis, BuyPlan, plan_buy
from jennie_core.strategy.context import EffectiveContext, effective_context
from jennie_core.strategy.cooldowns import cooldowns_after_sell
from jennie_core.strategy.order_type import buy_order_terms
from jennie_core.strategy.sizing import HeldPosition
from tests.unit.strategy.builders import DAY, SETTINGS, at, context, risk, signal

BASIS = BuyBasis(
    price_krw=10_000,
    upper_limit_krw=13_000,
    cash_krw=100_000_000,
    positions=(),
    atr_krw=500.0,
    stale_sessions=0,
    sector_budget=None,
    closes=None,
    held_closes={},
    market_day=DAY,
)


def effective(**changes: Any) -> EffectiveContext:
    joined = effective_context(context(**changes), risk(), at("09:30"))
    assert not isinstance(joined, Refusal)
    return joined


def plan(settings: TradingSettings = SETTINGS, regime: Any = None, given: Any = None, **changes: Any) -> Any:
    council = effective(**({} if regime is None else {"market_regime": regime}))
    return plan_buy(signal() if given is None else given, replace(BASIS, **changes), council, settings)


@pytest.mark.rule("R-ORD-02", "R-ORD-03")
@pytest.mark.parametrize("signal_type", [SignalType.MOMENTUM, SignalType.MOMENTUM_CONTINUATION])
def test_the_momentum_family_buys_with_a_limit_on_the_tick_grid(signal_type: SignalType) -> None:
    """50,150 x 1.003 = 50,300.45 -> 50,300."""
    terms = buy_order_terms(signal_type, 50_150, 65_000, premium_ratio=0.003, on=DAY)
    assert not isinstance(terms, Refusal)
    assert (terms.order_type, terms.limit_price_krw, terms.cash_price_krw) == (OrderType.LIMIT, 50_300, 50_300)


@pytest.mark.rule("R-ORD-02")
def test_a_premium_that_ends_on_a_tick_is_not_lost_to_rounding() -> None:
    """10,000 x 1.003 is 10,030, although floating point makes it 10,029.999."""
    terms = buy_order_terms(SignalType.MOMENTUM, 10_000, 13_000, premium_ratio=0.003, on=DAY)
    assert not isinstance(terms, Refusal)
    assert terms.limit_price_krw == 10_030


@pytest.mark.rule("R-ORD-02")
def test_a_limit_never_exceeds_the_upper_price_limit() -> None:
    terms = buy_order_terms(SignalType.MOMENTUM, 13_000, 13_000, premium_ratio=0.003, on=DAY)
    assert not isinstance(terms, Refusal)
    assert terms.limit_price_krw == 13_000


@pytest.mark.rule("R-ORD-02")
def test_other_signals_buy_at_market_and_set_cash_aside_at_the_upper_limit() -> None:
    """Protocol sheet 0.8"""
    terms = buy_order_terms(SignalType.ORB_BREAKOUT, 10_000, 13_000, premium_ratio=0.003, on=DAY)
    assert not isinstance(terms, Refusal)
    assert (terms.order_type, terms.limit_price_krw, terms.cash_price_krw) == (OrderType.MARKET, None, 13_000)
    unknown = buy_order_terms(SignalType.ORB_BREAKOUT, 10_000, None, premium_ratio=0.003, on=DAY)
    assert isinstance(unknown, Refusal)
    assert unknown.rule == "R-ORD-02"


@pytest.mark.rule("R-BUY-13")
def test_a_plan_carries_order_cash_and_risk() -> None:
    made = plan()
    assert isinstance(made, BuyPlan)
    assert (made.order_type, made.quantity, made.cash_needed_krw, made.risk_krw) == (
        OrderType.MARKET,
        1_000,
        13_000_000,
        1_000_000,
    )


@pytest.mark.rule("R-BUY-13", "R-COR-02", "R-SIZE-01")
def test_correlation_comes_before_sizing() -> None:
    """Order of use."""
    series = {date(2025, 1, 1) + timedelta(days=n): 10_000.0 * (1 + 0.01 * ((n * 7) % 5)) for n in range(60)}
    both = {"closes": series, "held_closes": {"000660": series}}
    assert plan(**both, cash_krw=0).rule == "R-COR-02"
    off = TradingSettings(risk=RiskSettings(correlation_enabled=False))
    assert plan(off, **both, cash_krw=0).rule == "R-SIZE-01"


@pytest.mark.rule("R-BUY-13", "R-GRD-04")
def test_the_guard_judges_the_final_amount() -> None:
    """Sizing leaves 10 % cash, a bear market wants 25 %."""
    others = (HeldPosition("000660", 7_000, 10_000, "화학", 100.0),)
    assert plan(regime=MarketRegime.BEAR, cash_krw=30_000_000, positions=others).rule == "R-GRD-04"
    assert isinstance(plan(cash_krw=30_000_000, positions=others), BuyPlan)


@pytest.mark.rule("R-GRD-05")
def test_a_switched_off_guard_is_noted() -> None:
    off = TradingSettings(risk=RiskSettings(guard_enabled=False))
    others = (HeldPosition("000660", 7_000, 10_000, "화학", 100.0),)
    made = plan(off, regime=MarketRegime.BEAR, cash_krw=30_000_000, positions=others)
    assert made.guard_note.rule == "R-GRD-04"


@pytest.mark.rule("R-BUD-08", "R-GRD-01")
def test_the_dynamic_sector_cap_reaches_the_guard() -> None:
    row = SectorAllowance(sector_group="반도체/IT", tier=SectorTier.COOL, watchlist_cap=3, portfolio_cap=2)
    budget = SectorBudget(
        run_id="b", market_day=DAY, sectors={"반도체/IT": row}, known_at=at("08:30"), expires_at=at("15:30")
    )
    two = tuple(HeldPosition(f"00000{n}", 10, 10_000, "반도체/IT", 100.0) for n in range(2))
    assert plan(positions=two, sector_budget=budget).rule == "R-GRD-01"
    assert isinstance(plan(positions=two), BuyPlan)


@pytest.mark.rule("R-TG-16")
@pytest.mark.parametrize(("wanted", "bought"), [(7, 7), (1_000_000, 500)])
def test_an_owners_order_keeps_its_quantity_up_to_what_sizing_allows(wanted: int, bought: int) -> None:
    """Same sizing caps (TIER2 halves the size)."""
    manual = signal(source="manual", signal_type=SignalType.MANUAL, trade_tier="TIER2", requested_quantity=wanted)
    assert plan(given=manual).quantity == bought


@pytest.mark.rule("R-TG-16")
def test_an_owners_order_without_quantity_takes_a_fifth_of_the_cash() -> None:
    """20 % of 10 m at the upper limit of 13,000."""
    manual = signal(source="manual", signal_type=SignalType.MANUAL)
    others = (HeldPosition("000660", 1_000, 10_000, "화학", 100.0),)
    assert plan(given=manual, cash_krw=10_000_000, positions=others, atr_krw=100.0).quantity == 2_000_000 // 13_000
    assert plan(given=manual, cash_krw=60_000, atr_krw=100.0, price_krw=5_000, upper_limit_krw=13_000).rule == "R-TG-16"


@pytest.mark.rule("R-GRD-03", "R-SIZE-04")
def test_a_high_score_may_size_above_what_the_guard_allows() -> None:
    """18 % is sized, 15 % is allowed; the guard has the last word."""
    assert plan(given=signal(llm_score=80.0), atr_krw=100.0).rule == "R-GRD-03"
    assert isinstance(plan(given=signal(llm_score=79.9), atr_krw=100.0), BuyPlan)


@pytest.mark.rule("R-GRD-03")
def test_a_limit_order_is_judged_at_its_limit_price() -> None:
    """1,497 shares are 14.97 % at 10,000 won and 15.02 % at the limit of 10,030."""
    momentum = signal(signal_type=SignalType.MOMENTUM, llm_score=80.0)
    council = effective(position_multiplier=0.8345)
    found = plan_buy(momentum, replace(BASIS, atr_krw=100.0), council, SETTINGS)
    assert isinstance(found, Refusal)
    assert (found.rule, found.value) == ("R-GRD-03", 15.015)


@pytest.mark.rule("R-SELL-09", "R-SELL-10")
@pytest.mark.parametrize("reason", list(SellReason))
def test_cooldowns_after_a_sell(reason: SellReason) -> None:
    ends = cooldowns_after_sell(reason, at("10:00"), SETTINGS.risk)
    is_loss = reason in (SellReason.STOP_LOSS, SellReason.DEATH_CROSS, SellReason.BREAKEVEN_STOP)
    assert ends.sell_until == at("10:00", date(2025, 6, 28))
    assert ends.stop_loss_until == (at("10:00", date(2025, 6, 30)) if is_loss else None)
