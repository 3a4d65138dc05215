"""A market folder on disk (decision 0002) as a `MarketDataSource`: daily Parquet, marcap files or daily CSVs."""

from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

import polars as pl

from jennie_core.domain.enums import AssetKind
from jennie_core.scoring import frames
from jennie_core.scoring.listing import asset_kind_from_name
from jennie_infra.sources.checks import PRICES, ImportNote, canonical_daily, check_daily
from jennie_infra.sources.daily_csv import read_daily_csv
from jennie_infra.sources.errors import DataFileError, MissingDataError
from jennie_infra.sources.marcap import kind_of_dept, marcap_files, read_marcap, status_of_dept
from jennie_infra.sources.statements import fundamentals_known_by
from jennie_infra.sources.tables import parquet_columns, read_parquet

MASTER_WINDOW_DAYS = 30
_DAILY_COLUMNS = ("code", "date", *PRICES, "volume")
_MARKETS = ("KOSPI", "KOSDAQ", "KONEX")


class MarketFolder:
    """Reads one folder; nothing is cached between calls but the list of files.

    Files named `*crosscheck*` are second opinions on the same bars and are not read.
    """

    def __init__(self, folder: Path | str) -> None:
        """Raises MissingDataError when the folder does not exist or holds no daily bars."""
        self.folder = Path(folder)
        self.notes: list[ImportNote] = []
        if not self.folder.is_dir():
            raise MissingDataError(f"{self.folder}: no such directory; MARKET_DATA must name a folder with daily bars")
        if self.kind == "none":
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
        files = {"parquet": self._daily_files, "marcap": self._marcap_files, "csv": self._csv_files}[self.kind]
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
            parts = [canonical_daily(read_marcap(path, start=start, end=end)) for path in self._marcap_files]
            return self._joined(parts, self._marcap_files)
        if self.kind == "csv":
            imported = [read_daily_csv(path, start=start, end=end) for path in self._csv_files]
            self.notes = [note for one in imported for note in one.notes]
            return self._joined([one.bars for one in imported], self._csv_files)
        return self._joined([self._daily_parquet(path, start, end) for path in self._daily_files], self._daily_files)

    def _daily_parquet(self, path: Path, start: date, end: date) -> pl.DataFrame:
        frame = read_parquet(path, _DAILY_COLUMNS, date_column="date", start=start, end=end)
        for name in (*PRICES, "volume"):
            if not frame.schema[name].is_numeric():
                raise DataFileError(path, f"a number is needed, found {frame.schema[name]}", column=name)
        frame = frame.with_columns(pl.col(name).cast(pl.Float64) for name in (*PRICES, "volume"))
        check_daily(frame, path)
        return canonical_daily(frame)

    def _joined(self, parts: list[pl.DataFrame], files: list[Path]) -> pl.DataFrame:
        """One frame; equal rows of two files count once, different ones refuse (which is right cannot be told)."""
        filled = [(part, path) for part, path in zip(parts, files, strict=True) if part.height]
        if not filled:
            return frames.empty(frames.DAILY_PRICES)
        if len(filled) == 1:
            return filled[0][0]
        whole = pl.concat([part for part, _ in filled]).unique(maintain_order=False).sort("code", "trade_date")
        twice = whole.filter(pl.struct("code", "trade_date").is_duplicated())
        if twice.height:
            row = twice.row(0, named=True)
            holders = [path.name for part, path in filled if part.filter(_same_bar(row)).height]
            raise DataFileError(
                filled[-1][1],
                f"{' and '.join(holders)} disagree about this bar",
                row=f"{row['code']} {row['trade_date']}",
                column="close",
                value=row["close_krw"],
            )
        return whole

    def stock_master(self, as_of: date) -> pl.DataFrame:
        """`frames.STOCK_MASTER`; names and markets of the newest snapshot known, then of the reference files."""
        recent = self.daily_prices(as_of - timedelta(days=MASTER_WINDOW_DAYS), as_of)
        master = recent.select("code").unique().sort("code")
        for number, register in enumerate(self._registers(as_of)):
            master = master.join(register, on="code", how="left", suffix=f"_{number}", validate="1:1")
        return master.select(
            "code",
            _first_known(master, "name"),
            _first_known(master, "market"),
            _kind(master),
            _first_known(master, "status"),
            _first_known(master, "sector_large"),
            _first_known(master, "sector_mid"),
        )

    def _registers(self, as_of: date) -> list[pl.DataFrame]:
        """Frames with code and any of name, market, asset_kind, dept_kind, status, sectors; most trusted first."""
        found = []
        snapshot = self._snapshots(as_of)
        if snapshot.height:
            found.append(snapshot.select("code", "name", _market(), "status", "dept_kind"))
        instruments = self.folder / "reference" / "krx_instruments.parquet"
        if instruments.exists():
            frame = read_parquet(instruments, ("code", "name", "market", "asset_type"))
            found.append(
                frame.select("code", "name", _market(), pl.col("asset_type").alias("asset_kind")).unique(
                    "code", keep="last"
                )
            )
        sectors = self.folder / "reference" / "krx_sectors.parquet"
        if sectors.exists():
            frame = read_parquet(sectors, ("code", "name", "market", "sector_large", "sector_mid"))
            found.append(
                frame.select("code", "name", _market(), "sector_large", "sector_mid").unique("code", keep="last")
            )
        return found

    def _snapshots(self, as_of: date) -> pl.DataFrame:
        """Newest row per code not later than `as_of`: code, date, name, market, status, dept_kind, market_cap_krw, shares."""
        optional = ("name", "market", "shares_outstanding")
        parts = []
        for path in sorted((self.folder / "marketcap").glob("*.parquet")):
            frame = read_parquet(
                path, ("code", "date", "market_cap_krw"), optional=optional, date_column="date", end=as_of
            )
            missing = [column for column in optional if column not in frame.columns]
            parts.append(
                frame.with_columns(pl.lit(None).cast(pl.String).alias(column) for column in missing).with_columns(
                    pl.col("shares_outstanding").cast(pl.Int64),
                    status=pl.lit(None, dtype=pl.String),
                    dept_kind=pl.lit(None, dtype=pl.String),
                )
            )
        if not parts:
            start = as_of - timedelta(days=400)
            for path in self._marcap_files:
                frame = read_marcap(path, start=start, end=as_of)
                parts.append(frame.with_columns(status_of_dept().alias("status"), kind_of_dept().alias("dept_kind")))
        columns = ["code", "date", "name", "market", "status", "dept_kind", "market_cap_krw", "shares_outstanding"]
        if not parts:
            return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
        rows = (
            pl.concat([part.select(columns) for part in parts])
            .filter(pl.col("market_cap_krw") > 0)
            .sort("code", "date")
        )
        return rows.group_by("code", maintain_order=True).agg(
            pl.col("date").last(),
            pl.col("name", "market").drop_nulls().last(),
            pl.col("status", "dept_kind", "market_cap_krw").last(),
            pl.col("shares_outstanding").drop_nulls().last(),
        )

    def market_caps(self, as_of: date) -> pl.DataFrame:
        """`frames.MARKET_CAPS`; empty when no snapshot is known on `as_of`."""
        rows = self._snapshots(as_of)
        if rows.height == 0:
            return frames.empty(frames.MARKET_CAPS)
        return rows.select(
            "code", pl.col("date").alias("snapshot_date"), pl.col("market_cap_krw").cast(pl.Int64), "shares_outstanding"
        ).sort("code")

    def index_daily(self, start: date, end: date) -> pl.DataFrame:
        """`frames.INDEX_DAILY`; the change is taken from the previous close where the file has none."""
        path = self.folder / "index" / "krx_index_daily.parquet"
        if not path.exists():
            return frames.empty(frames.INDEX_DAILY)
        frame = read_parquet(path, ("index_code", "date", *PRICES), date_column="date", end=end).sort(
            "index_code", "date"
        )
        if frame.select("index_code", "date").is_duplicated().any():
            raise DataFileError(path, "an index has more than one row on a date", column="date")
        change = (pl.col("close") / pl.col("close").shift(1).over("index_code") - 1.0) * 100.0
        return (
            frame.with_columns(change_pct=change)
            .filter(pl.col("date") >= start)
            .select(
                "index_code",
                pl.col("date").alias("trade_date"),
                *(pl.col(n).cast(pl.Float64) for n in PRICES),
                "change_pct",
            )
        )

    def macro_daily(self, start: date, decision_day: date) -> pl.DataFrame:
        """`frames.MACRO_DAILY` before `decision_day`; rows without a value (foreign holidays) are left out."""
        path = self.folder / "macro" / "macro_daily.parquet"
        if not path.exists():
            return frames.empty(frames.MACRO_DAILY)
        end = decision_day - timedelta(days=1)
        frame = read_parquet(path, ("series", "date", "close"), date_column="date", start=start, end=end)
        known = frame.filter(pl.col("close").is_not_null())
        return known.select(
            "series", pl.col("date").alias("observed_on"), pl.col("close").cast(pl.Float64).alias("value")
        ).sort("series", "observed_on")

    def investor_flows(self, start: date, end: date) -> pl.DataFrame:
        """`frames.INVESTOR_FLOWS`; empty where the folder has none for the window."""
        needed = ("code", "date", "institution_net_shares", "foreign_net_shares")
        parts = []
        for path in sorted(self.folder.glob("flows/stock_investor_flows*.parquet")):
            frame = read_parquet(path, needed, optional=("foreign_held_pct",), date_column="date", start=start, end=end)
            if frame.select("code", "date").is_duplicated().any():
                raise DataFileError(path, "R-ENR-12: a code has more than one row on a date", column="date")
            held = pl.col("foreign_held_pct") if "foreign_held_pct" in frame.columns else pl.lit(None)
            parts.append(
                frame.select(
                    "code",
                    pl.col("date").alias("trade_date"),
                    pl.col("foreign_net_shares", "institution_net_shares").cast(pl.Int64),
                    held.cast(pl.Float64).alias("foreign_held_pct"),
                )
            )
        return pl.concat(parts).sort("code", "trade_date") if parts else frames.empty(frames.INVESTOR_FLOWS)

    def market_flows(self, start: date, end: date) -> pl.DataFrame:
        """`frames.MARKET_FLOWS`, converted from 100 million won."""
        path = self.folder / "flows" / "market_investor_flows_daily.parquet"
        if not path.exists():
            return frames.empty(frames.MARKET_FLOWS)
        names = {"foreign": "foreign", "institution": "institution_total", "individual": "individual"}
        needed = ("market", "date", *(f"{name}_net_100m_krw" for name in names.values()))
        frame = read_parquet(path, needed, date_column="date", start=start, end=end)
        return frame.select(
            "market",
            pl.col("date").alias("trade_date"),
            *((pl.col(f"{column}_net_100m_krw") * 1e8).alias(f"{name}_net_krw") for name, column in names.items()),
        ).sort("market", "trade_date")

    def fundamentals(self, known_by: date) -> pl.DataFrame:
        """`frames.FUNDAMENTALS` of the newest statement known on `known_by`."""
        return fundamentals_known_by(self.folder, known_by)

    def consensus(self, known_by: date) -> pl.DataFrame:
        """No layout of a market folder carries consensus figures: unknown."""
        return frames.empty(frames.CONSENSUS)

    def headlines(self, start: date, end: date) -> pl.DataFrame:
        """`frames.HEADLINES`; exact repeats of a crawl count once."""
        parts = [
            read_parquet(path, ("code", "date", "title"), optional=("press",), date_column="date", start=start, end=end)
            for path in sorted(self.folder.glob("news/kr_stock_headlines*.parquet"))
        ]
        if not parts:
            return frames.empty(frames.HEADLINES)
        rows = [
            part.select(
                "code",
                pl.col("date").alias("published_on"),
                "title",
                (pl.col("press") if "press" in part.columns else pl.lit(None)).cast(pl.String).alias("press"),
            )
            for part in parts
        ]
        return pl.concat(rows).unique().sort("published_on", "code", "title", "press")

    def columns_of(self, path: Path) -> dict[str, pl.DataType]:
        """Schema of one Parquet file of this folder, for `inspect`."""
        return parquet_columns(path)


