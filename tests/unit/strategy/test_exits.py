"""The exit rules in order of priority (R-EXIT-01..21, R-MON-05)."""

from typing import Any

import pytest

from jennie_core.domain.enums import MarketRegime, SellReason
from jennie_core.domain.trading_settings import SellSettings
from jennie_core.strategy.exit_tables import EXIT_ROWS
from jennie_core.strategy.exits import ExitDecision, evaluate_exit, part_quantity, stop_price_krw, tighten_pp
from tests.unit.strategy.builders import exit_position

SELL = SellSettings()
REGIMES = list(MarketRegime)


def decide(profit: float = 0.0, high: float | None = None, settings: SellSettings = SELL, **changes: Any) -> Any:
    return evaluate_exit(exit_position(profit, high, **changes), settings)


def rule(*arguments: Any, **changes: Any) -> str | None:
    decision = decide(*arguments, **changes)
    return None if decision is None else decision.rule


def test_a_calm_position_is_kept() -> None:
    assert decide(1.0) is None


@pytest.mark.rule("R-EXIT-01")
@pytest.mark.parametrize(("profit", "expected"), [(-9.99, "R-EXIT-07"), (-10.0, "R-EXIT-01"), (-15.0, "R-EXIT-01")])
def test_hard_stop_at_ten_percent(profit: float, expected: str) -> None:
    decision = decide(profit)
    assert (decision.rule, decision.reason, decision.is_full) == (expected, SellReason.STOP_LOSS, True)


@pytest.mark.rule("R-EXIT-02")
def test_profit_floor_needs_fifteen_percent_once() -> None:
    assert rule(9.9, high=15.0) == "R-EXIT-02"
    assert decide(9.9, 15.0).reason is SellReason.PROFIT_FLOOR
    assert rule(9.9, profit_floor_armed=True) == "R-EXIT-02"
    assert rule(9.9, high=9.9, scale_out_level=4) is None
    assert rule(10.0, high=15.0, scale_out_level=4) == "R-EXIT-08"


@pytest.mark.rule("R-EXIT-03")
@pytest.mark.parametrize(
    ("atr", "high", "profit", "expected"),
    [
        (160.0, 4.0, 0.9, "R-EXIT-03"),
        (160.0, 3.99, 0.9, None),
        (160.0, 4.0, 1.0, None),
        (50.0, 3.0, 0.9, "R-EXIT-03"),
        (400.0, 5.0, 0.9, "R-EXIT-03"),
        (400.0, 4.9, 0.9, None),
    ],
)
def test_profit_lock_two_scales_with_atr_between_three_and_five(
    atr: float, high: float, profit: float, expected: str | None
) -> None:
    assert rule(profit, high=high, atr_krw=atr) == expected


@pytest.mark.rule("R-EXIT-04")
@pytest.mark.parametrize(
    ("atr", "high", "profit", "expected"),
    [
        (120.0, 1.8, 0.1, "R-EXIT-04"),
        (120.0, 1.79, 0.1, None),
        (120.0, 1.8, 0.2, None),
        (50.0, 1.5, 0.1, "R-EXIT-04"),
        (300.0, 2.9, 0.1, None),
        (None, 2.9, 0.1, None),
    ],
)
def test_profit_lock_one_scales_with_atr_between_one_and_a_half_and_three(
    atr: float | None, high: float, profit: float, expected: str | None
) -> None:
    assert rule(profit, high=high, atr_krw=atr) == expected


@pytest.mark.rule("R-EXIT-05")
def test_breakeven_after_three_percent() -> None:
    """Works without an ATR."""
    assert decide(0.2, 3.0).reason is SellReason.BREAKEVEN_STOP
    assert rule(0.3, high=3.0) is None
    assert rule(0.2, high=2.9) is None


@pytest.mark.rule("R-EXIT-06")
@pytest.mark.parametrize(
    ("changes", "stop_pct"),
    [
        ({}, -2.0),
        ({"stop_loss_multiplier": 1.5}, -3.0),
        ({"macd_divergence": True}, -1.5),
        ({"death_cross": True}, -1.6),
        ({"macd_divergence": True, "death_cross": True}, -1.5),
    ],
)
def test_atr_stop(changes: dict[str, Any], stop_pct: float) -> None:
    """Buy - 2 ATR x multiplier, tighter on divergence, else on a death cross."""
    given = {"atr_krw": 100.0, "regime": MarketRegime.BULL} | changes
    assert rule(stop_pct, **given) == "R-EXIT-06"
    assert rule(stop_pct + 0.01, **given) is None


