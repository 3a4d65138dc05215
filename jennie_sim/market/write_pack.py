"""Writing a session pack from plain frames, real or generated: prices are put onto the exchange's grid."""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from jennie_core.domain.enums import AssetKind, Market
from jennie_core.krx.limits import price_limits
from jennie_sim.market.grid import PriceGrid
from jennie_sim.market.pack import (
    FLOW_COLUMNS,
    HISTORY_COLUMNS,
    INDEX_COLUMNS,
    LISTING_COLUMNS,
    MINUTE_COLUMNS,
    SESSION_COLUMNS,
    PackAccount,
    PackError,
    PackMeta,
)
from jennie_sim.market.path import DayBar

PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True)
class LegalBar:
    """A bar on the grid and how many of its five values had to change."""

    bar: DayBar
    moved: int


def write_pack(
    folder: Path,
    *,
    day: date,
    seed: int,
    source: str,
    simulated: bool,
    listing: pl.DataFrame,
    session: pl.DataFrame,
    history: pl.DataFrame,
    index: pl.DataFrame,
    accounts: list[PackAccount],
    flows: pl.DataFrame | None = None,
    minutes: pl.DataFrame | None = None,
) -> PackMeta:
    """Write a pack for `day` and return its meta data.

    Frames need the columns of docs/decisions/0002. Each price of the traded day is moved to the nearest legal tick
    inside the day's limits around the (legal) base price, the range is widened to hold open and close; a row without
    open, high or low, or without volume, becomes a halt. `history` and `flows` may reach further; only what lies before
    `day` is kept. `minutes` are real bars of the day (MINUTE_COLUMNS; `start` in milliseconds since midnight KST).
    Raises PackError when the frames do not fit together.
    """
    _require(listing, LISTING_COLUMNS, "listing")
    _require(session, SESSION_COLUMNS, "session")
    _require(history, HISTORY_COLUMNS, "history")
    _require(index, INDEX_COLUMNS, "index")
    bases = _legal_bases(listing, day)
    bars, moved = _legal_session(session, bases, day)
    folder.mkdir(parents=True, exist_ok=True)
    listing.select(LISTING_COLUMNS).with_columns(
        pl.col("code").replace_strict({code: base for code, (base, _, _) in bases.items()}).alias("base_price_krw")
    ).write_parquet(folder / "listing.parquet")
    rows = [(bar.code, bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in bars]
    session_schema = {"code": pl.String} | dict.fromkeys(SESSION_COLUMNS[1:], pl.Int64)
    pl.DataFrame(rows, schema=session_schema, orient="row").write_parquet(folder / "session.parquet")
    history.select(HISTORY_COLUMNS).filter(pl.col("date") < day).sort("code", "date").write_parquet(
        folder / "history.parquet"
    )
    index.select(INDEX_COLUMNS).filter(pl.col("date") <= day).sort("index_code", "date").write_parquet(
        folder / "index.parquet"
    )
    if flows is not None and flows.height:
        _require(flows, FLOW_COLUMNS, "flows")
        flows.select(FLOW_COLUMNS).filter(pl.col("date") < day).write_parquet(folder / "flows.parquet")
    if minutes is not None and minutes.height:
        _require(minutes, MINUTE_COLUMNS, "minutes")
        minutes.select(MINUTE_COLUMNS).filter(pl.col("code").is_in(sorted(bases))).write_parquet(
            folder / "minutes.parquet"
        )
    accounts_text = json.dumps([account.model_dump(mode="json") for account in accounts], ensure_ascii=False, indent=1)
    account_file = folder / "account.json"
    account_file.touch(mode=0o600)
    account_file.write_text(accounts_text + "\n", encoding="utf-8")
    meta = PackMeta(
        day=day,
        seed=seed,
        source=source,
        simulated=simulated,
        moved_values=moved,
        quiet_codes=len(bases) - sum(1 for bar in bars if bar.traded),
    )
    (folder / "meta.json").write_text(meta.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return meta


def _require(frame: pl.DataFrame, columns: tuple[str, ...], name: str) -> None:
    if missing := [column for column in columns if column not in frame.columns]:
        raise PackError(f"{name}: lacks the column {missing[0]}")


Base = tuple[int, AssetKind, Market]


def _legal_bases(listing: pl.DataFrame, day: date) -> dict[str, Base]:
    bases: dict[str, Base] = {}
    for code, price, kind_text, market_text in listing.select(
        "code", "base_price_krw", "asset_kind", "market"
    ).iter_rows():
        if price is None or price <= 0:
            raise PackError(f"listing: code {code} has no base price")
        kind, market = AssetKind(kind_text), Market(market_text)
        nearest = int(PriceGrid.of(day, kind, market).nearest(np.array([price]))[0])
        bases[code] = (nearest, kind, market)
    return bases


def _legal_session(session: pl.DataFrame, bases: dict[str, Base], day: date) -> tuple[list[DayBar], int]:
    bars, moved = [], 0
    for code, *values in session.select(SESSION_COLUMNS).sort("code").iter_rows():
        if code not in bases:
            raise PackError(f"session: code {code} is not in the listing")
        legal = legal_bar(code, [int(value or 0) for value in values], bases[code], day)
        bars.append(legal.bar)
        moved += legal.moved
    return bars, moved


def legal_bar(code: str, values: list[int], base: Base, day: date) -> LegalBar:
    """One day's open, high, low, close, volume on legal ticks inside the limits; zeros make a halt."""
    price, kind, market = base
    if min(values[:3]) <= 0 or values[4] <= 0:
        return LegalBar(DayBar(code, 0, 0, 0, price, 0), 0)
    limits = price_limits(price, on=day, kind=kind, market=market)
    nearest = PriceGrid.of(day, kind, market).nearest(np.array(values[:4])).tolist()
    opened, high, low, close = (min(max(value, limits.lower_krw), limits.upper_krw) for value in nearest)
    high, low = max(opened, high, low, close), min(opened, high, low, close)
    bar = DayBar(code, opened, high, low, close, values[4])
    if bar.volume < bar.fewest_trades:
        bar = DayBar(code, opened, high, low, close, bar.fewest_trades)
    after = (bar.open, bar.high, bar.low, bar.close, bar.volume)
    return LegalBar(bar, sum(1 for old, new in zip(values, after, strict=True) if old != new))
