"""Statistics of the generated market: what a trading rule lives on must look as it does on KRX."""

from datetime import date
from itertools import combinations

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from jennie_core.domain.enums import AssetKind, ListingStatus
from jennie_core.domain.enums import Market as Segment
from jennie_sim.market.generate import GeneratedMarket, generate_market
from jennie_sim.market.hours import MINUTE_MS
from jennie_sim.market.market import Market
from jennie_sim.market.pack import Listed, PackMeta, SessionPack
from jennie_sim.market.write_pack import legal_bar

DAY = date(2026, 3, 18)
SEED = 7
Floats = NDArray[np.float64]


@pytest.fixture(scope="module")
def made() -> GeneratedMarket:
    return generate_market(None, SEED, DAY)


@pytest.fixture(scope="module")
def market(made: GeneratedMarket) -> Market:
    listing = {
        row[0]: Listed(row[0], row[1], Segment(row[2]), AssetKind(row[3]), ListingStatus(row[4]), *row[5:])
        for row in made.listing.iter_rows()
    }
    bars = {}
    for code, *values in made.session.iter_rows():
        listed = listing[code]
        bars[code] = legal_bar(code, values, (listed.base_price_krw, listed.kind, listed.market), DAY).bar
    meta = PackMeta(day=DAY, seed=SEED, source="generated", simulated=True)
    return Market(SessionPack(meta, (), listing, bars, made.daily, made.index))


@pytest.fixture(scope="module")
def liquid(market: Market) -> list[str]:
    """Ordinary shares that trade often enough for five-minute returns."""
    return [
        code
        for code, listed in sorted(market.listing.items())
        if listed.kind is AssetKind.COMMON and market.bar(code).volume > 50_000
    ][:70]


@pytest.fixture(scope="module")
def returns(market: Market, liquid: list[str]) -> Floats:
    """Five-minute log returns of the traded day (shape: codes x steps)."""
    hours = market.hours
    grid = range(hours.open_ms + 5 * MINUTE_MS, hours.continuous_end_ms + 1, 5 * MINUTE_MS)
    prices = np.array([[market.last_price(code, at_ms) for at_ms in grid] for code in liquid], dtype=float)
    return np.diff(np.log(prices), axis=1)


def pairs(matrix: Floats, sectors: list[str], *, same: bool) -> float:
    """Mean correlation of pairs within (or between) sectors."""
    chosen = [matrix[i, j] for i, j in combinations(range(len(sectors)), 2) if (sectors[i] == sectors[j]) == same]
    return float(np.mean(chosen))


def test_within_a_day_codes_move_with_the_market_and_more_with_their_sector(
    market: Market, liquid: list[str], returns: Floats
) -> None:
    sectors = [market.listing[code].sector for code in liquid]
    matrix = np.corrcoef(returns)
    within, between = pairs(matrix, sectors, same=True), pairs(matrix, sectors, same=False)
    assert 0.08 < between < 0.35
    assert between + 0.08 < within < 0.6


def test_the_index_moves_with_its_stocks_within_the_day(market: Market, returns: Floats) -> None:
    index = market.index("KOSPI")
    assert index is not None
    hours = market.hours
    grid = range(hours.open_ms + 5 * MINUTE_MS, hours.continuous_end_ms + 1, 5 * MINUTE_MS)
    moves = np.diff(np.log([index.at(at_ms).value for at_ms in grid]))
    assert np.mean([np.corrcoef(moves, row)[0, 1] for row in returns]) > 0.2


def test_five_minute_returns_are_fat_tailed_uncorrelated_and_clustered(returns: Floats) -> None:
    """No drift to follow from one bar to the next, a little bounce between the quotes, lively and calm stretches."""
    z = (returns - returns.mean(axis=1, keepdims=True)) / returns.std(axis=1, keepdims=True)
    following = [np.corrcoef(row[:-1], row[1:])[0, 1] for row in returns]
    liveliness = [np.corrcoef(abs(row[:-1]), abs(row[1:]))[0, 1] for row in returns]
    assert np.mean(z**4) > 3.3
    assert -0.2 < np.mean(following) < 0.1
    assert np.mean(liveliness) > 0.03


def test_the_days_realised_volatility_fits_its_range(market: Market, liquid: list[str], returns: Floats) -> None:
    """A driftless walk has a range of about 1.6 times its volatility: the path is no mere line and no noise."""
    realised = np.sqrt((returns**2).sum(axis=1))
    ranges = np.array([np.log(market.bar(code).high / market.bar(code).low) for code in liquid])
    assert 0.5 < np.mean(realised / ranges) < 1.3


def test_volume_smiles(market: Market, liquid: list[str]) -> None:
    """The first half hour and the last twenty minutes are livelier than noon (a U shape), over all codes together."""
    hours, volume = market.hours, np.zeros(13)
    for code in liquid:
        tape = market.tape(code)
        inside = (tape.rows[:, 0] >= hours.open_ms) & (tape.rows[:, 0] < hours.continuous_end_ms)
        part = ((tape.rows[inside, 0] - hours.open_ms) // (30 * MINUTE_MS)).astype(int)
        volume += np.bincount(part, tape.rows[inside, 2] / tape.rows[:, 2].sum(), minlength=13)
    noon = volume[5:8].mean()
    assert volume[0] > 1.6 * noon
    assert volume[12] * 30 / 20 > 1.2 * noon


def _closes(made: GeneratedMarket, column: str) -> tuple[list[str], Floats]:
    common = made.listing.filter(pl.col("asset_kind") == "COMMON", pl.col("status") == "normal")
    frame = made.daily.filter(pl.col("code").is_in(common["code"].to_list())).pivot(
        on="code", index="date", values=column
    )
    values = frame.sort("date").drop("date")
    whole = [name for name in values.columns if values[name].null_count() == 0 and (values[name] > 0).all()]
    return whole, values.select(whole).to_numpy().astype(float)


def test_daily_returns_are_closer_within_sectors_than_between(made: GeneratedMarket) -> None:
    codes, closes = _closes(made, "close")
    sector_of = dict(made.listing.select("code", "sector").iter_rows())
    matrix = np.corrcoef(np.diff(np.log(closes), axis=0).T)
    sectors = [sector_of[code] for code in codes]
    within, between = pairs(matrix, sectors, same=True), pairs(matrix, sectors, same=False)
    assert 0.05 < between < 0.45
    assert within > between + 0.05


def test_overnight_gaps_are_a_real_part_of_the_day(made: GeneratedMarket) -> None:
    codes, closes = _closes(made, "close")
    same_codes, opens = _closes(made, "open")
    assert codes == same_codes
    gaps, sessions = np.log(opens[1:] / closes[:-1]), np.log(closes[1:] / opens[1:])
    ratio = np.median(gaps.std(axis=0) / sessions.std(axis=0))
    assert 0.25 < ratio < 0.9
    assert np.mean(np.abs(gaps) > 0.02) > 0.01
    assert np.mean(np.abs(gaps) > 0.1) < 0.01


def test_daily_volatility_persists_and_returns_do_not(made: GeneratedMarket) -> None:
    _, closes = _closes(made, "close")
    returns = np.diff(np.log(closes), axis=0).T
    following = [np.corrcoef(row[:-1], row[1:])[0, 1] for row in returns]
    sizes = [np.corrcoef(abs(row[:-1]), abs(row[1:]))[0, 1] for row in returns]
    assert abs(np.mean(following)) < 0.08
    assert np.mean(sizes) > 0.02
    assert 0.15 < np.median(returns.std(axis=1)) * np.sqrt(252) < 0.8
