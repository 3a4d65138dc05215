"""The ordered checks before a buy (R-BUY-01..11, R-BUY-14, R-BUY-16, O4-O6, Q3)."""

from dataclasses import replace
from typing import Any

import pytest

from jennie_core.domain.control import StopState
from jennie_core.domain.decisions import Refusal
from jennie_core.domain.enums import IntradayRiskLevel, ListingStatus, SignalType, TradeTier
from jennie_core.strategy.buy_checks import CHECKS, BuyFacts, buy_price_krw, check_buy
from jennie_core.strategy.context import effective_context
from tests.unit.strategy.builders import CODE, SESSION, SETTINGS, at, context, risk, signal

NO_PERMIT = Refusal(rule="PERMIT", detail="no trading permit")
LOSS = Refusal(rule="R-GRD-08", detail="daily loss limit reached")


def facts(**changes: Any) -> BuyFacts:
    given = BuyFacts(
        signal=signal(),
        market_time=at("09:30:05"),
        session=SESSION,
        is_session=True,
        seen_signal_ids=frozenset(),
        stops=StopState(),
        permit_refusal=None,
        loss_refusal=None,
        context=effective_context(context(), risk(), at("09:30:05")),
        held_codes=frozenset(),
        open_buy_codes=frozenset(),
        stop_loss_cooldowns={},
        sell_cooldowns={},
        buys_today=0,
        listing_status=ListingStatus.NORMAL,
        is_interrupted=False,
        price_krw=10_000,
        cash_krw=10_000_000,
    )
    return replace(given, **changes)


def rule(**changes: Any) -> str | None:
    refusal = check_buy(facts(**changes), SETTINGS)
    return None if refusal is None else refusal.rule


def test_an_ordinary_signal_passes_every_check() -> None:
    assert rule() is None


@pytest.mark.rule(
    "R-BUY-02",
    "R-BUY-03",
    "R-BUY-04",
    "R-BUY-05",
    "R-BUY-06",
    "R-BUY-07",
    "R-BUY-08",
    "R-BUY-09",
    "R-BUY-10",
    "R-BUY-11",
    "R-BUY-14",
    "R-BUY-16",
    "R-BUY-17",
    "R-CAL-01",
    "R-GRD-08",
    "R-MSG-06",
    "R-REG-09",
    "R-THR-07",
)
@pytest.mark.parametrize(
    ("expected", "changes"),
    [
        ("R-MSG-06", {"seen_signal_ids": {"sig-1"}}),
        ("R-MSG-06", {"seen_signal_ids": None}),
        ("R-BUY-14", {"market_time": at("09:31:01")}),
        ("R-CAL-01", {"is_session": False}),
        ("R-CAL-01", {"is_session": None}),
        ("R-BUY-02", {"stops": StopState(paused=True)}),
        ("R-BUY-02", {"stops": StopState(halted=True)}),
        ("R-BUY-02", {"stops": None}),
        ("PERMIT", {"permit_refusal": NO_PERMIT}),
        ("R-GRD-08", {"loss_refusal": LOSS}),
        ("R-REG-09", {"context": effective_context(None, risk(), at("09:30"))}),
        (
            "R-THR-07",
            {
                "context": effective_context(
                    context(), risk(IntradayRiskLevel.CRITICAL, position_multiplier=0.0), at("09:30")
                )
            },
        ),
        ("R-BUY-03", {"signal": signal(trade_tier=TradeTier.BLOCKED, is_tradable=False)}),
        ("R-BUY-03", {"signal": signal(is_tradable=False)}),
        ("R-BUY-04", {"signal": signal(hybrid_score=39.99)}),
        ("R-BUY-04", {"signal": signal(hybrid_score=None)}),
        ("Q3-status", {"listing_status": ListingStatus.HALTED}),
        ("Q3-status", {"listing_status": None}),
        ("R-BUY-17", {"is_interrupted": True}),
        ("R-BUY-17", {"is_interrupted": None}),
        ("R-BUY-05", {"held_codes": None}),
        ("R-BUY-05", {"open_buy_codes": None}),
        ("R-BUY-06", {"held_codes": {CODE}}),
        ("R-BUY-10", {"open_buy_codes": {CODE}}),
        ("R-BUY-07", {"stop_loss_cooldowns": {CODE: at("09:31")}}),
        ("R-BUY-07", {"sell_cooldowns": {CODE: at("09:31")}}),
        ("R-BUY-07", {"stop_loss_cooldowns": None}),
        ("R-BUY-07", {"sell_cooldowns": None}),
        ("R-BUY-08", {"buys_today": 6}),
        ("R-BUY-08", {"buys_today": None}),
        ("R-BUY-09", {"held_codes": {f"{n:06d}" for n in range(10)}}),
        ("R-BUY-09", {"held_codes": {f"{n:06d}" for n in range(6)}, "open_buy_codes": {f"{n}" for n in range(4)}}),
        ("R-BUY-11", {"price_krw": 0}),
        ("R-BUY-14", {"price_krw": 10_151}),
        ("R-BUY-05", {"cash_krw": None}),
    ],
)
def test_each_check_refuses_with_its_rule(expected: str, changes: dict[str, Any]) -> None:
    """Fail-closed throughout: an unreadable flag, count, position or balance refuses."""
    assert rule(**changes) == expected


