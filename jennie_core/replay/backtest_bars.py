"""Daily bars of a whole range as arrays, converted once; the engine asks by session number and code."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from jennie_core.domain.enums import AssetKind, Market
from jennie_core.krx.ticks import ceil_to_tick, floor_to_tick
from jennie_core.scoring.frames import DAILY_PRICES, INDEX_DAILY, STOCK_MASTER, require
from jennie_core.strategy.indicators import Ohlc

_FIELDS = ("open_krw", "high_krw", "low_krw", "close_krw", "volume")
IntTable = npt.NDArray[np.int64]


class Bar(NamedTuple):
    """One traded or halted session of one code; a halted one has its last close in every price."""

    open_krw: int
    high_krw: int
    low_krw: int
    close_krw: int
    volume: int
    is_halted: bool


class IndexBar(NamedTuple):
    """One session of the index in points, with the close before it."""

    open: float
    low: float
    close: float
    previous_close: float

    def change_pct(self, level: float) -> float:
        """Change of a level against the previous close."""
        return (level / self.previous_close - 1) * 100


@dataclass(frozen=True, slots=True)
class Listing:
    """What ticks, limits and taxes of a code depend on."""

    name: str
    market: Market
    kind: AssetKind

    def floor(self, price_krw: float, on: date) -> int:
        """The highest legal price not above, at least one won."""
        return floor_to_tick(max(1, price_krw), on=on, kind=self.kind, market=self.market)

    def ceil(self, price_krw: float, on: date) -> int:
        """The lowest legal price not below."""
        return ceil_to_tick(price_krw, on=on, kind=self.kind, market=self.market)


UNKNOWN_LISTING = Listing("", Market.UNKNOWN, AssetKind.COMMON)
"""Pays the highest tax."""


class BarPanel:
    """Prices and volumes as tables of sessions x codes; -1 where a code has no bar."""

    def __init__(self, prices: pl.DataFrame) -> None:
        """`prices` are `frames.DAILY_PRICES` of the whole range; rows in any order, one per code and session."""
        require(prices, DAILY_PRICES, "daily prices")
        self.sessions: list[date] = prices["trade_date"].unique().sort().to_list()
        self.codes: list[str] = prices["code"].unique().sort().to_list()
        self._column = {code: number for number, code in enumerate(self.codes)}
        self._row = {day: number for number, day in enumerate(self.sessions)}
        place = prices.select(
            row=pl.col("trade_date").rank("dense").cast(pl.Int64) - 1, column=pl.col("code").rank("dense") - 1
        )
        rows, columns = place["row"].to_numpy(), place["column"].to_numpy()
        shape = (len(self.sessions), len(self.codes))
        self._tables: dict[str, IntTable] = {}
        for name in _FIELDS:
            table = np.full(shape, -1, dtype=np.int64)
            table[rows, columns] = prices[name].to_numpy()
            self._tables[name] = table
        self._mend_extremes()
        known = self._tables["close_krw"] > 0
        reversed_last = np.argmax(known[::-1], axis=0)
        self._last = np.where(known.any(axis=0), shape[0] - 1 - reversed_last, -1)
        self.bars = prices.height

    def row(self, day: date) -> int | None:
        """Number of a session; None for a day without any bar."""
        return self._row.get(day)

    def bar(self, code: str, row: int) -> Bar | None:
        """The bar of a code, None when it has none on that session."""
        column = self._column.get(code)
        if column is None or row < 0:
            return None
        tables = self._tables
        close = int(tables["close_krw"][row, column])
        if close <= 0:
            return None
        opening, volume = int(tables["open_krw"][row, column]), int(tables["volume"][row, column])
        if opening <= 0 or volume <= 0:
            return Bar(close, close, close, close, 0, is_halted=True)
        high, low = int(tables["high_krw"][row, column]), int(tables["low_krw"][row, column])
        return Bar(opening, high, low, close, volume, is_halted=False)

    def ended_before(self, code: str, row: int) -> bool:
        """Whether the code's last bar of the whole range is older than this session."""
        column = self._column.get(code)
        return column is None or int(self._last[column]) < row

    def closes_before(self, code: str, row: int, sessions: int) -> dict[date, float] | None:
        """Closes by date of the `sessions` before `row`, halted ones included; None for an unknown code."""
        column = self._column.get(code)
        if column is None:
            return None
        first = max(0, row - sessions)
        closes = self._tables["close_krw"][first:row, column].tolist()
        return {day: float(close) for day, close in zip(self.sessions[first:row], closes, strict=True) if close > 0}

    def traded_before(self, code: str, row: int, sessions: int) -> list[Ohlc]:
        """Traded bars among the `sessions` before `row`, oldest first."""
        column = self._column.get(code)
        if column is None:
            return []
        window = slice(max(0, row - sessions), row)
        tables = self._tables
        rows = zip(
            tables["open_krw"][window, column].tolist(),
            tables["high_krw"][window, column].tolist(),
            tables["low_krw"][window, column].tolist(),
            tables["close_krw"][window, column].tolist(),
            strict=True,
        )
        return [Ohlc(high, low, close) for opening, high, low, close in rows if opening > 0]

    def return_windows(self, codes: list[str], row: int, returns: int) -> npt.NDArray[np.float64] | None:
        """Log returns of the last `returns` sessions before `row`, a column per code; NaN where a close is missing."""
        columns = [self._column.get(code, -1) for code in codes]
        if row - returns < 1 or -1 in columns:
            return None
        return self._log_returns[row - returns : row, columns]

    @cached_property
    def _log_returns(self) -> npt.NDArray[np.float64]:
        closes = self._tables["close_krw"].astype(np.float64)
        closes[closes <= 0] = np.nan
        table = np.full(closes.shape, np.nan)
        table[1:] = np.log(closes[1:] / closes[:-1])
        return table

    def _mend_extremes(self) -> None:
        """Rounding of adjusted prices may leave an open or close outside high and low by some won."""
        opening, close = self._tables["open_krw"], self._tables["close_krw"]
        traded = opening > 0
        high, low = self._tables["high_krw"], self._tables["low_krw"]
        high[traded] = np.maximum(high, np.maximum(opening, close))[traded]
        low[traded] = np.minimum(low, np.minimum(opening, close))[traded]


def index_bars(index_daily: pl.DataFrame, index_code: str = "KOSPI") -> dict[date, IndexBar]:
    """Bars of one index by session; the first row has no close before it and is left out."""
    rows = require(index_daily, INDEX_DAILY, "index bars").filter(pl.col("index_code") == index_code)
    ordered = rows.sort("trade_date").with_columns(before=pl.col("close").shift(1)).drop_nulls("before")
    columns = ordered.select("trade_date", "open", "low", "close", "before").iter_rows()
    return {day: IndexBar(opening, low, close, before) for day, opening, low, close, before in columns}


def listings(master: pl.DataFrame) -> Mapping[str, Listing]:
    """Listing facts by code; what the master does not know stays unknown (KOSPI ticks, highest tax)."""
    rows = require(master, STOCK_MASTER, "stock master").select("code", "name", "market", "asset_kind").iter_rows()
    return {
        code: Listing(
            name=name or code,
            market=Market.UNKNOWN if market is None else Market(market),
            kind=AssetKind.COMMON if kind is None else AssetKind(kind),
        )
        for code, name, market, kind in rows
    }
