"""The generated market: one seed makes a listing, its history and one traded day, in the layout of decision 0002."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from jennie_core.domain.enums import AssetKind
from jennie_core.krx.calendar import KrxCalendar
from jennie_sim.market.companies import Company, invent_companies
from jennie_sim.market.history import Bars, draw_bars
from jennie_sim.market.sidefacts import flow_frame, headline_frame, index_frame, macro_frame, ratio_frame

HISTORY_SESSIONS = 320
USUAL_CODES = 160


@dataclass(frozen=True, slots=True)
class GeneratedMarket:
    """A generated market in memory; frames have the columns of docs/decisions/0002.

    `daily` ends with the session before `day`; `session` is the traded day; `index` includes it.
    """

    day: date
    seed: int
    companies: tuple[Company, ...]
    listing: pl.DataFrame
    daily: pl.DataFrame
    session: pl.DataFrame
    index: pl.DataFrame


def history_days(day: date, sessions: int) -> list[date]:
    """The `sessions` KRX sessions before `day`, oldest first."""
    calendar = KrxCalendar.shipped()
    return calendar.sessions_between(calendar.previous_session(day, sessions), calendar.previous_session(day))


def generate_market(
    folder: Path | None, seed: int, day: date, sessions: int = HISTORY_SESSIONS, codes: int = USUAL_CODES
) -> GeneratedMarket:
    """Generate a market and, with a folder, write what was known before `day` there in the layout of decision 0002.

    The traded day is returned only: whoever reads the folder cannot look ahead. Deterministic in all arguments.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    companies = invent_companies(rng, codes)
    days = [*history_days(day, sessions), day]
    bars = draw_bars(rng, companies, days)
    index = index_frame(companies, bars)
    past = pl.col("date") < day
    long = _long_frame(companies, bars)
    made = GeneratedMarket(
        day=day,
        seed=seed,
        companies=tuple(companies),
        listing=_listing_frame(companies, bars),
        daily=long.filter(past),
        session=long.filter(~past).drop("date"),
        index=index,
    )
    if folder is not None:
        known = Bars(
            days[:-1], bars.open[:-1], bars.high[:-1], bars.low[:-1], bars.close[:-1], bars.volume[:-1],
            bars.market_move[:-1],
        )  # fmt: skip
        _write(folder, made, known, rng)
    return made


def _long_frame(companies: Sequence[Company], bars: Bars) -> pl.DataFrame:
    days, columns = np.nonzero(bars.close > 0)
    codes = np.array([company.code for company in companies])
    dates = np.array(bars.days, dtype="datetime64[D]")
    parts = {name: getattr(bars, name)[days, columns] for name in ("open", "high", "low", "close", "volume")}
    return pl.DataFrame({"code": codes[columns], "date": dates[days], **parts}).sort("code", "date")


def _listing_frame(companies: Sequence[Company], bars: Bars) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "code": [company.code for company in companies],
            "name": [company.name for company in companies],
            "market": [company.market.value for company in companies],
            "asset_kind": [company.kind.value for company in companies],
            "status": [company.status.value for company in companies],
            "base_price_krw": bars.close[-2].tolist(),
            "listed_shares": [company.shares for company in companies],
            "sector": [company.sector_large for company in companies],
        }
    ).sort("code")


def _write(folder: Path, made: GeneratedMarket, known: Bars, rng: np.random.Generator) -> None:
    companies = made.companies
    _save(made.daily, folder / "daily" / "krx_daily_generated.parquet")
    _save(made.index.filter(pl.col("date") < made.day), folder / "index" / "krx_index_daily.parquet")
    _save(macro_frame(rng, known), folder / "macro" / "macro_daily.parquet")
    _save(_snapshots(companies, known), folder / "marketcap" / "krx_marketcap_snapshots_generated.parquet")
    _save(_instruments(companies, known), folder / "reference" / "krx_instruments.parquet")
    _save(_sectors(companies), folder / "reference" / "krx_sectors.parquet")
    _save(flow_frame(rng, companies, known), folder / "flows" / "stock_investor_flows_generated.parquet")
    _save(ratio_frame(rng, companies, known), folder / "fundamentals" / "krx_annual_ratios_generated.parquet")
    _save(headline_frame(rng, companies, known), folder / "news" / "kr_stock_headlines_generated.parquet")


def _save(frame: pl.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(path, compression="zstd")


def _snapshots(companies: Sequence[Company], bars: Bars, every: int = 5) -> pl.DataFrame:
    chosen = [row for row in range(len(bars.days)) if (len(bars.days) - 1 - row) % every == 0]
    frames = []
    for row in chosen:
        close = bars.close[row]
        shares = np.array([company.shares for company in companies])
        frames.append(
            pl.DataFrame(
                {
                    "code": [company.code for company in companies],
                    "name": [company.name for company in companies],
                    "market": [company.market.value for company in companies],
                    "date": [bars.days[row]] * len(companies),
                    "close": close,
                    "volume": bars.volume[row],
                    "amount_krw": bars.volume[row] * close,
                    "market_cap_krw": close * shares,
                    "shares_outstanding": shares,
                }
            ).filter(pl.col("close") > 0)
        )
    return pl.concat(frames).sort("code", "date")


def _instruments(companies: Sequence[Company], bars: Bars) -> pl.DataFrame:
    listed = bars.close > 0
    return pl.DataFrame(
        {
            "code": [company.code for company in companies],
            "name": [company.name for company in companies],
            "market": [company.market.value for company in companies],
            "asset_type": [company.kind.value for company in companies],
            "is_common_stock": [company.kind is AssetKind.COMMON for company in companies],
            "first_seen": [bars.days[int(np.argmax(listed[:, n]))] for n in range(len(companies))],
            "last_seen": [bars.days[-1]] * len(companies),
            "status": [company.status.value for company in companies],
        }
    ).sort("code")


def _sectors(companies: Sequence[Company]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "code": [company.code for company in companies],
            "name": [company.name for company in companies],
            "market": [company.market.value for company in companies],
            "sector_large": [company.sector_large for company in companies],
            "sector_mid": [company.sector_mid for company in companies],
        }
    ).sort("code")
