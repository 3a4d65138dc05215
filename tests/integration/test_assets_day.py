"""The data plane's day on a real Dagster instance: from prices to watchlist and permit, and what stops it."""

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from sqlalchemy import select, text

from jennie_assets.partitions import CALENDAR, key_of
from jennie_assets.permit import compile_permit
from jennie_core.domain.macro import MacroInsight, SectorBudget, TradingContext
from jennie_core.domain.permit import TradingPermit
from jennie_core.domain.schedule import SCHEDULE
from jennie_core.domain.watchlist import HotWatchlist
from jennie_infra import permit as signing
from jennie_infra.bus.cache import fresh, get_sync
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.db.ledger import AlertLog, PermitLog
from tests.integration.assets_rig import DAY, MARKET_ASSETS, SESSIONS, Rig, at, generated_folder, rig

pytestmark = pytest.mark.timeout(300)
BARS = "stock_code, trade_date, open_krw, high_krw, low_krw, close_krw, volume, is_halted, source, known_at"
SCORES = "stock_code, total_quant_score, llm_score, hybrid_score, smoothed_score, is_tradable, trade_tier, exclusion"


POISON = (
    "INSERT INTO stock_daily_price SELECT stock_code, :day, 1, 900000, 1, 900000, 99999999, 0, 'poison', known_at "
    "FROM stock_daily_price WHERE trade_date = :last",
    "INSERT INTO stock_investor_trading "
    "(stock_code, trade_date, foreign_net_shares, institution_net_shares, known_at) "
    "SELECT stock_code, :day, 99999999, 99999999, known_at FROM stock_daily_price WHERE trade_date = :last",
    "INSERT INTO index_daily_price (index_code, trade_date, close_level, known_at) "
    "SELECT index_code, :day, close_level * 9, known_at FROM index_daily_price WHERE trade_date = :last",
)


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generated_folder(tmp_path_factory.mktemp("market"))


@pytest.fixture(scope="session")
def morning(tmp_path_factory: pytest.TempPathFactory, market: Path, redis_server: str) -> Path:
    """Folder of a plane that has done its morning's jobs; each test works on a copy."""
    folder = tmp_path_factory.mktemp("morning")
    with rig(folder, market, redis_server) as made:
        for result in made.load():
            assert result.ok, result.error
    return folder


@pytest.fixture
def day(tmp_path: Path, market: Path, morning: Path, redis_url: str) -> Iterator[Rig]:
    shutil.copytree(morning, tmp_path / "day")
    with rig(tmp_path / "day", market, redis_url) as made:
        yield made


def _permit(made: Rig) -> TradingPermit:
    found = get_sync(made.plane.platform.redis, RedisKeys.PERMIT_TRADING, TradingPermit).value
    assert found is not None
    return found


def _refusal(made: Rig, hhmm: str, watchlist_version: str | None = None) -> str | None:
    platform = made.plane.platform
    refusal = signing.check(
        _permit(made),
        signing.permit_key(platform.settings),
        now=at(hhmm),
        mode=platform.settings.mode.value,
        account_hash=platform.settings.account_hash,
        settings_hash=platform.trading.settings_hash(),
        watchlist_version=watchlist_version,
    )
    return None if refusal is None else str(refusal)


@pytest.mark.rule("R-BUD-07", "R-CNL-08", "R-JOB-04", "R-JOB-28", "R-REG-06", "R-SEL-10", "R-SEL-11")
def test_a_morning_publishes_list_regime_budget_and_a_valid_permit(day: Rig) -> None:
    assert day.plane.run_job("macro_council_job", key_of(DAY), at("07:30")).ok
    result = day.scout()
    assert result.ok, result.error
    assert result.not_materialized == ()
    redis = day.plane.platform.redis
    watchlist = get_sync(redis, RedisKeys.WATCHLIST_ACTIVE, HotWatchlist).value
    assert watchlist is not None
    assert 1 <= len(watchlist.entries) <= 25
    assert watchlist.known_at == at("08:30")
    assert watchlist.expires_at == at("15:30")
    assert fresh(get_sync(redis, RedisKeys.WATCHLIST_ACTIVE, HotWatchlist), at("15:30")).value is None
    assert watchlist.run_id == f"{result.run_id[:8]}-{DAY:%Y%m%d}"
    regime = get_sync(redis, RedisKeys.REGIME_CURRENT, TradingContext).value
    insight = get_sync(redis, RedisKeys.MACRO_INSIGHT, MacroInsight, date=DAY.isoformat()).value
    assert regime is not None
    assert insight is not None
    assert insight.analyst == "rules"
    assert regime.market_regime is watchlist.market_regime
    budget = get_sync(redis, RedisKeys.SECTOR_BUDGET, SectorBudget).value
    assert budget is not None
    assert len(budget.sectors) == 15
    assert _refusal(day, "09:05", watchlist.version) is None
    assert "expired" in (_refusal(day, "15:20") or "")
    with day.plane.platform.ledger.connect() as connection:
        assert list(connection.execute(select(PermitLog.granted)).scalars()) == [True]


