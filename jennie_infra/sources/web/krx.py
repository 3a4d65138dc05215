"""KRX Open API (openapi.krx.co.kr): the exchange's own daily figures, one day and market a request, as traded.

Documented: GET with `basDd`, the key in the header `AUTH_KEY`, records in `OutBlock_1`, 10,000 requests a day, days
from 2010 on, published at 08:00 of the next session day. Every API needs its own approval on the exchange's site.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl
from pyrate_limiter import Duration, Rate

from jennie_core.krx.calendar import KrxCalendar
from jennie_core.scoring import frames
from jennie_core.scoring.listing import asset_kind_from_name
from jennie_infra.sources.checks import canonical_daily
from jennie_infra.sources.marcap import kind_of_dept, status_of_dept
from jennie_infra.sources.web.http import SourceClient
from jennie_infra.sources.web.krx_rows import index_rows, stock_rows
from jennie_infra.sources.web.reply import Fault, FaultKind, Service

MARKETS = {"KOSPI": "/sto/stk_bydd_trd", "KOSDAQ": "/sto/ksq_bydd_trd"}
INDEX_PATHS = {"KOSPI": "/idx/kospi_dd_trd", "KOSDAQ": "/idx/kosdaq_dd_trd"}
KEPT_PAGES = 8


def krx_service(base_url: str, key: str) -> Service:
    """The service with its limits; five requests a second is our own courtesy."""
    return Service(
        name="krx",
        base_url=base_url,
        key_settings="JENNIE_KRX_API_KEY",
        secrets=(key,),
        rates=(Rate(5, Duration.SECOND), Rate(9_500, Duration.DAY)),
        fault=_fault,
        headers={"AUTH_KEY": key},
        approval="check {keys} and that this API is approved under 서비스 이용 on openapi.krx.co.kr",
    )


def _fault(body: Mapping[str, Any]) -> Fault | None:
    code = body.get("respCode")
    if code is None or "OutBlock_1" in body:
        return None
    kinds = {"401": FaultKind.KEY, "403": FaultKind.KEY, "429": FaultKind.LIMIT}
    return Fault(kinds.get(str(code), FaultKind.OTHER), f"{code} {body.get('respMsg', '')}".strip())


class KrxPrices:
    """Prices, listing and market values of KOSPI and KOSDAQ, unadjusted. Days are those of the committed calendar."""

    name = "KRX Open API"
    kind = "krx"
    caveat = "as traded, unadjusted; published at 08:00 of the next session day"

    def __init__(self, client: SourceClient, calendar: KrxCalendar) -> None:
        self._client = client
        self._calendar = calendar
        self._pages: dict[tuple[str, date], pl.DataFrame] = {}

    def sessions(self, start: date, end: date) -> list[date]:
        """Sessions of the calendar."""
        return self._calendar.sessions_between(start, end)

    def daily_prices(self, start: date, end: date) -> pl.DataFrame:
        """`frames.DAILY_PRICES`; a session without rows refuses the call (closed or not yet published is unknown)."""
        days = [canonical_daily(self._day(day)) for day in self.sessions(start, end)]
        return pl.concat(days).sort("code", "trade_date") if days else frames.empty(frames.DAILY_PRICES)

    def stock_master(self, as_of: date) -> pl.DataFrame:
        """`frames.STOCK_MASTER` of the newest session up to `as_of`; sectors are unknown here."""
        rows = self._day(self._newest_session(as_of))
        by_name = asset_kind_from_name(pl.col("code"), pl.col("name"))
        return rows.select(
            "code",
            "name",
            "market",
            pl.coalesce(kind_of_dept(), by_name).alias("asset_kind"),
            status_of_dept().alias("status"),
            pl.lit(None, dtype=pl.String).alias("sector_large"),
            pl.lit(None, dtype=pl.String).alias("sector_mid"),
        ).sort("code")

    def market_caps(self, as_of: date) -> pl.DataFrame:
        """`frames.MARKET_CAPS` of the newest session up to `as_of`; a value that is absent or 0 is unknown."""
        rows = self._day(self._newest_session(as_of)).filter(pl.col("market_cap_krw") > 0)
        return rows.select(
            "code", pl.col("date").alias("snapshot_date"), "market_cap_krw", "shares_outstanding"
        ).sort("code")  # fmt: skip

    def _newest_session(self, as_of: date) -> date:
        if self._calendar.is_session(as_of):
            return as_of
        return self._calendar.previous_session(as_of)

    def _day(self, day: date) -> pl.DataFrame:
        return pl.concat([self._page(market, day) for market in MARKETS])

    def _page(self, market: str, day: date) -> pl.DataFrame:
        if (market, day) not in self._pages:
            reply = self._client.get("daily_prices", MARKETS[market], {"basDd": f"{day:%Y%m%d}"}, day)
            rows = stock_rows(reply, day, market)
            while len(self._pages) >= KEPT_PAGES:
                self._pages.pop(next(iter(self._pages)), None)
            self._pages[market, day] = rows
        return self._pages[market, day]


class KrxIndex:
    """Levels of KOSPI, KOSPI200 and KOSDAQ."""

    name = "KRX Open API"
    caveat = "points; published at 08:00 of the next session day"

    def __init__(self, client: SourceClient, calendar: KrxCalendar) -> None:
        self._client = client
        self._calendar = calendar

    def index_daily(self, start: date, end: date) -> pl.DataFrame:
        """`frames.INDEX_DAILY`; the change is the exchange's own."""
        found = [
            index_rows(self._client.get("index", path, {"basDd": f"{day:%Y%m%d}"}, day), day, market)
            for day in self._calendar.sessions_between(start, end)
            for market, path in INDEX_PATHS.items()
        ]
        return pl.concat(found).sort("index_code", "trade_date") if found else frames.empty(frames.INDEX_DAILY)
