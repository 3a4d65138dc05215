"""Who is listed, under which name, on which market, of which kind: the stock master of a market folder."""

import re
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from jennie_core.domain.enums import AssetKind
from jennie_core.scoring.listing import asset_kind_from_name
from jennie_infra.sources.marcap import kind_of_dept, read_marcap, status_of_dept
from jennie_infra.sources.tables import read_parquet

_MARKETS = ("KOSPI", "KOSDAQ", "KONEX")


def stock_master(codes: pl.DataFrame, folder: Path, marcap: list[Path], as_of: date) -> pl.DataFrame:
    """`frames.STOCK_MASTER` for a frame with the column code; what no register knows is null.

    Names and markets come from the newest snapshot known on `as_of`, then from the reference files.
    """
    master = codes.select("code").unique().sort("code")
    for number, register in enumerate(_registers(folder, marcap, as_of)):
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


def _registers(folder: Path, marcap: list[Path], as_of: date) -> list[pl.DataFrame]:
    """Frames with code and any of name, market, asset_kind, dept_kind, status, sectors; most trusted first."""
    found = []
    snapshot = newest_snapshots(folder, marcap, as_of)
    if snapshot.height:
        found.append(snapshot.select("code", "name", _market(), "status", "dept_kind"))
    instruments = folder / "reference" / "krx_instruments.parquet"
    if instruments.exists():
        frame = read_parquet(instruments, ("code", "name", "market", "asset_type"))
        found.append(
            frame.select("code", "name", _market(), pl.col("asset_type").alias("asset_kind")).unique(
                "code", keep="last"
            )
        )
    sectors = folder / "reference" / "krx_sectors.parquet"
    if sectors.exists():
        frame = read_parquet(sectors, ("code", "name", "market", "sector_large", "sector_mid"))
        found.append(frame.select("code", "name", _market(), "sector_large", "sector_mid").unique("code", keep="last"))
    return found


SNAPSHOT_COLUMNS = ("code", "date", "name", "market", "status", "dept_kind", "market_cap_krw", "shares_outstanding")
MARCAP_DAYS = 400


def newest_snapshots(folder: Path, marcap: list[Path], as_of: date) -> pl.DataFrame:
    """Newest row per code up to `as_of`, in `SNAPSHOT_COLUMNS`."""
    rows = snapshots(folder, marcap, as_of - timedelta(days=MARCAP_DAYS), as_of)
    if rows.height == 0:
        return rows
    return rows.group_by("code", maintain_order=True).agg(
        pl.col("date").last(),
        pl.col("name", "market").drop_nulls().last(),
        pl.col("status", "dept_kind", "market_cap_krw").last(),
        pl.col("shares_outstanding").drop_nulls().last(),
    )


def snapshots(folder: Path, marcap: list[Path], start: date, end: date) -> pl.DataFrame:
    """Market values by code and date up to `end`, in `SNAPSHOT_COLUMNS`, sorted by code and date.

    Files of `marketcap/` are read whole; marcap files from `start` on, and only where there is no such folder.
    """
    optional = ("name", "market", "shares_outstanding")
    parts = []
    for path in sorted((folder / "marketcap").glob("*.parquet")):
        frame = read_parquet(path, ("code", "date", "market_cap_krw"), optional=optional, date_column="date", end=end)
        missing = [column for column in optional if column not in frame.columns]
        parts.append(
            frame.with_columns(pl.lit(None).cast(pl.String).alias(column) for column in missing).with_columns(
                pl.col("shares_outstanding").cast(pl.Int64),
                status=pl.lit(None, dtype=pl.String),
                dept_kind=pl.lit(None, dtype=pl.String),
            )
        )
    if not parts:
        for path in marcap:
            frame = read_marcap(path, start=start, end=end)
            parts.append(frame.with_columns(status_of_dept().alias("status"), kind_of_dept().alias("dept_kind")))
    if not parts:
        return pl.DataFrame(schema=dict.fromkeys(SNAPSHOT_COLUMNS, pl.String))
    rows = pl.concat([part.select(SNAPSHOT_COLUMNS) for part in parts])
    return rows.filter(pl.col("market_cap_krw") > 0).sort("code", "date")


def _market() -> pl.Expr:
    return pl.when(pl.col("market").is_in(_MARKETS)).then(pl.col("market")).alias("market")


def _first_known(frame: pl.DataFrame, name: str) -> pl.Expr:
    columns = [column for column in frame.columns if re.fullmatch(rf"{name}(_\d)?", column)]
    return pl.coalesce(columns).cast(pl.String).alias(name) if columns else pl.lit(None, dtype=pl.String).alias(name)


def _kind(frame: pl.DataFrame) -> pl.Expr:
    """A SPAC by its section or its name of the day; else the register's kind; else by name."""
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
