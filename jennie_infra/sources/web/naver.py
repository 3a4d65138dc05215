"""Naver's news search (openapi.naver.com): recent headlines that name a listed company.

Documented: id and secret in the headers `X-Naver-Client-Id` and `X-Naver-Client-Secret`; `display` up to 100,
`start` up to 1000, `sort=date`; items with `title` (tags and entities in it) and `pubDate` with its
zone; 25,000 requests a day.
"""

import html
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import polars as pl
from pyrate_limiter import Duration, Rate

from jennie_core.domain.base import KST
from jennie_core.scoring import frames
from jennie_infra.sources.errors import SourceReplyError
from jennie_infra.sources.web.fields import texts
from jennie_infra.sources.web.http import SourceClient
from jennie_infra.sources.web.reply import Fault, FaultKind, Service

DISPLAY = 100
PAGES = 2
LIMIT_CODES = ("010", "012")
KEY_CODES = ("024", "028")
TAGS = re.compile(r"</?b>", re.IGNORECASE)

Listed = Callable[[date], Mapping[str, str]]
"""Code to name of the companies whose news is wanted on a day."""


def naver_service(base_url: str, client_id: str, client_secret: str) -> Service:
    """The service with its limits."""
    return Service(
        name="naver",
        base_url=base_url,
        key_settings="JENNIE_NAVER_CLIENT_ID and JENNIE_NAVER_CLIENT_SECRET",
        secrets=(client_id, client_secret),
        rates=(Rate(8, Duration.SECOND), Rate(24_000, Duration.DAY)),
        fault=_fault,
        headers={"X-Naver-Client-Id": client_id, "X-Naver-Client-Secret": client_secret},
        approval="check {keys} and that the application may use the search API",
    )


def _fault(body: Mapping[str, Any]) -> Fault | None:
    code = body.get("errorCode")
    if code is None:
        return None
    kind = FaultKind.LIMIT if code in LIMIT_CODES else FaultKind.KEY if code in KEY_CODES else FaultKind.OTHER
    return Fault(kind, f"{code} {body.get('errorMessage', '')}")


class NaverNews:
    """Headlines whose title holds the company's name; the newest 200 articles of each, so not for days long past."""

    name = "Naver news search"
    caveat = "newest 200 articles of a company, titles that name it, dates of Seoul"

    def __init__(self, client: SourceClient, listed: Listed) -> None:
        self._client = client
        self._listed = listed

    def headlines(self, start: date, end: date) -> pl.DataFrame:
        """`frames.HEADLINES`; no headline of anybody, or a window that the search cannot reach, refuses the call."""
        wanted = self._listed(end)
        longer = {
            name: [other for other in wanted.values() if name in other and other != name] for name in wanted.values()
        }
        rows = [
            row
            for code, name in wanted.items()
            for row in self._of_company(code, name, start, end)
            if names(row[2], name, longer[name])
        ]
        if not rows:
            raise SourceReplyError(
                "naver",
                "headlines",
                f"no headline of any of {len(wanted)} companies from {start} to {end}",
                day=end,
                repair="compare with the service's own page",
            )
        frame = pl.DataFrame(rows, schema=dict(frames.HEADLINES), orient="row")
        return frame.unique(["code", "published_on", "title"], keep="first", maintain_order=True).sort(
            "published_on", "code", "title", "press"
        )

    def _of_company(self, code: str, name: str, start: date, end: date) -> list[tuple[str, date, str, str | None]]:
        """Dated titles of [start, end]; items without a readable, zoned date are left out."""
        found: list[tuple[str, date, str, str | None]] = []
        for page in range(PAGES):
            params = {"query": name, "display": str(DISPLAY), "start": str(1 + page * DISPLAY), "sort": "date"}
            reply = self._client.get("headlines", "/v1/search/news.json", params, end)
            items = texts(reply, reply.json().get("items"), ("title", "originallink", "pubDate"))
            dated = [
                (day, clean_title(title), press_of(link))
                for title, link, published in items.select("title", "originallink", "pubDate").iter_rows()
                if (day := seoul_date(published)) is not None
            ]
            if items.height and not dated:
                raise reply.refused(f"none of {items.height} items of {name} has a readable date")
            found += [(code, day, title, press) for day, title, press in dated if start <= day <= end]
            full = items.height == DISPLAY
            if not full or min(day for day, _, _ in dated) < start:
                return found
            if page == PAGES - 1 and min(day for day, _, _ in dated) > end:
                rule = f"the search reaches back to {min(day for day, _, _ in dated)} for {name}, not to {end}"
                raise reply.refused(rule, "take headlines of past days from the market folder")
        return found


def names(title: str, name: str, longer: Iterable[str]) -> bool:
    """Whether a title names the company itself, not only one whose longer name holds it (SK in SK하이닉스)."""
    for other in longer:
        title = title.replace(other, " ")
    return name in title


def clean_title(raw: str | None) -> str:
    """A title without the marks of the search and with its entities read."""
    return " ".join(html.unescape(TAGS.sub("", raw or "")).split())


def seoul_date(published: str | None) -> date | None:
    """The date in Seoul of an RFC 822 time with a zone (R-NEWS-07); None for anything else."""
    try:
        at: datetime = parsedate_to_datetime(published or "")
    except ValueError:
        return None
    return None if at.tzinfo is None else at.astimezone(KST).date()


def press_of(link: str | None) -> str | None:
    """The publisher's host; None when the link names none."""
    host = urlsplit(link or "").hostname
    return host.removeprefix("www.") if host else None
