"""Scorers side by side in the store: one row per scorer, and only the configured one's are active (B4)."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import polars as pl
import pytest
from alembic import command
from sqlalchemy import Engine, func, select

from jennie_core.domain.base import KST
from jennie_infra.db.engine import make_engine
from jennie_infra.db.market import DailyQuantScore
from jennie_infra.db.repositories import market_scores as scores
from jennie_infra.db.schema import alembic_config, upgrade

DAY = date(2025, 6, 27)
EARLIER = date(2025, 6, 26)
AT = datetime(2025, 6, 27, 8, 30, tzinfo=KST)
NUMBERS = (
    "total_quant_score", "momentum_score", "quality_score", "value_score", "technical_score", "news_score",
    "supply_demand_score", "sector_momentum_score", "llm_score", "smoothed_score",
)  # fmt: skip
TEXTS = ("analyst", "llm_grade", "llm_reason", "risk_tag", "trade_tier", "blocked_by", "sector_group")


@pytest.fixture(params=["sqlite", "mariadb"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    made = make_engine(request.getfixturevalue(f"{request.param}_url"), durable=True)
    upgrade("market", made)
    yield made
    made.dispose()


def rows(version: str, *hybrid: float) -> pl.DataFrame:
    codes = [f"{number:05}0" for number in range(len(hybrid))]
    return pl.DataFrame({"code": codes, "hybrid_score": list(hybrid)}).with_columns(
        pl.col("code").alias("name"), *(pl.lit(1.5).alias(name) for name in NUMBERS),
        *(pl.lit("x").alias(name) for name in TEXTS), scorer_version=pl.lit(version), coverage_ratio=pl.lit(0.8),
        is_tradable=pl.lit(value=True),
    )  # fmt: skip


def store(engine: Engine, frame: pl.DataFrame, *, run: str, feeds: bool, day: date = DAY, at: datetime = AT) -> None:
    with engine.begin() as connection:
        scores.write_scores(
            connection, frame, day=day, run_id=run, settings_hash="s", known_at=at, feeds_watchlist=feeds
        )


def test_the_same_run_keeps_a_row_of_each_scorer_and_one_is_active(engine: Engine) -> None:
    store(engine, rows("quant-1", 70.0, 60.0), run="r1", feeds=True)
    store(engine, rows("quant-rank-1", 55.0, 45.0), run="r1", feeds=False)
    store(engine, rows("quant-rank-1", 56.0, 46.0), run="r1", feeds=False)
    with engine.begin() as connection:
        scores.mark_selected(connection, DAY, "r1", ["000000"])
        active = scores.read_scores(connection, DAY)
        other = scores.read_scores(connection, DAY, scorer_version="quant-rank-1")
    assert active["hybrid_score"].to_list() == [70.0, 60.0]
    assert active.sort("code")["is_final_selected"].to_list() == [True, False]
    assert other.sort("code")["hybrid_score"].to_list() == [56.0, 46.0]
    assert not other["is_final_selected"].any()


def test_a_later_run_beside_the_list_leaves_the_active_one_alone(engine: Engine) -> None:
    store(engine, rows("quant-1", 70.0), run="r1", feeds=True)
    store(engine, rows("quant-rank-1", 55.0), run="r2", feeds=False, at=AT + timedelta(hours=8))
    with engine.connect() as connection:
        assert scores.read_scores(connection, DAY)["hybrid_score"].to_list() == [70.0]


@pytest.mark.rule("R-SEL-01")
def test_a_scorer_is_smoothed_over_its_own_days_and_their_newest_runs(engine: Engine) -> None:
    """Also of days on which it did not feed the list yet."""
    store(engine, rows("quant-1", 70.0), run="r1", feeds=True, day=EARLIER)
    store(engine, rows("quant-rank-1", 50.0), run="r1", feeds=False, day=EARLIER)
    store(engine, rows("quant-rank-1", 51.0), run="r2", feeds=False, day=EARLIER, at=AT + timedelta(hours=1))
    with engine.connect() as connection:
        for version, expected in (("quant-1", [70.0]), ("quant-rank-1", [51.0]), ("none", [])):
            history = scores.score_history(connection, DAY, 2, scorer_version=version)
            assert history["hybrid_score"].to_list() == expected


def test_the_schema_goes_back_and_forth_with_its_rows(engine: Engine) -> None:
    """The rows of the configured scorer survive; the old key has no place for another scorer's."""
    store(engine, rows("quant-1", 70.0, 60.0), run="r1", feeds=True)
    store(engine, rows("quant-rank-1", 55.0, 45.0), run="r1", feeds=False)
    command.downgrade(alembic_config("market", engine), "0001")
    upgrade("market", engine)
    t = DailyQuantScore
    with engine.connect() as connection:
        left = connection.execute(select(t.scorer_version, func.count()).group_by(t.scorer_version)).all()
        assert [tuple(row) for row in left] == [("quant-1", 2)]
        assert scores.read_scores(connection, DAY)["hybrid_score"].to_list() == [70.0, 60.0]
    store(engine, rows("quant-rank-1", 55.0, 45.0), run="r1", feeds=False)