@pytest.mark.rule("R-BUY-04", "R-BUY-07", "R-BUY-08", "R-BUY-09", "R-BUY-14")
@pytest.mark.parametrize(
    "changes",
    [
        {"market_time": at("09:31")},
        {"signal": signal(hybrid_score=40.0)},
        {"buys_today": 5},
        {"held_codes": {f"{n:06d}" for n in range(9)}},
        {"price_krw": 10_150},
        {"price_krw": 9_000},
        {"price_krw": None},
        {"stop_loss_cooldowns": {CODE: at("09:30:05")}},
    ],
)
def test_each_limit_is_on_the_passing_side(changes: dict[str, Any]) -> None:
    assert rule(**changes) is None


@pytest.mark.rule("R-BUY-01", "R-CAL-02", "R-CAL-04")
@pytest.mark.parametrize(
    ("clock", "expected"), [("08:59:59", "R-BUY-01"), ("09:00", None), ("15:19:59", None), ("15:20", "R-BUY-01")]
)
def test_entry_hours_end_with_continuous_trading(clock: str, expected: str | None) -> None:
    late = effective_context(context(), risk(), at("09:30"))
    assert rule(market_time=at(clock), signal=signal(signalled_at=at(clock)), context=late) == expected


@pytest.mark.rule("R-BUY-02")
def test_the_first_failing_check_names_the_refusal() -> None:
    broken = {"stops": None, "permit_refusal": NO_PERMIT, "held_codes": None, "buys_today": 99}
    assert rule(**broken) == "R-BUY-02"
    assert len(CHECKS) == len({check.__name__ for check in CHECKS}) == 17


@pytest.mark.rule("R-TG-16")
def test_the_owners_order_needs_no_score_and_passes_cooldowns_but_no_stop() -> None:
    """Cooldown bypass is explicit; permit, stops and limits hold."""
    manual = signal(source="manual", signal_type=SignalType.MANUAL, hybrid_score=None, llm_score=None)
    cooldown = {CODE: at("15:00")}
    assert rule(signal=manual, stop_loss_cooldowns=cooldown, sell_cooldowns=cooldown) is None
    assert rule(signal=manual, stops=StopState(paused=True)) == "R-BUY-02"
    assert rule(signal=manual, permit_refusal=NO_PERMIT) == "PERMIT"
    assert rule(signal=manual, buys_today=6) == "R-BUY-08"


@pytest.mark.rule("R-BUY-11")
def test_the_price_is_the_brokers_or_else_the_signals() -> None:
    assert buy_price_krw(facts(price_krw=10_050)) == 10_050
    assert buy_price_krw(facts(price_krw=None)) == 10_000


def test_a_refusal_shows_value_and_limit() -> None:
    refusal = check_buy(facts(price_krw=10_200), SETTINGS)
    assert refusal is not None
    assert (refusal.value, refusal.limit) == (2.0, 1.5)
