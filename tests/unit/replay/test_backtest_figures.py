"""Figures by hand: returns, drawdown, turnover, expectancy, scores by month, what the data lack, correlation screen."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import polars as pl
import pytest

from jennie_core.domain.enums import MarketRegime, OrderSide
from jennie_core.replay.backtest_bars import BarPanel, index_bars
from jennie_core.replay.backtest_correlation import CorrelationView
from jennie_core.replay.backtest_curves import deepest_fall
from jennie_core.replay.backtest_data import data_facts
from jennie_core.replay.backtest_figures import figures, worst_index_days
from jennie_core.replay.backtest_records import DayRecord, Fill, RoundTrip, Stage
from jennie_core.replay.backtest_scores import coverage_by_year, judge_scores, returns_from_open
from jennie_core.scoring.quality import score_quality
from jennie_core.strategy.correlation import check_correlation

from .market import CODES, TinyMarket, sessions

FIRST = date(2024, 12, 30)
SELL = Fill(
    FIRST, Stage.OPEN, OrderSide.SELL, CODES[0], "가", 10, 11_000, 16, 198, "R-EXIT-09", "PROFIT_TARGET", 9_700, 9.7
)
BUY = Fill(FIRST, Stage.ENTRY, OrderSide.BUY, CODES[0], "가", 10, 10_000, 15, 0, "R-BT-entry", "MOMENTUM")


def record(day: date, before: int, after: int, index_pct: float | None, *, fills: Sequence[Fill] = ()) -> DayRecord:
    return DayRecord(
        day=day, as_of=day - timedelta(days=1), regime=MarketRegime.BULL, context_run="r", context_age_hours=0.5,
        position_multiplier=1.0, level_at_open=None, level_after_low=None, is_loss_limited=False,
        index_change_pct=index_pct, index_close=None if index_pct is None else 100.0 * (1 + index_pct / 100), listed=1,
        held_before=0, held_after=0, equity_before_krw=before, equity_krw=after, cash_krw=after // 2,
        fills=tuple(fills), refusals={"R-BUY-09": 2}, misses={"halted": 1}, carried=(),
    )  # fmt: skip


def test_figures_of_three_sessions() -> None:
    days = [
        record(date(2024, 12, 30), 100_000, 110_000, 1.0, fills=[BUY]),
        record(date(2025, 1, 2), 110_000, 99_000, -2.0, fills=[SELL]),
        record(date(2025, 1, 3), 99_000, 104_500, 0.5),
    ]
    trip = RoundTrip(CODES[0], "가", "업종", date(2024, 12, 30), date(2025, 1, 2), 10, 10_000, 9_700, "R-EXIT-09")
    found = figures(days, [trip, replace(trip, net_krw=-4_850)])
    assert found.return_pct == pytest.approx(4.5)
    assert found.index_return_pct == pytest.approx(0.5)
    assert (found.drawdown.depth_pct, found.drawdown.trough) == (pytest.approx(-10.0), date(2025, 1, 2))
    assert (found.win_rate_pct, found.profit_factor) == (50.0, 2.0)
    assert found.turnover_per_year == pytest.approx(105_000 / (313_500 / 3) * 252 / 3)
    assert found.exposure_pct == pytest.approx(50.0)
    assert (found.commissions_krw, found.taxes_krw) == (31, 198)
    assert (found.refusals, found.misses) == ({"R-BUY-09": 6}, {"halted": 3})
    assert found.yearly_return_pct is None, "three sessions are no year"
    (exits,) = found.exits
    assert (exits.rule, exits.sells, exits.winning_ratio, exits.net_krw) == ("R-EXIT-09", 1, 1.0, 9_700)
    assert [(row.year, row.return_pct) for row in found.years] == [
        (2024, pytest.approx(10.0)),
        (2025, pytest.approx(-5.0)),
    ]


def test_an_unknown_index_stays_unknown_and_is_no_worst_day() -> None:
    days = [
        record(FIRST, 100, 100, None),
        record(date(2025, 1, 2), 100, 100, 1.0),
        record(date(2025, 1, 3), 100, 99, -1),
    ]
    assert figures(days, []).index_return_pct is None
    assert [day.day for day in worst_index_days(days, 20)] == [date(2025, 1, 3)]


def test_a_series_that_only_rises_has_no_drawdown() -> None:
    assert deepest_fall([(FIRST, 1.0), (date(2025, 1, 2), 2.0)]).depth_pct == 0.0


def scored_market() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Twenty codes over 12 sessions in two months; a code's score is its number, the higher the more it rises."""
    days, codes = sessions(12, date(2024, 4, 22)), [f"{number:06d}" for number in range(20)]
    prices = pl.DataFrame(
        [
            (code, day, 10_000, 10_000 + number * 100, 10_000, 10_000 + number * 10 * (place + 1), 1_000, False)
            for number, code in enumerate(codes)
            for place, day in enumerate(days)
        ],
        schema=["code", "trade_date", "open_krw", "high_krw", "low_krw", "close_krw", "volume", "is_halted"],
        orient="row",
    )
    scores = pl.DataFrame(
        [(day, code, float(number), 0.5, number > 9) for number, code in enumerate(codes) for day in days],
        schema=["market_day", "code", "hybrid_score", "coverage_ratio", "is_tradable"],
        orient="row",
    )
    return scores, prices