@pytest.mark.rule("R-RET-02", "R-SEL-10", "R-SEL-12")
def test_runs_append_and_only_the_latest_is_active(day: Rig) -> None:
    """B4."""
    day.scout("08:30")
    first = day.digest("daily_quant_score", SCORES)
    day.scout("09:30")
    runs = day.digest("daily_quant_score", "run_id, is_active")
    assert len({run for run, _ in runs}) == 2
    assert len({run for run, active in runs if active}) == 1
    assert len(day.digest("daily_quant_score", SCORES)) == 2 * len(first)
    assert day.digest("daily_quant_score", SCORES, "is_active = 1") == first


@pytest.mark.rule("R-DATA-02", "R-DATA-05")
def test_loading_again_gives_the_same_rows_and_the_same_version(day: Rig) -> None:
    """A partition's rows are equal after any number of runs."""
    bars = day.digest("stock_daily_price", BARS)
    flows = day.digest("stock_investor_trading", "stock_code, trade_date, foreign_net_shares, known_at")
    last = CALENDAR.previous_session(DAY)
    again = day.plane.backfill(MARKET_ASSETS, CALENDAR.previous_session(DAY, SESSIONS), last, market_time=at("21:00"))
    assert again.ok, again.error
    assert again.partitions == SESSIONS
    assert day.digest("stock_daily_price", BARS) == bars
    assert day.digest("stock_investor_trading", "stock_code, trade_date, foreign_net_shares, known_at") == flows
    with dg.DagsterInstance.from_config(str(day.folder / "dagster")) as instance:
        records = instance.fetch_materializations(dg.AssetKey("daily_prices"), limit=2 * SESSIONS + 10).records
        assert len(instance.get_materialized_partitions(dg.AssetKey("daily_prices"))) == SESSIONS
        versions = {
            str(record.asset_materialization.metadata["data_version_hash"].value)
            for record in records
            if record.asset_materialization is not None and record.asset_materialization.tags is not None
            and record.asset_materialization.metadata["first_session"].value != last.isoformat()
        }  # fmt: skip
        assert len(versions) == 1
        assert instance.get_runs_count() == 5


@pytest.mark.rule("R-ENR-02")
def test_the_list_of_a_day_does_not_know_that_day(day: Rig) -> None:
    """Q2: rows of the market day itself, however wild, change nothing at 08:30."""
    day.scout()
    before = day.digest("daily_quant_score", SCORES, "is_active = 1")
    days = {"day": DAY.isoformat(), "last": CALENDAR.previous_session(DAY).isoformat()}
    with day.plane.platform.market.begin() as connection:
        for statement in POISON:
            connection.execute(text(statement), days)
    for kept in (day.plane.platform.artifact_folder / "readings").rglob("*.parquet"):
        kept.unlink()
    assert day.plane.run_job("macro_council_job", key_of(DAY), at("07:45")).ok
    assert day.scout("08:31").ok
    assert day.digest("daily_quant_score", SCORES, "is_active = 1") == before


def test_a_wild_row_of_the_day_before_does_change_the_list(day: Rig) -> None:
    """The test above can fail: the session before is read."""
    day.scout()
    before = day.digest("daily_quant_score", SCORES, "is_active = 1")
    with day.plane.platform.market.begin() as connection:
        connection.execute(
            text("UPDATE stock_daily_price SET close_krw = close_krw * 2 WHERE trade_date = :last"),
            {"last": CALENDAR.previous_session(DAY).isoformat()},
        )
    for kept in (day.plane.platform.artifact_folder / "readings").rglob("*.parquet"):
        kept.unlink()
    assert day.scout("08:31").ok
    assert day.digest("daily_quant_score", SCORES, "is_active = 1") != before


