"""Requests to the broker's REST interface, and the envelope and number formats of its replies."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from jennie_core.domain.base import KST
from jennie_infra.kis.errors import KisMalformedError
from jennie_infra.kis.tr_ids import Function

MORE_PAGES = frozenset({"M", "F"})
END_CURSOR = "^^"
ORDER_NUMBER_DIGITS = 10
_BLANK = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class RestCall:
    """One business request; `fields` travel in the query of a GET and in the JSON body of a POST."""

    function: Function
    fields: Mapping[str, str]
    next_page: bool = False


@dataclass(frozen=True, slots=True)
class RestReply:
    """A successful reply: body and paging mark."""

    body: Mapping[str, Any] = field(repr=False)
    tr_cont: str = ""

    @property
    def has_more(self) -> bool:
        """Whether the broker signals another page."""
        return self.tr_cont.strip() in MORE_PAGES

    def cursor(self, suffix: str = "100") -> tuple[str, str]:
        """The paging cursors (ctx_area_fk, ctx_area_nk)."""
        return self._text(f"ctx_area_fk{suffix}"), self._text(f"ctx_area_nk{suffix}")

    def record(self, name: str) -> Mapping[str, Any]:
        """An output object; a list of one is accepted as the object. Raises KisMalformedError."""
        found = self.body.get(name)
        if isinstance(found, list) and len(found) == 1:
            found = found[0]
        if not isinstance(found, dict):
            raise KisMalformedError("BROKER-SHAPE", f"{name} is not an object")
        return found

    def rows(self, name: str) -> list[Mapping[str, Any]]:
        """An output array without the blank rows that mean "no data". Raises KisMalformedError."""
        found = self.body.get(name)
        if found is None or found == "":
            return []
        if isinstance(found, dict):
            found = [found]
        if not isinstance(found, list) or any(not isinstance(row, dict) for row in found):
            raise KisMalformedError("BROKER-SHAPE", f"{name} is not a list of objects")
        return [row for row in found if any(str(value).strip() for value in row.values())]

    def _text(self, name: str) -> str:
        return str(self.body.get(name) or "").strip()


def text(row: Mapping[str, Any], name: str) -> str:
    """A text field without padding; raises KisMalformedError when it is missing."""
    found = row.get(name)
    if found is None:
        raise KisMalformedError("BROKER-SHAPE", f"{name} is missing")
    return str(found).strip()


def optional_text(row: Mapping[str, Any], name: str) -> str:
    """A text field that some versions leave out; blank when absent."""
    return str(row.get(name) or "").strip()


def integer(row: Mapping[str, Any], name: str) -> int:
    """A whole number sent as text; raises KisMalformedError for a missing or blank one: unknown is not zero."""
    found = text(row, name)
    try:
        return int(found)
    except ValueError:
        return _from_decimal(found, name)


def _from_decimal(found: str, name: str) -> int:
    try:
        number = float(found)
    except ValueError:
        raise KisMalformedError("BROKER-SHAPE", f"{name} is not a number: {found[:20]!r}") from None
    if number != int(number):
        raise KisMalformedError("BROKER-SHAPE", f"{name} is not a whole number: {found[:20]!r}")
    return int(number)


def optional_integer(row: Mapping[str, Any], name: str) -> int | None:
    """As `integer`, None where the broker has no figure (absent or blank)."""
    return integer(row, name) if optional_text(row, name) else None


def decimal(row: Mapping[str, Any], name: str) -> float:
    """A decimal number sent as text; raises KisMalformedError."""
    found = text(row, name)
    try:
        return float(found)
    except ValueError:
        raise KisMalformedError("BROKER-SHAPE", f"{name} is not a number: {found[:20]!r}") from None


def optional_decimal(row: Mapping[str, Any], name: str) -> float | None:
    """As `decimal`, None where the broker has no figure."""
    return decimal(row, name) if optional_text(row, name) else None


def day(row: Mapping[str, Any], name: str) -> date:
    """A date written YYYYMMDD."""
    found = text(row, name)
    try:
        return date(int(found[:4]), int(found[4:6]), int(found[6:8]))
    except ValueError:
        raise KisMalformedError("BROKER-SHAPE", f"{name} is not a date: {found[:20]!r}") from None


def instant(day_text: str, time_text: str) -> datetime:
    """KST instant of YYYYMMDD and HHMMSS; raises KisMalformedError."""
    try:
        return datetime.strptime(day_text + time_text, "%Y%m%d%H%M%S").replace(tzinfo=KST)
    except ValueError:
        raise KisMalformedError("BROKER-SHAPE", f"not a date and time: {day_text[:10]} {time_text[:10]}") from None


def compact_day(value: date) -> str:
    """YYYYMMDD."""
    return value.strftime("%Y%m%d")


def order_number(raw: str) -> str:
    """An order number with its leading zeros; blank for none (blank or all zeros)."""
    digits = _BLANK.sub("", raw)
    return digits.zfill(ORDER_NUMBER_DIGITS) if digits.strip("0") else ""


def next_pages(reply: RestReply, call: RestCall, suffix: str = "100") -> Iterator[RestCall]:
    """The call for the next page, if the reply signals one and its cursor has moved."""
    forward, key = reply.cursor(suffix)
    names = (f"CTX_AREA_FK{suffix}", f"CTX_AREA_NK{suffix}")
    if reply.has_more and key and key != END_CURSOR and key != call.fields.get(names[1], ""):
        yield RestCall(call.function, dict(call.fields) | {names[0]: forward, names[1]: key}, next_page=True)