@pytest.mark.rule("R-EXIT-07")
@pytest.mark.parametrize(("multiplier", "limit"), [(1.0, -5.0), (1.2, -6.0), (0.8, -4.0)])
def test_fixed_stop_scales_with_the_stop_multiplier(multiplier: float, limit: float) -> None:
    assert rule(limit, stop_loss_multiplier=multiplier) == "R-EXIT-07"
    assert rule(limit + 0.01, stop_loss_multiplier=multiplier) is None


@pytest.mark.rule("R-EXIT-15", "R-EXIT-18")
@pytest.mark.parametrize(
    ("regime", "days", "pp"),
    [
        (MarketRegime.SIDEWAYS, 10, 0.0),
        (MarketRegime.SIDEWAYS, 20, 1.0),
        (MarketRegime.SIDEWAYS, 30, 2.0),
        (MarketRegime.SIDEWAYS, 99, 2.0),
        (MarketRegime.BULL, 15, 0.0),
        (MarketRegime.STRONG_BULL, 21, 0.8),
        (MarketRegime.BEAR, 15, 0.5),
        (None, 15, 0.5),
        (MarketRegime.BEAR, None, 0.0),
    ],
)
def test_the_fixed_stop_tightens_with_age(regime: MarketRegime | None, days: int | None, pp: float) -> None:
    assert tighten_pp(days, EXIT_ROWS[regime], SELL) == pytest.approx(pp)


@pytest.mark.rule("R-EXIT-07", "R-EXIT-18")
def test_tightening_moves_the_fixed_stop() -> None:
    assert rule(-4.0, holding_days=20) == "R-EXIT-07"
    assert rule(-4.01, holding_days=10) is None


@pytest.mark.rule("R-EXIT-08", "R-EXIT-14")
@pytest.mark.parametrize(("regime", "drop"), list(zip([*REGIMES, None], [3.0, 3.0, 3.5, 3.5, 4.0, 3.0], strict=True)))
def test_trailing_stop_drops_by_regime(regime: MarketRegime | None, drop: float) -> None:
    peak = 11_400
    limit = round(peak * (1 - drop / 100), 6)
    at_limit = exit_position(regime=regime, high_watermark_krw=peak, price_krw=int(limit), scale_out_level=4)
    above = exit_position(regime=regime, high_watermark_krw=peak, price_krw=int(limit) + 1, scale_out_level=4)
    decision = evaluate_exit(at_limit, SELL)
    assert decision is not None
    assert (decision.rule, decision.reason) == ("R-EXIT-08", SellReason.TRAILING_STOP)
    assert evaluate_exit(above, SELL) is None


@pytest.mark.rule("R-EXIT-08")
def test_trailing_activates_earlier_on_a_warning() -> None:
    """Activation 5.0, x0.8 on divergence, else x0.7 on a death cross; profit at least 3."""
    quiet = {"scale_out_level": 4, "regime": MarketRegime.BULL}
    assert rule(3.0, high=6.3, **quiet) == "R-EXIT-08"
    assert rule(3.0, high=4.9, **quiet) is None
    early = SellSettings(trailing_min_profit_pct=0.5, breakeven_activation_pct=99)
    assert rule(0.8, high=4.0, settings=early, macd_divergence=True, **quiet) == "R-EXIT-08"
    assert rule(0.8, high=3.99, settings=early, macd_divergence=True, **quiet) is None
    assert rule(0.4, high=3.5, settings=early, death_cross=True, **quiet) is None
    assert rule(0.5, high=3.62, settings=early, death_cross=True, **quiet) == "R-EXIT-08"
    assert rule(2.9, high=8.0, **quiet) is None
    assert rule(3.0, high=6.3, settings=SellSettings(trailing_enabled=False), **quiet) is None