@pytest.mark.rule("R-JOB-25", "R-JOB-28")
def test_a_check_that_is_made_to_fail_takes_the_permit_and_says_why(
    tmp_path: Path, market: Path, redis_url: str
) -> None:
    """O6, FAIL_CHECK=freshness: revoked from its own run, still refused after the scout, nothing else is stopped."""
    with rig(tmp_path, market, redis_url, fail_check="freshness") as made:
        backfill, data, *later = made.load()
        assert backfill.ok, backfill.error
        assert not data.ok
        assert [check.check for check in data.checks_failed] == ["freshness"]
        assert data.checks_failed[0].forced
        revoked = _permit(made)
        assert not revoked.granted
        assert revoked.issued_at == at("06:30")
        assert all(result.ok for result in later)
        assert made.scout().ok
        permit = _permit(made)
        assert not permit.granted
        assert [reason.split(":")[0] for reason in permit.reasons] == ["daily_prices.freshness"]
        assert "JENNIE_FAIL_CHECK" in (_refusal(made, "09:05") or "")
        with made.plane.platform.ledger.connect() as connection:
            assert list(connection.execute(select(PermitLog.granted)).scalars()) == [False, False]
            assert list(connection.execute(select(AlertLog.alert_id)).scalars()) == ["check:daily_prices.freshness"]


def test_a_scout_check_that_fails_keeps_the_list_back_and_the_permit_away(
    tmp_path: Path, market: Path, redis_url: str
) -> None:
    with rig(tmp_path, market, redis_url, fail_check="score_distribution") as made:
        made.load()
        result = made.scout()
        assert not result.ok
        assert "hot_watchlist" in result.not_materialized
        assert result.error.startswith("check quant_scores.score_distribution")
        assert get_sync(made.plane.platform.redis, RedisKeys.WATCHLIST_ACTIVE, HotWatchlist).value is None
        assert not _permit(made).granted


def test_a_permit_without_its_checks_is_not_granted(tmp_path: Path, market: Path, redis_url: str) -> None:
    """Unknown is not passed: the scout without the morning's market data run."""
    with rig(tmp_path, market, redis_url) as made:
        with dg.DagsterInstance.ephemeral() as instance:
            permit = compile_permit(
                made.plane.platform, instance, market_day=DAY, watchlist_version="v", now=at("08:30")
            )
        assert not permit.granted
        assert all("not judged for" in reason for reason in permit.reasons)


@pytest.mark.rule("R-JOB-26")
def test_a_holiday_is_skipped_with_its_reason(tmp_path: Path, market: Path, redis_url: str) -> None:
    with rig(tmp_path, market, redis_url) as made:
        closed = date(2026, 2, 17)
        for job in SCHEDULE:
            result = made.plane.run_scheduled(job, closed, at(f"{job.at:%H:%M}", closed))
            assert result.skipped == "2026-02-17 is not a KRX session"
            assert result.run_id == ""


def test_a_missing_source_is_one_line_that_names_the_setting(tmp_path: Path, redis_url: str) -> None:
    with rig(tmp_path, tmp_path, redis_url) as made:
        made.plane.platform.settings = made.plane.platform.settings.model_copy(update={"market_data": None})
        result = made.plane.run_job("market_data_job", key_of(CALENDAR.previous_session(DAY)), at("06:30"))
    assert not result.ok
    assert "JENNIE_MARKET_DATA is not set" in result.error


@pytest.mark.rule("R-BRF-02", "R-BRF-04", "R-JOB-25")
def test_the_evening_jobs_tell_the_day(day: Rig) -> None:
    day.scout()
    records = day.plane.run_job("trading_records_job", key_of(DAY), at("15:40"))
    assert records.ok, records.error
    assert records.checks_failed == ()
    briefing = day.plane.run_job("daily_briefing_job", key_of(DAY), at("17:00"))
    assert briefing.ok, briefing.error
    (told,) = day.digest("daily_briefing", "text, writer")
    assert f"<b>{DAY} 매매 브리핑</b>" in told[0]
    assert told[1] == "rules"
    parts = ("계좌", "거래", "보유", "시장", "관심종목", "뉴스")
    places = [told[0].find(f"<b>{part}</b>") for part in parts]
    assert -1 not in places[:5]
    assert places[:5] == sorted(places[:5])
    unreached = day.plane.run_job("asset_snapshot_job", key_of(DAY), at("15:45"))
    assert not unreached.ok
    assert "GatewayUnavailableError" in unreached.error


@pytest.mark.rule("R-DATA-02", "R-ENR-13")
def test_what_the_stores_hold_is_what_the_folder_says(day: Rig) -> None:
    frame = pl.read_parquet(day.plane.platform.settings.market_data / "daily" / "*.parquet")  # type: ignore[operator]
    last = CALENDAR.previous_session(DAY)
    stored = day.digest("stock_daily_price", "stock_code, close_krw", f"trade_date = '{last}'")
    wanted = frame.filter(pl.col("date") == last).select("code", "close").sort("code").rows()
    assert [tuple(row) for row in stored] == [(code, int(close)) for code, close in wanted]
