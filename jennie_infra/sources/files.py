"""A market folder on disk (decision 0002) as a `MarketDataSource`: daily Parquet, marcap files or daily CSVs."""

from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

import polars as pl

from jennie_core.scoring import frames
from jennie_infra.sources import bars, registers, series
from jennie_infra.sources.checks import ImportNote
from jennie_infra.sources.errors import MissingDataError
from jennie_infra.sources.marcap import marcap_files
from jennie_infra.sources.statements import every_statement, fundamentals_known_by
from jennie_infra.sources.tables import read_parquet

MASTER_WINDOW_DAYS = 30


class MarketFolder:
    """Reads one folder; nothing is cached between calls but the list of files.

    Files named `*crosscheck*` are second opinions on the same bars and are not read.
    """

    def __init__(self, folder: Path | str, *, bars_needed: bool = True) -> None:
        """Raises MissingDataError when the folder does not exist or, with `bars_needed`, holds no daily bars."""
        self.folder = Path(folder)
        self.notes: list[ImportNote] = []
        if not self.folder.is_dir():
            raise MissingDataError(f"{self.folder}: no such directory; MARKET_DATA must name a folder with daily bars")
        if bars_needed and self.kind == "none":
            raise MissingDataError(
                f"{self.folder}: no daily bars; expected daily/*.parquet, *.parquet, marcap-*.csv.gz or daily/*.csv"
            )

    @cached_property
    def _daily_files(self) -> list[Path]:
        for place in (self.folder / "daily", self.folder):
            found = [path for path in sorted(place.glob("*.parquet")) if not path.name.startswith("marcap-")]
            if found:
                return [path for path in found if "crosscheck" not in path.name]
        return []

    @cached_property
    def _csv_files(self) -> list[Path]:
        return sorted((self.folder / "daily").glob("*.csv")) or sorted(self.folder.glob("*.csv"))

    @cached_property
    def _marcap_files(self) -> list[Path]:
        return marcap_files(self.folder)

    @property
    def kind(self) -> str:
        """`parquet`, `marcap`, `csv` or `none`: where the daily bars come from."""
        if self._daily_files:
            return "parquet"
        if self._marcap_files:
            return "marcap"
        return "csv" if self._csv_files else "none"

    def describe(self) -> dict[str, str]:
        """What the folder holds, with its caveats."""
        files = {"parquet": self._daily_files, "marcap": self._marcap_files, "csv": self._csv_files, "none": []}[
            self.kind
        ]
        adjusted = (
            "unadjusted, as traded" if self.kind == "marcap" else "levels as the files give them (often adjusted)"
        )
        return {
            "source": str(self.folder),
            "kind": self.kind,
            "daily_prices": f"{len(files)} files, {adjusted}",
            "market_caps": self._presence("marketcap/*.parquet", "newest snapshot not later than the asked day"),
            "sectors": self._presence(
                "reference/krx_sectors.parquet", "one classification for all days, not point in time"
            ),
            "instruments": self._presence("reference/krx_instruments.parquet", "kind of security, not point in time"),
            "index": self._presence("index/krx_index_daily.parquet", "points"),
            "macro": self._presence("macro/macro_daily.parquet", "US dates, used up to the day before the decision"),
            "flows": self._presence("flows/stock_investor_flows*.parquet", "net shares per code and day"),
            "fundamentals": self._presence("fundamentals/*.parquet", "by filing date, else period end + 45 or 90 days"),
            "headlines": self._presence("news/kr_stock_headlines*.parquet", "titles per code and day"),
        }

    def _presence(self, pattern: str, caveat: str) -> str:
        count = len(list(self.folder.glob(pattern)))
        return f"{count} files: {caveat}" if count else "absent: unknown"

    def sessions(self, start: date, end: date) -> list[date]:
        """Days in [start, end] on which any code has a row."""
        if self.kind != "parquet":
            return sorted(self.daily_prices(start, end)["trade_date"].unique().to_list())
        days: set[date] = set()
        for path in self._daily_files:
            days.update(
                read_parquet(path, ("date",), date_column="date", start=start, end=end)["date"].drop_nulls().unique()
            )
        return sorted(days)

    def daily_prices(self, start: date, end: date) -> pl.DataFrame:
        """`frames.DAILY_PRICES`; every row read is checked, one broken rule refuses the whole call."""
        if self.kind == "marcap":
            return bars.marcap_bars(self._marcap_files, start, end)
        if self.kind == "csv":
            frame, self.notes = bars.csv_bars(self._csv_files, start, end)
            return frame
        return bars.parquet_bars(self._daily_files, start, end)

    def stock_master(self, as_of: date) -> pl.DataFrame:
        """`frames.STOCK_MASTER` of the codes with a price in the 30 calendar days up to `as_of`."""
        recent = self.daily_prices(as_of - timedelta(days=MASTER_WINDOW_DAYS), as_of)
        return registers.stock_master(recent, self.folder, self._marcap_files, as_of)

    def market_caps(self, as_of: date) -> pl.DataFrame:
        """`frames.MARKET_CAPS`; empty when no snapshot is known on `as_of`."""
        rows = registers.newest_snapshots(self.folder, self._marcap_files, as_of)
        if rows.height == 0:
            return frames.empty(frames.MARKET_CAPS)
        cap = pl.col("market_cap_krw").cast(pl.Int64)
        return rows.select("code", pl.col("date").alias("snapshot_date"), cap, "shares_outstanding").sort("code")

    def listed_history(self, start: date, end: date) -> pl.DataFrame:
        """Market values by code and date up to `end` with the market of the day, as far as the folder has them.

        Columns: code String, snapshot_date Date, market String, market_cap_krw Int64, shares_outstanding Int64; rows
        before `start` are kept (a newest value may be old). Sorted by code and date.
        """
        rows = registers.snapshots(self.folder, self._marcap_files, start, end)
        if rows.height == 0:
            return frames.empty({**frames.MARKET_CAPS, "market": pl.String})
        cap = pl.col("market_cap_krw").cast(pl.Int64)
        return rows.select("code", pl.col("date").alias("snapshot_date"), "market", cap, "shares_outstanding")

    def master_of(self, codes: pl.DataFrame, as_of: date) -> pl.DataFrame:
        """`frames.STOCK_MASTER` of the codes in the column `code`, from every register known on `as_of`."""
        return registers.stock_master(codes, self.folder, self._marcap_files, as_of)

    def every_statement(self, known_by: date) -> pl.DataFrame:
        """`frames.FUNDAMENTALS` of all statements known on `known_by`, not the newest alone."""
        return every_statement(self.folder, known_by)

    def index_daily(self, start: date, end: date) -> pl.DataFrame:
        """`frames.INDEX_DAILY`; the change is taken from the previous close."""
        return series.index_daily(self.folder, start, end)

    def macro_daily(self, start: date, decision_day: date) -> pl.DataFrame:
        """`frames.MACRO_DAILY` before `decision_day`; rows without a value (foreign holidays) are left out."""
        return series.macro_daily(self.folder, start, decision_day)

    def investor_flows(self, start: date, end: date) -> pl.DataFrame:
        """`frames.INVESTOR_FLOWS`; empty where the folder has none for the window."""
        return series.investor_flows(self.folder, start, end)

    def market_flows(self, start: date, end: date) -> pl.DataFrame:
        """`frames.MARKET_FLOWS`, converted from 100 million won."""
        return series.market_flows(self.folder, start, end)

    def fundamentals(self, known_by: date) -> pl.DataFrame:
        """`frames.FUNDAMENTALS` of the newest statement known on `known_by`."""
        return fundamentals_known_by(self.folder, known_by)

    def consensus(self, known_by: date) -> pl.DataFrame:
        """No layout of a market folder carries consensus figures: unknown."""
        return frames.empty(frames.CONSENSUS)

    def headlines(self, start: date, end: date) -> pl.DataFrame:
        """`frames.HEADLINES`; exact repeats of a crawl count once."""
        return series.headlines(self.folder, start, end)