@pytest.mark.rule("R-EXIT-09", "R-EXIT-16")
@pytest.mark.parametrize(
    ("regime", "levels"),
    [
        (MarketRegime.STRONG_BULL, ((7, 25), (15, 25), (25, 15))),
        (MarketRegime.BULL, ((7, 25), (15, 25), (25, 15))),
        (MarketRegime.SIDEWAYS, ((3, 25), (7, 25), (12, 25), (18, 15))),
        (MarketRegime.BEAR, ((2, 25), (5, 25), (8, 25), (12, 15))),
        (MarketRegime.STRONG_BEAR, ((2, 25), (5, 25), (8, 25), (12, 15))),
        (None, ((2, 25), (5, 25), (8, 25), (12, 15))),
    ],
)
def test_scale_out_levels_by_regime(regime: MarketRegime | None, levels: tuple[tuple[float, float], ...]) -> None:
    for index, (target, part) in enumerate(levels):
        decision = decide(target, scale_out_level=index, regime=regime)
        assert decision == ExitDecision(
            "R-EXIT-09", SellReason.PROFIT_TARGET, int(1_000 * part / 100), False, target, scale_out_level=index + 1
        )
        assert decide(target - 0.01, scale_out_level=index, regime=regime) is None
    assert decide(levels[-1][0], scale_out_level=len(levels), regime=regime) is None


@pytest.mark.rule("R-EXIT-09")
def test_a_jump_over_two_levels_sells_one_at_a_time() -> None:
    """The level advances on the fill."""
    assert decide(8.0).scale_out_level == 1
    assert decide(8.0, scale_out_level=1).scale_out_level == 2


@pytest.mark.rule("R-EXIT-19")
def test_a_hundred_shares_of_a_dear_stock_scale_out() -> None:
    """By value only; the 50-share floor is gone."""
    decision = evaluate_exit(
        exit_position(quantity=100, average_price_krw=70_000.0, price_krw=72_100, high_watermark_krw=72_100), SELL
    )
    assert decision is not None
    assert (decision.quantity, decision.is_full) == (25, False)


@pytest.mark.rule("R-EXIT-19")
@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        (90, (90, True)),  # 927,000 won: below 1,000,000, sell all
        (150, None),  # 1,545,000 won, a quarter is 391,000: wait
        (194, None),
        (200, (50, False)),  # a quarter is 515,000 won
    ],
)
def test_small_positions_wait_or_sell_all(quantity: int, expected: tuple[int, bool] | None) -> None:
    decision = decide(3.0, quantity=quantity)
    assert (None if decision is None else (decision.quantity, decision.is_full)) == expected


@pytest.mark.rule("R-EXIT-19")
@pytest.mark.parametrize(
    ("quantity", "average", "expected"),
    [
        (200, 9_700.0, (50, False)),  # a quarter is worth 500,000 won to the won
        (199, 9_700.0, None),  # 49 shares are not
        (100, 9_700.0, None),  # 1,000,000 won: large enough to wait
        (99, 9_700.0, (99, True)),
        (100, 9_300.0, (50, False)),  # two levels together, and 500,000 won stay
        (99, 9_300.0, (99, True)),
    ],
)
def test_the_minimum_itself_is_enough(quantity: int, average: float, expected: tuple[int, bool] | None) -> None:
    position = exit_position(quantity=quantity, average_price_krw=average, price_krw=10_000, high_watermark_krw=10_000)
    decision = evaluate_exit(position, SELL)
    assert (None if decision is None else (decision.quantity, decision.is_full)) == expected


@pytest.mark.rule("R-EXIT-19")
def test_a_level_too_small_goes_together_with_the_next_one() -> None:
    """A small position is not blocked at its first level for good."""
    decision = decide(7.0, quantity=120)
    assert (decision.quantity, decision.scale_out_level) == (60, 2)


@pytest.mark.rule("R-EXIT-19")
def test_a_rest_below_the_minimum_goes_with_the_part() -> None:
    settings = SellSettings(min_transaction_krw=300_000)
    decision = decide(12.0, quantity=50, settings=settings, scale_out_level=0)
    assert (decision.quantity, decision.is_full) == (50, True)


@pytest.mark.rule("R-EXIT-10")
def test_overbought_rsi_sells_half_once() -> None:
    quiet: dict[str, Any] = {"scale_out_level": 4, "rsi": 75.0}
    decision = decide(3.0, **quiet)
    assert (decision.rule, decision.quantity, decision.reason) == ("R-EXIT-10", 500, SellReason.RSI_OVERBOUGHT)
    assert decide(3.0, rsi_sold=True, **quiet) is None
    assert decide(2.9, **quiet) is None
    assert decide(3.0, scale_out_level=4, rsi=74.9) is None
    assert decide(4.9, 5.0, **quiet) is None
    assert rule(4.9, high=5.0, settings=SellSettings(trailing_enabled=False), **quiet) == "R-EXIT-10"


