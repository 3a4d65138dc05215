"""ECOS of the Bank of Korea (ecos.bok.or.kr): the won's rate to the dollar (매매기준율), by Korean date.

Documented: the key and the whole question stand in the path; records in `StatisticSearch.row` with `TIME` and
`DATA_VALUE`, their number in `list_total_count`; an error is `RESULT` with `CODE` and `MESSAGE`, at status 200.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import polars as pl
from pyrate_limiter import Duration, Rate

from jennie_infra.sources.web.fields import texts
from jennie_infra.sources.web.fred import macro_rows
from jennie_infra.sources.web.http import SourceClient
from jennie_infra.sources.web.reply import Fault, FaultKind, Service

SERIES = {"USDKRW": ("731Y001", "0000001")}
MAX_ROWS = 1_000
KINDS = {"INFO-100": FaultKind.KEY, "INFO-200": FaultKind.EMPTY, "ERROR-602": FaultKind.LIMIT}


def ecos_service(base_url: str, key: str) -> Service:
    """The service with a courteous limit."""
    return Service(
        name="ecos",
        base_url=base_url,
        key_settings="JENNIE_ECOS_API_KEY",
        secrets=(key,),
        rates=(Rate(3, Duration.SECOND),),
        fault=_fault,
    )


def _fault(body: Mapping[str, Any]) -> Fault | None:
    result = body.get("RESULT")
    if not isinstance(result, dict):
        return None
    code = str(result.get("CODE", ""))
    return Fault(KINDS.get(code, FaultKind.OTHER), f"{code} {result.get('MESSAGE', '')}")


class Ecos:
    """Won per dollar."""

    name = "ECOS"
    caveat = "Korean dates, used up to the day before the decision"

    def __init__(self, client: SourceClient, key: str) -> None:
        self._client = client
        self._key = key

    @property
    def series(self) -> frozenset[str]:
        """Names of its series."""
        return frozenset(SERIES)

    def macro_daily(self, start: date, decision_day: date) -> pl.DataFrame:
        """`frames.MACRO_DAILY` before `decision_day`; no record, or fewer than announced, refuses the call."""
        last = decision_day - timedelta(days=1)
        return pl.concat([self._one(name, start, last) for name in sorted(SERIES)])

    def _one(self, name: str, start: date, last: date) -> pl.DataFrame:
        table, item = SERIES[name]
        path = f"/StatisticSearch/{self._key}/json/kr/1/{MAX_ROWS}/{table}/D/{start:%Y%m%d}/{last:%Y%m%d}/{item}"
        reply = self._client.get("macro", path, {}, last)
        block = reply.json().get("StatisticSearch")
        if not isinstance(block, dict):
            raise reply.refused("the reply has no StatisticSearch")
        rows = texts(reply, block.get("row"), ("TIME", "DATA_VALUE"))
        announced = block.get("list_total_count")
        if announced != rows.height:
            raise reply.refused(f"{name}: {rows.height} records, {announced} announced: the reply is cut short")
        return macro_rows(reply, rows.rename({"TIME": "date", "DATA_VALUE": "value"}), name, start, last, "%Y%m%d")
