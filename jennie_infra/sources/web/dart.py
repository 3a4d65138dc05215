"""OpenDART (opendart.fss.or.kr): annual statements as filed, each known from the day of its receipt number.

Documented: `crtfc_key`; status 000 is good, 013 no data, 020 the limit of 20,000 requests; `fnlttMultiAcnt` gives the
main accounts of up to 100 companies (a single company's call would take one request for each of about 2,600).
"""

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

import polars as pl
from pyrate_limiter import Duration, Rate

from jennie_core.scoring import frames
from jennie_core.scoring.knowledge import newest_statements
from jennie_infra.sources.errors import NoDataError
from jennie_infra.sources.web.dart_codes import company_numbers
from jennie_infra.sources.web.dart_rows import FIELDS, statement_rows
from jennie_infra.sources.web.fields import texts
from jennie_infra.sources.web.http import SourceClient
from jennie_infra.sources.web.reply import Fault, FaultKind, Service

ANNUAL = "11011"
COMPANIES = 100
FRESH_SECONDS = 3_600
KINDS = {
    "010": FaultKind.KEY, "011": FaultKind.KEY, "012": FaultKind.KEY, "901": FaultKind.KEY,
    "013": FaultKind.EMPTY, "014": FaultKind.EMPTY, "020": FaultKind.LIMIT,
}  # fmt: skip
FAULTS = {code: Fault(kind, code) for code, kind in KINDS.items()}


def dart_service(base_url: str, key: str) -> Service:
    """The service with its limits."""
    return Service(
        name="dart",
        base_url=base_url,
        key_settings="JENNIE_DART_API_KEY",
        secrets=(key,),
        rates=(Rate(8, Duration.SECOND), Rate(18_000, Duration.DAY)),
        fault=_fault,
    )


def _fault(body: Mapping[str, Any]) -> Fault | None:
    status = str(body.get("status", "without a status"))
    if status == "000":
        return None
    return Fault(KINDS.get(status, FaultKind.OTHER), f"{status} {body.get('message', '')}".strip())


class DartStatements:
    """Net income, equity and ROE of the annual reports, consolidated where a company files so."""

    name = "OpenDART"
    caveat = "annual reports by receipt day, in their newest version; ROE is net income over equity at the year's end"

    def __init__(self, client: SourceClient, key: str, listed: Callable[[date], Iterable[str]]) -> None:
        self._client = client
        self._key = key
        self._listed = listed
        self._numbers: tuple[float, dict[str, str]] | None = None
        self._years: dict[int, tuple[float, pl.DataFrame]] = {}

    def fundamentals(self, known_by: date) -> pl.DataFrame:
        """`frames.FUNDAMENTALS` of the newest annual report received up to `known_by`; raises SourceReplyError.

        Two years are asked for, since a report comes up to three months after its year. None of both is refused.
        """
        wanted = sorted(self._listed(known_by))
        rows = pl.concat([self._year(year, wanted, known_by) for year in (known_by.year - 2, known_by.year - 1)])
        found = newest_statements(rows.filter(pl.col("code").is_in(wanted)), known_by).sort("code")
        if found.height == 0:
            raise NoDataError(
                "dart",
                "statements",
                f"no annual report of {len(wanted)} companies for {known_by.year - 2} and {known_by.year - 1}",
                day=known_by,
                repair="compare with the service's own page",
            )
        return found.select(frames.FUNDAMENTALS.keys())

    def _year(self, year: int, wanted: list[str], day: date) -> pl.DataFrame:
        kept = self._years.get(year)
        if kept is not None and time.monotonic() - kept[0] < FRESH_SECONDS:
            return kept[1]
        numbers = self._companies(day)
        known = [numbers[code] for code in wanted if code in numbers]
        parts = [frames.empty(frames.FUNDAMENTALS)]
        for start in range(0, len(known), COMPANIES):
            parts += self._some(year, known[start : start + COMPANIES], day)
        rows = pl.concat(parts)
        self._years[year] = (time.monotonic(), rows)
        return rows

    def _some(self, year: int, numbers: list[str], day: date) -> list[pl.DataFrame]:
        params = {
            "crtfc_key": self._key,
            "corp_code": ",".join(numbers),
            "bsns_year": str(year),
            "reprt_code": ANNUAL,
        }
        reply = self._client.get("statements", "/fnlttMultiAcnt.json", params, day)
        try:
            body = reply.json()
        except NoDataError:
            return []
        return [statement_rows(reply, texts(reply, body.get("list"), FIELDS), year)]

    def _companies(self, day: date) -> dict[str, str]:
        if self._numbers is None or time.monotonic() - self._numbers[0] >= FRESH_SECONDS:
            reply = self._client.get("companies", "/corpCode.xml", {"crtfc_key": self._key}, day)
            self._numbers = (time.monotonic(), company_numbers(reply, FAULTS))
        return self._numbers[1]