def _same_bar(row: dict[str, object]) -> pl.Expr:
    return (pl.col("code") == row["code"]) & (pl.col("trade_date") == row["trade_date"])


def _market() -> pl.Expr:
    return pl.when(pl.col("market").is_in(_MARKETS)).then(pl.col("market")).alias("market")


def _first_known(frame: pl.DataFrame, name: str) -> pl.Expr:
    columns = [
        column for column in frame.columns if column == name or column.startswith(f"{name}_") and column[-1].isdigit()
    ]
    return pl.coalesce(columns).cast(pl.String).alias(name) if columns else pl.lit(None, dtype=pl.String).alias(name)


def _kind(frame: pl.DataFrame) -> pl.Expr:
    """A SPAC by its section or its name of the day; else the register's kind unless that is a later SPAC; else by name."""
    name = _first_known(frame, "name")
    by_name = asset_kind_from_name(pl.col("code"), name)
    spac = AssetKind.SPAC.value
    section = pl.col("dept_kind") if "dept_kind" in frame.columns else pl.lit(None, dtype=pl.String)
    register = pl.col("asset_kind") if "asset_kind" in frame.columns else pl.lit(None, dtype=pl.String)
    return (
        pl.when((section == spac).fill_null(value=False) | (by_name == spac).fill_null(value=False))
        .then(pl.lit(spac))
        .otherwise(pl.coalesce(pl.when(register != spac).then(register), by_name))
        .alias("asset_kind")
    )
