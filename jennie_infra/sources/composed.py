"""A `MarketDataSource` of several suppliers: the configured one for each dataset, the market folder for the rest."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from jennie_core.scoring import frames
from jennie_infra.sources.files import MarketFolder
from jennie_infra.sources.protocol import HeadlineSource, IndexSource, MacroSource, PriceSource, StatementSource

ABSENT = "absent: unknown"
SECTORS = ("sector_large", "sector_mid")


@dataclass(frozen=True)
class Composed:
    """`None` stands for the folder; without a folder such a dataset is unknown (empty), never invented.

    A supplier that fails fails its dataset: the folder never steps in silently for a broken source.
    """

    folder: MarketFolder | None
    prices: PriceSource | None = None
    index: IndexSource | None = None
    macro: tuple[MacroSource, ...] = ()
    statements: StatementSource | None = None
    headline: HeadlineSource | None = None

    def describe(self) -> dict[str, str]:
        """The folder's own words where it is asked, the supplier's where one is set."""
        words = dict(self.folder.describe()) if self.folder else {"kind": "none"}
        place = words.get("source", "none")
        parts = {
            "prices": (("daily_prices", "market_caps"), self.prices),
            "index": (("index",), self.index),
            "statements": (("fundamentals",), self.statements),
            "headlines": (("headlines",), self.headline),
        }
        for dataset, (names, supplier) in parts.items():
            words[f"{dataset}_source"] = place if supplier is None else supplier.name
            for name in names:
                words[name] = words.get(name, ABSENT) if supplier is None else f"{supplier.name}: {supplier.caveat}"
        words["macro_source"] = " + ".join([*(one.name for one in self.macro), *([place] if self.folder else [])])
        if self.macro:
            words["macro"] = "; ".join(f"{one.name}: {one.caveat}" for one in self.macro)
        words["flows_source"] = place
        if self.prices is not None:
            words["kind"] = self.prices.kind
        words["source"] = "; ".join(f"{name}={words[f'{name}_source']}" for name in (*parts, "macro", "flows"))
        return words

    def sessions(self, start: date, end: date) -> list[date]:
        """Sessions of whoever gives the prices."""
        return self._prices.sessions(start, end)

    def daily_prices(self, start: date, end: date) -> pl.DataFrame:
        """`frames.DAILY_PRICES`."""
        return self._prices.daily_prices(start, end)

    def stock_master(self, as_of: date) -> pl.DataFrame:
        """`frames.STOCK_MASTER`; sectors that the supplier does not know come from the folder's register."""
        master = self._prices.stock_master(as_of)
        if self.prices is None or self.folder is None:
            return master
        known = self.folder.master_of(master, as_of).select("code", *SECTORS)
        joined = master.join(known, on="code", how="left", suffix="_known", validate="1:1")
        filled = joined.with_columns(pl.coalesce(name, f"{name}_known").alias(name) for name in SECTORS)
        return filled.select(frames.STOCK_MASTER.keys()).sort("code")

    def market_caps(self, as_of: date) -> pl.DataFrame:
        """`frames.MARKET_CAPS`."""
        return self._prices.market_caps(as_of)

    def index_daily(self, start: date, end: date) -> pl.DataFrame:
        """`frames.INDEX_DAILY`."""
        if self.index is not None:
            return self.index.index_daily(start, end)
        return self.folder.index_daily(start, end) if self.folder else frames.empty(frames.INDEX_DAILY)

    def macro_daily(self, start: date, decision_day: date) -> pl.DataFrame:
        """`frames.MACRO_DAILY`; a series has one supplier, and the folder gives those that no supplier has."""
        given = frozenset[str]().union(*(one.series for one in self.macro))
        parts = [one.macro_daily(start, decision_day) for one in self.macro]
        if self.folder is not None:
            rest = self.folder.macro_daily(start, decision_day)
            parts.append(rest.filter(~pl.col("series").is_in(sorted(given))))
        return pl.concat([frames.empty(frames.MACRO_DAILY), *parts]).sort("series", "observed_on")

    def investor_flows(self, start: date, end: date) -> pl.DataFrame:
        """`frames.INVESTOR_FLOWS` of the folder."""
        return self.folder.investor_flows(start, end) if self.folder else frames.empty(frames.INVESTOR_FLOWS)

    def market_flows(self, start: date, end: date) -> pl.DataFrame:
        """`frames.MARKET_FLOWS` of the folder."""
        return self.folder.market_flows(start, end) if self.folder else frames.empty(frames.MARKET_FLOWS)

    def fundamentals(self, known_by: date) -> pl.DataFrame:
        """`frames.FUNDAMENTALS`."""
        if self.statements is not None:
            return self.statements.fundamentals(known_by)
        return self.folder.fundamentals(known_by) if self.folder else frames.empty(frames.FUNDAMENTALS)

    def consensus(self, known_by: date) -> pl.DataFrame:
        """No supplier carries consensus figures: unknown."""
        return frames.empty(frames.CONSENSUS)

    def headlines(self, start: date, end: date) -> pl.DataFrame:
        """`frames.HEADLINES`."""
        if self.headline is not None:
            return self.headline.headlines(start, end)
        return self.folder.headlines(start, end) if self.folder else frames.empty(frames.HEADLINES)

    @property
    def _prices(self) -> PriceSource | MarketFolder:
        if self.prices is not None:
            return self.prices
        if self.folder is None:
            raise AssertionError("the registry composes no source without prices")
        return self.folder