def test_scores_that_order_the_returns_have_an_ic_of_one_in_every_month() -> None:
    scores, prices = scored_market()
    judged = judge_scores(scores, prices, horizon=5)
    assert judged.mean_ic == pytest.approx(1.0)
    assert (judged.days, judged.unjudged_days) == (8, 4)
    assert [month.month for month in judged.months] == ["2024-04", "2024-05"]
    assert judged.mean_spread_pct is not None
    assert judged.mean_spread_pct > 0


def test_turned_scores_have_an_ic_of_minus_one() -> None:
    scores, prices = scored_market()
    judged = judge_scores(scores.with_columns(hybrid_score=-pl.col("hybrid_score")), prices, horizon=5)
    assert judged.mean_ic == pytest.approx(-1.0)


def test_a_day_is_judged_as_the_single_day_measure_does() -> None:
    scores, prices = scored_market()
    shuffled = scores.with_columns(hybrid_score=(pl.col("hybrid_score") * 7) % 11)
    day = shuffled["market_day"][0]
    one = shuffled.filter(pl.col("market_day") == day).join(
        returns_from_open(prices, 5), on=["code", "market_day"], how="left"
    )
    single = score_quality(one)
    judged = judge_scores(shuffled.filter(pl.col("market_day") == day), prices, horizon=5)
    assert judged.mean_ic == pytest.approx(single.rank_ic)
    assert judged.mean_spread_pct == pytest.approx(single.decile_spread_pct)


def test_a_halt_at_either_end_gives_no_return() -> None:
    _, prices = scored_market()
    first = prices["trade_date"].unique().sort()
    halted = prices.with_columns(is_halted=pl.col("trade_date") == first[4])
    known = returns_from_open(halted, 5).drop_nulls()["market_day"].unique().to_list()
    assert first[0] not in known
    assert first[4] not in known
    assert first[1] in known


def test_coverage_and_tradable_share_by_year() -> None:
    scores, _ = scored_market()
    assert coverage_by_year(scores) == {2024: (pytest.approx(0.5), pytest.approx(0.5))}


def test_missing_codes_are_counted_against_the_listings_of_the_day() -> None:
    _, prices = scored_market()
    day, end = prices["trade_date"].min(), prices["trade_date"].max()
    listed = pl.DataFrame(
        [("000001", day, "KOSPI"), ("999999", day, "KOSDAQ"), ("888888", day, "KONEX"), ("777777", day, None)],
        schema=["code", "snapshot_date", "market"],
        orient="row",
    )
    facts = data_facts(prices, listed, day, end, [day, date(2024, 5, 15)])  # type: ignore[arg-type]
    (year,) = facts.years
    assert (year.year, year.snapshots, year.listed, year.missing_ratio) == (2024, 1, 2.0, 0.5)
    assert (year.kospi_listed, year.kospi_missing_ratio) == (1.0, 0.0)
    assert facts.missing_sessions == (date(2024, 5, 15),)


def test_codes_that_end_early_and_moves_beyond_the_limit_are_counted() -> None:
    _, prices = scored_market()
    last = prices["trade_date"].max()
    code = pl.col("code") == "000003"
    cut = prices.filter(~(code & (pl.col("trade_date") == last))).with_columns(
        close_krw=pl.when(code).then(pl.int_range(pl.len()).over("code") % 2 * 10_000 + 10_000).otherwise("close_krw")
    )
    facts = data_facts(cut, pl.DataFrame(schema={"code": pl.String, "snapshot_date": pl.Date, "market": pl.String}),
                       last, last, [])  # type: ignore[arg-type]  # fmt: skip
    assert (facts.ended_codes, facts.jump_codes) == (1, 1)
    assert facts.jumps == 10
    assert facts.years == ()


def test_the_correlation_screen_decides_as_the_live_check() -> None:
    """Two codes that move together among others that do not; a short history goes through the live check."""
    days = sessions(90)
    moves = [50 if number % 3 == 0 else -50 if number % 5 == 0 else 0 for number in range(90)]
    bars = {}
    for number, move in enumerate(moves):
        for code in CODES[:2]:
            price = 20_000 + sum(moves[: number + 1])
            bars[code, number] = (price - move, price + 50, price - 50, price)
    market = TinyMarket(days=days, bars=bars)  # type: ignore[arg-type]
    panel = BarPanel(market.frame())
    for row in (25, 61, 62, 85):
        view = CorrelationView(panel, row)
        full = {code: view.closes(code) for code in CODES[1:]}
        screened = view.held_closes(CODES[0], CODES[1:], 0.85)
        expected = check_correlation(CODES[0], view.closes(CODES[0]), full, 0.85)
        assert check_correlation(CODES[0], view.closes(CODES[0]), screened, 0.85) == expected
        assert expected is not None
    assert list(screened) == [CODES[1]], "those clearly below the limit are left out"


def test_the_index_needs_the_close_before() -> None:
    rows = [
        ("KOSPI", day, 100.0, 101.0, 98.0, close, 0.0)
        for day, close in zip(sessions(3), (100.0, 99.0, 102.0), strict=True)
    ]
    frame = pl.DataFrame(
        rows, schema=["index_code", "trade_date", "open", "high", "low", "close", "change_pct"], orient="row"
    )
    bars = index_bars(frame)
    assert list(bars) == sessions(3)[1:]
    assert bars[sessions(3)[1]].change_pct(98.0) == pytest.approx(-2.0)
