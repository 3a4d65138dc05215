"""The generated market: deterministic, legal, believable, and blind to the traded day."""

from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from jennie_core.domain.enums import AssetKind, ListingStatus, Market
from jennie_core.krx.limits import price_limits
from jennie_sim.market.generate import GeneratedMarket, generate_market
from jennie_sim.market.grid import PriceGrid

DAY = date(2026, 3, 18)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("market")


@pytest.fixture(scope="module")
def made(folder: Path) -> GeneratedMarket:
    return generate_market(folder, 3, DAY)


def test_the_seed_decides_everything(made: GeneratedMarket, folder: Path, tmp_path: Path) -> None:
    again = generate_market(tmp_path, 3, DAY)
    assert again.session.equals(made.session)
    assert again.daily.equals(made.daily)
    for path in sorted(folder.rglob("*.parquet")):
        assert pl.read_parquet(path).equals(pl.read_parquet(tmp_path / path.relative_to(folder))), path
    assert not generate_market(None, 4, DAY).daily.equals(made.daily)


def test_the_folder_knows_nothing_of_the_traded_day(made: GeneratedMarket, folder: Path) -> None:
    for path in folder.rglob("*.parquet"):
        frame = pl.read_parquet(path)
        for column in ("date", "filing_date", "last_seen"):
            if column in frame.columns:
                assert frame[column].max() < DAY, path
    assert made.session.height == made.listing.height


def test_prices_are_legal_and_inside_the_limits(made: GeneratedMarket) -> None:
    kinds = {row["code"]: row for row in made.listing.iter_rows(named=True)}
    for (code,), bars in made.daily.group_by(["code"]):
        listed = kinds[str(code)]
        kind, market = AssetKind(listed["asset_kind"]), Market(listed["market"])
        grid = PriceGrid.of(DAY, kind, market)
        rows = bars.sort("date").tail(30).to_dicts()
        for before, row in pairwise(rows):
            limits = price_limits(before["close"], on=row["date"], kind=kind, market=market)
            if row["high"] == 0:
                assert row["close"] == before["close"]
                continue
            assert row["low"] <= min(row["open"], row["close"]) <= max(row["open"], row["close"]) <= row["high"]
            assert all(
                grid.is_legal(row[name]) and limits.holds(row[name]) for name in ("open", "high", "low", "close")
            )


def test_the_listing_holds_what_a_universe_must_leave_out(made: GeneratedMarket) -> None:
    assert set(made.listing["asset_kind"]) >= {kind.value for kind in AssetKind if kind is not AssetKind.ETN}
    assert set(made.listing["status"]) == {status.value for status in ListingStatus}
    sessions = made.daily.group_by("code").len()
    assert sessions.filter(pl.col("len") < 60).height >= 2
    turnover = made.daily.with_columns((pl.col("close") * pl.col("volume")).alias("won"))
    thin = turnover.group_by("code").agg(pl.col("won").tail(20).median()).filter(pl.col("won") < 1_000_000_000)
    assert 5 <= thin.height <= made.listing.height // 2


def test_returns_are_fat_tailed_correlated_and_varied(made: GeneratedMarket) -> None:
    common = made.listing.filter(pl.col("asset_kind") == "COMMON")["code"]
    wide = made.daily.filter(pl.col("code").is_in(common.to_list())).pivot(on="code", index="date", values="close")
    closes = wide.sort("date").drop("date").to_numpy().astype(float)
    closes = closes[:, ~np.isnan(closes).any(axis=0)]
    returns = np.diff(np.log(closes), axis=0)
    z = (returns - returns.mean(axis=0)) / np.maximum(returns.std(axis=0), 1e-9)
    assert np.mean(z**4) > 4.0
    assert 0.08 < np.corrcoef(returns.T)[np.triu_indices(returns.shape[1], 1)].mean() < 0.6
    trend = closes[-1] / closes[-61] - 1
    assert (trend > 0.15).sum() >= 5
    assert (trend < -0.10).sum() >= 5


def test_names_and_codes_are_unique(made: GeneratedMarket) -> None:
    assert made.listing["code"].n_unique() == made.listing.height
    assert made.listing["name"].n_unique() == made.listing.height
    assert made.listing["code"].str.contains("^7[0-9]{3}[0-9A-Z]{2}$").all()
