"""One wide row per listed stock with all that is known before the market day (R-ENR); the scorers' only input."""

from dataclasses import dataclass, field
from datetime import date

import polars as pl

from jennie_core.scoring import frames
from jennie_core.scoring.factors import consensus_factors, flow_factors, price_factors, sector_momentum
from jennie_core.scoring.sectors import OTHER, with_sector_group
from jennie_core.scoring.sentiment import news_factors
from jennie_core.scoring.valuation import market_cap_now, valuation


def _nothing(schema: frames.Schema) -> pl.DataFrame:
    return frames.empty(schema)


@dataclass(frozen=True)
class MarketInputs:
    """Canonical frames (`frames.py`) of one decision; all but prices and master may be empty, which means unknown."""

    prices: pl.DataFrame
    master: pl.DataFrame
    market_caps: pl.DataFrame = field(default_factory=lambda: _nothing(frames.MARKET_CAPS))
    fundamentals: pl.DataFrame = field(default_factory=lambda: _nothing(frames.FUNDAMENTALS))
    flows: pl.DataFrame = field(default_factory=lambda: _nothing(frames.INVESTOR_FLOWS))
    consensus: pl.DataFrame = field(default_factory=lambda: _nothing(frames.CONSENSUS))
    headlines: pl.DataFrame = field(default_factory=lambda: _nothing(frames.HEADLINES))


def assemble_readings(inputs: MarketInputs, *, as_of: date, known_by: date | None = None) -> pl.DataFrame:
    """Join every source into one row per code listed on the last session `as_of`, sorted by code.

    `as_of` is the last session of prices and flows; `known_by` the last calendar day of filed or published facts
    (default `as_of`; for market day D the day before D). Raises LookAheadError when a frame holds anything later.

    Output: code, name, market, asset_kind, status, sector_group, is_sector_known, the columns of
    `price_factors`, market_cap_krw,
    market_cap_date, per, pbr, roe_pct, fundamentals_known_on, forward_per, forward_roe_pct, eps_revision_pct,
    foreign_net_krw, institution_net_krw, foreign_held_pct, foreign_ratio_trend_pp, news_sentiment (0..100),
    headline_count, sector_return_20_pct. Null = unknown.
    """
    known = as_of if known_by is None else known_by
    frames.require(inputs.master, frames.STOCK_MASTER, "stock master")
    master = with_sector_group(inputs.master).select(
        "code", "name", "market", "asset_kind", "status", "sector_group", "is_sector_known"
    )
    caps = market_cap_now(inputs.market_caps, inputs.prices, as_of=as_of)
    parts = (
        master,
        caps,
        valuation(inputs.fundamentals, caps, known_by=known),
        consensus_factors(inputs.consensus, as_of=known),
        flow_factors(inputs.flows, inputs.prices, as_of=as_of),
        news_factors(inputs.headlines, as_of=known),
    )
    readings = price_factors(inputs.prices, as_of=as_of)
    for part in parts:
        readings = readings.join(part, on="code", how="left", validate="1:1")
    readings = readings.with_columns(
        pl.col("sector_group").fill_null(OTHER), pl.col("is_sector_known").fill_null(value=False)
    )
    momentum = sector_momentum(readings)
    return readings.join(momentum, on="sector_group", how="left").with_columns(own_momentum()).sort("code")


def own_momentum() -> pl.Expr:
    """sector_return_20_pct of the row's sector group; null where the stock's sector is not known."""
    return pl.when(pl.col("is_sector_known")).then(pl.col("sector_return_20_pct")).alias("sector_return_20_pct")
