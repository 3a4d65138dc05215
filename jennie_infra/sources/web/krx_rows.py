"""Records of the KRX Open API as checked rows: the day must be the asked one and every figure must be readable."""

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from jennie_core.scoring.frames import INDEX_DAILY
from jennie_infra.sources.checks import PRICES, check_daily
from jennie_infra.sources.errors import DataFileError
from jennie_infra.sources.web.fields import number, texts, unreadable
from jennie_infra.sources.web.reply import Reply

BLOCK = "OutBlock_1"
STOCK_FIELDS = {
    "open": "TDD_OPNPRC",
    "high": "TDD_HGPRC",
    "low": "TDD_LWPRC",
    "close": "TDD_CLSPRC",
    "volume": "ACC_TRDVOL",
    "market_cap_krw": "MKTCAP",
    "shares_outstanding": "LIST_SHRS",
}
INDEX_FIELDS = {
    "open": "OPNPRC_IDX",
    "high": "HGPRC_IDX",
    "low": "LWPRC_IDX",
    "close": "CLSPRC_IDX",
    "change_pct": "FLUC_RT",
}
INDEX_CODES = {"KOSPI": {"코스피": "KOSPI", "코스피 200": "KOSPI200"}, "KOSDAQ": {"코스닥": "KOSDAQ"}}
EMPTY_REPAIR = "a day is published at 08:00 of the next session day: ask later, or for an earlier day"
ISIN = r"^KR7([0-9A-Z]{6})\d{3}$"


def stock_rows(reply: Reply, day: date, market: str) -> pl.DataFrame:
    """Rows of one market and day: code, name, market, dept, date, prices and volume Float64, market value, shares.

    Raises SourceReplyError for an empty day, another day's page, a missing column or a bar that breaks a rule.
    """
    frame = _of_day(reply, day, ("ISU_CD", "ISU_NM", "SECT_TP_NM", *STOCK_FIELDS.values()))
    dept = pl.col("SECT_TP_NM").str.strip_chars()
    rows = frame.select(
        "row",
        pl.col("ISU_CD").str.strip_chars().str.replace(ISIN, "$1").alias("code"),
        pl.col("ISU_NM").str.strip_chars().alias("name"),
        pl.lit(market).alias("market"),
        pl.when(~dept.is_in(["", "-"])).then(dept).alias("dept"),
        pl.lit(day).alias("date"),
        *(number(STOCK_FIELDS[name]).alias(name) for name in (*PRICES, "volume")),
        *(number(STOCK_FIELDS[name]).cast(pl.Int64).alias(name) for name in ("market_cap_krw", "shares_outstanding")),
    )
    try:
        check_daily(rows, Path(BLOCK))
    except DataFileError as error:
        raise reply.refused(str(error)) from error
    return rows


def index_rows(reply: Reply, day: date, market: str) -> pl.DataFrame:
    """`frames.INDEX_DAILY` of the market's indices that jennie knows; each of them must be there with a level."""
    frame = _of_day(reply, day, ("IDX_NM", *INDEX_FIELDS.values()))
    codes = INDEX_CODES[market]
    rows = frame.with_columns(index_code=pl.col("IDX_NM").str.strip_chars()).filter(
        pl.col("index_code").is_in(list(codes))
    )
    for name in codes:
        found = rows.filter(pl.col("index_code") == name)
        if found.height != 1:
            raise reply.refused(f"the index {name} stands {found.height} times in the reply, once is needed")
        if found.select(number(INDEX_FIELDS["close"]).fill_null(0.0)).item() <= 0:
            raise reply.refused(f"the index {name} has no closing level")
    return rows.select(
        pl.col("index_code").replace_strict(codes),
        pl.lit(day).alias("trade_date"),
        *(number(INDEX_FIELDS[name]).alias(name) for name in (*PRICES, "change_pct")),
    ).select(INDEX_DAILY.keys())


def _of_day(reply: Reply, day: date, columns: tuple[str, ...]) -> pl.DataFrame:
    """The records as text, all of the asked day, every figure readable or plainly absent."""
    body: dict[str, Any] = reply.json()
    if BLOCK not in body:
        raise reply.refused(f"the reply has no {BLOCK} (found: {', '.join(list(body)[:10])})")
    if body[BLOCK] == []:
        raise reply.refused("a session without rows", EMPTY_REPAIR)
    frame = texts(reply, body[BLOCK], ("BAS_DD", *columns))
    other = frame.filter(pl.col("BAS_DD").ne_missing(f"{day:%Y%m%d}"))
    if other.height:
        row = other.row(0, named=True)
        raise reply.refused(f"row {row['row']} is of {row['BAS_DD']}, another day's page", EMPTY_REPAIR)
    for column in {*STOCK_FIELDS.values(), *INDEX_FIELDS.values()} & set(columns):
        broken = frame.filter(unreadable(column))
        if broken.height:
            row = broken.row(0, named=True)
            raise reply.refused(f"row {row['row']}, column {column}, value {row[column]!r}: not a number")
    return frame
