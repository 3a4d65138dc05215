"""Smoothing, hysteresis, greedy selection and the document (R-SEL)."""

from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from jennie_core.domain.base import KST
from jennie_core.domain.enums import MarketRegime
from jennie_core.domain.trading_settings import ScoutSettings
from jennie_core.scoring.selection import select
from jennie_core.scoring.smoothing import HISTORY, smoothed_scores
from jennie_core.scoring.watchlist import build_watchlist, first_listed_dates

DAY = date(2025, 3, 17)
NOW = datetime(2025, 3, 17, 8, 30, tzinfo=KST)


def history(*rows: tuple[date, str, float | None]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=HISTORY, orient="row")


def today(score: float | None) -> pl.DataFrame:
    return pl.DataFrame(
        {"code": ["000010"], "hybrid_score": [score]}, schema={"code": pl.String, "hybrid_score": pl.Float64}
    )


def smoothed(score: float | None, past: pl.DataFrame, window: int = 3) -> float | None:
    value: float | None = smoothed_scores(today(score), past, market_day=DAY, window=window)["smoothed_score"][0]
    return value


@pytest.mark.rule("R-SEL-01", "R-SEL-02")
def test_smoothing_takes_the_last_two_earlier_dates_in_order_of_date() -> None:
    """Rows come in any order, today's own rows are excluded."""
    past = history(
        (DAY - timedelta(1), "000010", 60.0), (DAY - timedelta(5), "000010", 0.0), (DAY - timedelta(2), "000010", 63.0),
        (DAY, "000010", 1.0), (DAY + timedelta(1), "000010", 1.0),
    )  # fmt: skip
    assert smoothed(66.1, past) == 63.0
    assert smoothed(66.1, past, window=1) == 66.1


@pytest.mark.rule("R-SEL-01", "R-SEL-03")
def test_smoothing_uses_what_exists_and_never_invents() -> None:
    assert smoothed(70.0, history()) == 70.0
    assert smoothed(70.0, history((DAY - timedelta(1), "000010", None))) == 70.0
    assert smoothed(None, history((DAY - timedelta(1), "000010", 80.0))) is None


@pytest.mark.rule("R-SEL-02")
def test_two_active_rows_for_a_day_are_refused() -> None:
    with pytest.raises(ValueError, match="R-SEL-02"):
        smoothed(70.0, history(*[(DAY - timedelta(1), "000010", 60.0)] * 2))


@pytest.fixture
def field(readings: Any) -> Any:
    """Smoothed rows: (code, score, sector, size_rank)."""

    def build(*rows: tuple[str, float | None, str, int], tradable: bool = True) -> pl.DataFrame:
        frame = readings(*({"code": code, "sector_group": sector} for code, _, sector, _ in rows))
        return frame.with_columns(
            smoothed_score=pl.Series([row[1] for row in rows], dtype=pl.Float64),
            size_rank=pl.Series([row[3] for row in rows], dtype=pl.UInt32),
            is_tradable=pl.lit(tradable),
            blocked_by=pl.lit(None if tradable else "Q1: coverage under 0.55", dtype=pl.String),
        )

    return build


def chosen(
    frame: pl.DataFrame, previous: tuple[str, ...] = (), caps: dict[str, int] | None = None, size: int = 25
) -> list[str]:
    out = select(frame, previous_codes=previous, sector_caps=caps or {}, settings=ScoutSettings(max_watchlist=size))
    return out.filter(pl.col("is_selected")).sort("list_rank")["code"].to_list()


@pytest.mark.rule("R-SEL-06")
def test_hysteresis_keeps_a_listed_stock_between_the_thresholds(field: Any) -> None:
    frame = field(
        ("000010", 62.0, "금융", 1),
        ("000020", 61.9, "통신", 2),
        ("000030", 55.0, "자동차", 3),
        ("000040", 54.9, "기타", 4),
    )
    assert chosen(frame) == ["000010"]
    assert chosen(frame, previous=("000020", "000030", "000040")) == ["000010", "000020", "000030"]


@pytest.mark.rule("R-SEL-04")
def test_order_is_by_steps_of_five_then_size(field: Any) -> None:
    frame = field(("000010", 69.9, "금융", 9), ("000020", 65.0, "통신", 1), ("000030", 70.0, "자동차", 99))
    assert chosen(frame) == ["000030", "000020", "000010"]


@pytest.mark.rule("R-SEL-07", "R-SEL-08")
def test_sector_caps_are_soft_when_the_list_is_not_full(field: Any) -> None:
    rows = [(f"{i:05}0", 90.0, "금융", i) for i in range(1, 5)] + [("000090", 70.0, "통신", 9)]
    assert chosen(field(*rows), caps={"금융": 2}) == ["000010", "000020", "000090", "000030", "000040"]
    assert chosen(field(*rows), caps={"금융": 2}, size=3) == ["000010", "000020", "000090"]
    assert chosen(field(*rows), size=3) == ["000010", "000020", "000030"]


def test_every_row_says_why(field: Any) -> None:
    out = select(
        field(
            ("000010", 80.0, "금융", 1), ("000020", 80.0, "금융", 2), ("000030", 50.0, "금융", 3),
            ("000040", 70.0, "통신", 4),
        ),
        previous_codes=(), sector_caps={"금융": 1}, settings=ScoutSettings(max_watchlist=2),
    )  # fmt: skip
    notes = dict(out.select("code", "selection_note").rows())
    assert notes["000010"] == "enters"
    assert notes["000020"] == "R-SEL-07: sector cap"
    assert notes["000030"] == "R-SEL-06: under the exit score 55"


@pytest.mark.rule("R-SEL-05")
def test_an_untradable_stock_is_never_listed(field: Any) -> None:
    frame = field(("000010", 99.0, "금융", 1), tradable=False)
    assert chosen(frame, previous=("000010",)) == []
    out = select(frame, previous_codes=(), sector_caps={}, settings=ScoutSettings())
    assert out["selection_note"][0] == "Q1: coverage under 0.55"


def document(frame: pl.DataFrame, since: dict[str, date]) -> Any:
    full = frame.with_columns(
        total_quant_score=pl.lit(70.0), llm_score=pl.lit(72.0), coverage_ratio=pl.lit(0.8), trade_tier=pl.lit("TIER1"),
        risk_tag=pl.lit("NEUTRAL"), veto_applied=pl.lit(value=False),
    )  # fmt: skip
    return build_watchlist(
        select(full, previous_codes=since.keys(), sector_caps={}, settings=ScoutSettings()),
        run_id="run-1", market_day=DAY, market_regime=MarketRegime.BULL, known_at=NOW,
        expires_at=NOW + timedelta(hours=24), listed_since=since,
    )  # fmt: skip


@pytest.mark.rule("R-SEL-09", "R-STRAT-09")
def test_the_document_carries_scores_prices_and_first_listing(field: Any) -> None:
    """The stay counts from its first session, not from the newest run."""
    first = date(2025, 3, 10)
    watchlist = document(field(("000010", 80.0, "금융", 1), ("000020", 70.0, "통신", 2)), {"000010": first})
    assert watchlist.version == "v20250316T233000Z"
    assert [(entry.rank, entry.code, entry.hybrid_score, entry.first_listed_on) for entry in watchlist.entries] == [
        (1, "000010", 80.0, first), (2, "000020", 70.0, DAY),
    ]  # fmt: skip
    assert watchlist.entries[0].previous_close_krw == 20_000
    assert watchlist.entries[0].atr_krw == 500.0
    assert first_listed_dates(watchlist) == {"000010": first, "000020": DAY}
    assert first_listed_dates(None) == {}
