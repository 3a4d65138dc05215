"""Main accounts of annual reports as statements: one row per company, consolidated figures before separate ones."""

import polars as pl

from jennie_core.scoring import frames
from jennie_infra.sources.web.fields import number, unreadable
from jennie_infra.sources.web.reply import Reply

FIELDS = ("rcept_no", "stock_code", "account_nm", "fs_div", "sj_div", "thstrm_dt", "thstrm_amount")
DAY_IN_TERM = r"(\d{4})\.(\d{2})\.\d{2}(?:[^0-9]*)$"
"""The last day of `2024.12.31 현재` or `2024.01.01 ~ 2024.12.31`."""


def statement_rows(reply: Reply, rows: pl.DataFrame, year: int) -> pl.DataFrame:
    """`frames.FUNDAMENTALS` of texts `FIELDS`; raises SourceReplyError for an unreadable figure or receipt number.

    A company without a stock code, or with neither figure, gives no row. A missing figure is null.
    """
    broken = rows.filter(unreadable("thstrm_amount"))
    if broken.height:
        row = broken.row(0, named=True)
        raise reply.refused(f"{row['stock_code']} {row['account_nm']}: {row['thstrm_amount']!r} is not a number")
    listed = rows.with_columns(code=pl.col("stock_code").str.strip_chars()).filter(pl.col("code").str.len_chars() == 6)
    dated = listed.with_columns(known_on=pl.col("rcept_no").str.slice(0, 8).str.to_date("%Y%m%d", strict=False))
    undated = dated.filter(pl.col("known_on").is_null())
    if undated.height:
        raise reply.refused(f"the receipt number {undated['rcept_no'][0]!r} names no day")
    name, sheet = pl.col("account_nm").str.strip_chars(), pl.col("sj_div")
    income = name.str.starts_with("당기순이익") & sheet.is_in(["IS", "CIS"])
    equity = (name == "자본총계") & (sheet == "BS")
    amount = number("thstrm_amount")
    term = pl.col("thstrm_dt").str.extract(DAY_IN_TERM, 1) + pl.col("thstrm_dt").str.extract(DAY_IN_TERM, 2)
    by_company = dated.group_by("code", "fs_div").agg(
        term.filter(equity).drop_nulls().first().alias("term"),
        pl.col("known_on").max(),
        amount.filter(income).drop_nulls().first().alias("net_income_krw"),
        amount.filter(equity).drop_nulls().first().alias("total_equity_krw"),
    )
    known = by_company.filter(pl.col("net_income_krw").is_not_null() | pl.col("total_equity_krw").is_not_null())
    one = known.sort("code", "fs_div").unique("code", keep="first", maintain_order=True)
    roe = pl.col("net_income_krw") / pl.col("total_equity_krw") * 100.0
    return one.select(
        "code",
        pl.coalesce("term", pl.lit(f"{year}12")).alias("period"),
        "known_on",
        pl.when(pl.col("total_equity_krw") > 0).then(roe).alias("roe_pct"),
        "net_income_krw",
        "total_equity_krw",
    ).select(frames.FUNDAMENTALS.keys())