@pytest.mark.rule("R-EXIT-11")
def test_profit_target_only_without_trailing() -> None:
    off = SellSettings(trailing_enabled=False)
    assert rule(10.0, settings=off, scale_out_level=4) == "R-EXIT-11"
    assert rule(9.9, settings=off, scale_out_level=4) is None
    assert rule(10.0, scale_out_level=4) is None


@pytest.mark.rule("R-EXIT-12", "R-EXIT-17")
@pytest.mark.parametrize(
    ("regime", "expected"),
    list(zip([*REGIMES, None], [None, None, *["R-EXIT-12"] * 4], strict=True)),
)
def test_death_cross_exit_is_off_in_bull_markets(regime: MarketRegime | None, expected: str | None) -> None:
    assert rule(-1.01, death_cross=True, regime=regime) == expected
    assert rule(-1.0, death_cross=True, regime=regime) is None
    assert rule(-1.01, death_cross=None, regime=regime) is None


@pytest.mark.rule("R-EXIT-13")
@pytest.mark.parametrize("regime", REGIMES)
def test_time_exit_after_thirty_days_in_every_regime(regime: MarketRegime) -> None:
    assert decide(1.0, holding_days=30, regime=regime).reason is SellReason.TIME_EXIT
    assert decide(1.0, holding_days=29, regime=regime) is None
    assert decide(1.0, holding_days=None, regime=regime) is None


@pytest.mark.rule(
    "R-EXIT-01",
    "R-EXIT-02",
    "R-EXIT-03",
    "R-EXIT-04",
    "R-EXIT-05",
    "R-EXIT-06",
    "R-EXIT-07",
    "R-EXIT-08",
    "R-EXIT-09",
    "R-EXIT-10",
)
def test_the_first_rule_in_order_wins() -> None:
    """Priority: hard stop, profit floor, locks, breakeven, ATR stop, fixed stop, trailing, scale-out, ..."""
    everything: dict[str, Any] = {"atr_krw": 100.0, "death_cross": True, "holding_days": 99, "rsi": 99.0}
    assert rule(-11.0, high=20.0, **everything) == "R-EXIT-01"
    assert rule(-1.5, high=20.0, **everything) == "R-EXIT-02"
    assert rule(-1.5, high=5.0, **everything) == "R-EXIT-03"
    assert rule(0.1, high=2.0, **everything) == "R-EXIT-04"
    assert rule(0.25, high=3.0, holding_days=99) == "R-EXIT-05"
    assert rule(-6.0, **everything) == "R-EXIT-06"
    assert rule(-6.0, death_cross=True) == "R-EXIT-07"
    assert rule(3.5, high=7.5, **everything) == "R-EXIT-08"
    assert rule(3.5, high=3.5, **everything) == "R-EXIT-09"
    assert rule(3.5, high=3.5, scale_out_level=4, **everything) == "R-EXIT-10"


@pytest.mark.rule("R-EXIT-21")
@pytest.mark.parametrize(
    "changes",
    [
        {"average_price_krw": 0.0},
        {"average_price_krw": float("nan")},
        {"average_price_krw": float("inf")},
        {"price_krw": 0},
        {"price_krw": -1},
        {"quantity": 0},
    ],
)
def test_invalid_prices_allow_no_decision(changes: dict[str, Any]) -> None:
    assert decide(-20.0, **changes) is None


def test_an_unknown_atr_leaves_the_other_stops_on() -> None:
    assert rule(-5.0, atr_krw=None) == "R-EXIT-07"
    assert rule(-5.0, atr_krw=0.0) == "R-EXIT-07"


@pytest.mark.rule("R-MON-05")
@pytest.mark.parametrize(("held", "pct", "sold"), [(100, 25, 25), (3, 25, 1), (1, 50, 1), (7, 100, 7), (10, 15, 1)])
def test_a_part_is_at_least_one_share(held: int, pct: float, sold: int) -> None:
    assert part_quantity(held, pct) == sold


def test_the_shown_stop_price_is_where_a_stop_fires() -> None:
    position = exit_position(0.0, atr_krw=100.0)
    assert stop_price_krw(position, SELL) == pytest.approx(9_800)
    position.atr_krw = None
    assert stop_price_krw(position, SELL) == pytest.approx(9_500)
