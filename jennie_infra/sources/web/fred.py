"""FRED (api.stlouisfed.org): series of US markets, by the date of their own market.

Documented: `series/observations` with `series_id`, `api_key`, `file_type=json`; a missing value is "."; an error is
`error_code` with `error_message`; more than about two requests a second answer 429.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import polars as pl
from pyrate_limiter import Duration, Rate

from jennie_core.scoring import frames
from jennie_infra.sources.web.fields import number, texts, unreadable
from jennie_infra.sources.web.http import SourceClient
from jennie_infra.sources.web.reply import Fault, FaultKind, Reply, Service

SERIES = {"VIX": "VIXCLS", "SP500": "SP500", "NASDAQ": "NASDAQCOM", "US10Y": "DGS10"}


def fred_service(base_url: str, key: str) -> Service:
    """The service with its limits."""
    return Service(
        name="fred",
        base_url=base_url,
        key_settings="JENNIE_FRED_API_KEY",
        secrets=(key,),
        rates=(Rate(100, Duration.MINUTE),),
        fault=_fault,
    )


def _fault(body: Mapping[str, Any]) -> Fault | None:
    code = body.get("error_code")
    if code is None:
        return None
    words = str(body.get("error_message", ""))
    kind = FaultKind.LIMIT if code == 429 else FaultKind.KEY if "api_key" in words else FaultKind.OTHER
    return Fault(kind, f"{code} {words}")


class Fred:
    """VIX, S&P 500, NASDAQ and the ten-year yield, newest vintage; published some hours after the US close."""

    name = "FRED"
    caveat = "US dates, used up to the day before the decision; newest vintage, often a day behind"

    def __init__(self, client: SourceClient, key: str) -> None:
        self._client = client
        self._key = key

    @property
    def series(self) -> frozenset[str]:
        """Names of its series."""
        return frozenset(SERIES)

    def macro_daily(self, start: date, decision_day: date) -> pl.DataFrame:
        """`frames.MACRO_DAILY` before `decision_day`; a series without any value refuses the call."""
        last = decision_day - timedelta(days=1)
        return pl.concat([self._one(name, start, last) for name in sorted(SERIES)])

    def _one(self, name: str, start: date, last: date) -> pl.DataFrame:
        params = {
            "series_id": SERIES[name],
            "api_key": self._key,
            "file_type": "json",
            "observation_start": start.isoformat(),
            "observation_end": last.isoformat(),
        }
        reply = self._client.get("macro", "/series/observations", params, last)
        rows = texts(reply, reply.json().get("observations"), ("date", "value"))
        return macro_rows(reply, rows, name, start, last, "%Y-%m-%d")


def macro_rows(reply: Reply, rows: pl.DataFrame, name: str, start: date, last: date, layout: str) -> pl.DataFrame:
    """`frames.MACRO_DAILY` of texts date and value; null values are left out, dates outside the question refuse."""
    broken = rows.filter(unreadable("value"))
    if broken.height:
        raise reply.refused(f"{name}, {broken['date'][0]}: {broken['value'][0]!r} is not a number")
    dated = rows.with_columns(observed_on=pl.col("date").str.to_date(layout, strict=False))
    outside = dated.filter(pl.col("observed_on").is_null() | ~pl.col("observed_on").is_between(start, last))
    if outside.height:
        raise reply.refused(f"{name}: the date {outside['date'][0]!r} was not asked for ({start} to {last})")
    known = dated.select(
        pl.lit(name).alias("series"), "observed_on", number("value").alias("value")
    ).drop_nulls()  # fmt: skip
    if known.height == 0:
        raise reply.refused(f"{name}: no value from {start} to {last}")
    if known["observed_on"].is_duplicated().any():
        raise reply.refused(f"{name}: a date stands twice")
    return known.select(frames.MACRO_DAILY.keys()).sort("observed_on")
