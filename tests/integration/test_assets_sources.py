"""Assets that take a session from the exchange's API (a local replay of it), through a real Dagster instance."""

from datetime import datetime
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import text

from jennie_assets.conduct import DataPlane
from jennie_core.domain.base import KST
from jennie_infra.settings import load_settings
from tests.contract.sources.conftest import ReplayServer
from tests.contract.sources.test_krx import DAY, KEY, block, index, market, stock

NOW = datetime(2025, 6, 30, 8, 5, tzinfo=KST)
TABLES = {"daily_prices": "stock_daily_price", "index_prices": "index_daily_price"}


@pytest.fixture
def replay() -> ReplayServer:
    return ReplayServer()


def plane_of(folder: Path, url: str) -> DataPlane:
    settings = load_settings(
        {}, folder / "absent.env", mode="paper", home=folder / "state", krx_url=url, krx_api_key=KEY,
        source_prices="krx", source_index="krx",
    )  # fmt: skip
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    plane = DataPlane(settings, folder / "dagster")
    plane.prepare_stores()
    return plane


def test_a_session_is_loaded_and_each_materialisation_names_its_supplier(tmp_path: Path, replay: ReplayServer) -> None:
    replay.script = market
    plane = plane_of(tmp_path, replay.url)
    try:
        result = plane.backfill(("daily_prices", "index_prices", "stock_master"), DAY, DAY, market_time=NOW)
        assert result.ok, result.error
        with plane.platform.market.connect() as connection:
            counts = {
                asset: connection.execute(text(f"SELECT count(*) FROM {table}")).scalar()
                for asset, table in TABLES.items()
            }
        assert counts == {"daily_prices": 4, "index_prices": 3}
        with dg.DagsterInstance.get() as instance:  # the plane has set its home
            for asset in ("daily_prices", "index_prices", "stock_master"):
                event = instance.get_latest_materialization_event(dg.AssetKey(asset))
                assert event is not None
                assert event.asset_materialization is not None
                assert event.asset_materialization.metadata["source"].value == "KRX Open API"
    finally:
        plane.close()
        replay.close()


def test_a_refused_reply_fails_the_run_and_leaves_the_store_as_it_was(tmp_path: Path, replay: ReplayServer) -> None:
    replay.script = market
    plane = plane_of(tmp_path, replay.url)
    try:
        assert plane.backfill(("index_prices",), DAY, DAY, market_time=NOW).ok
        replay.always(block(index("코스피", "20250626"), stock("005930", "삼성전자")))
        result = plane.backfill(("index_prices",), DAY, DAY, market_time=NOW)
        assert not result.ok
        with plane.platform.market.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM index_daily_price")).scalar() == 3
        assert list((plane.platform.settings.state_dir / "source-replies").glob("*-krx-index.gz"))
    finally:
        plane.close()
        replay.close()
