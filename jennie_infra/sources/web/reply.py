"""A reply of a source and everything that can make it not count; a refused one is kept without its secrets.

A status of 200 proves nothing: `Reply.json` refuses pages, error codes inside a good status and what is no object.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Any

import httpx
import orjson
from pyrate_limiter import Rate

from jennie_infra.clock import wall_now
from jennie_infra.sources.errors import NoDataError, SourceReplyError
from jennie_infra.sources.web.kept import KeptReplies
from jennie_infra.sources.web.secrets import struck


class FaultKind(Enum):
    """What a source's own error code means for the next step."""

    KEY = "the key is not accepted"
    LIMIT = "the limit of requests is reached"
    EMPTY = "no data"
    OTHER = "refused"


@dataclass(frozen=True)
class Fault:
    """An error that a reply states itself, whatever its status."""

    kind: FaultKind
    text: str


@dataclass(frozen=True)
class Service:
    """What distinguishes one supplier: name, address, the settings that hold its keys, its limits and error codes."""

    name: str
    base_url: str
    key_settings: str
    secrets: tuple[str, ...]
    rates: tuple[Rate, ...]
    fault: Callable[[Mapping[str, Any]], Fault | None]
    headers: Mapping[str, str] = field(default_factory=dict)
    approval: str = "check {keys}"


@dataclass(frozen=True)
class Reply:
    """One reply to one question, and how to refuse it."""

    service: Service
    kept: KeptReplies
    dataset: str
    day: date | None
    status: int
    content: bytes

    def refused(
        self, rule: str, repair: str = "try again later, or use another source for this dataset"
    ) -> SourceReplyError:
        """The error that says why this reply does not count; keeps the reply."""
        return self._refused(SourceReplyError, rule, repair)

    def _refused(self, error: type[SourceReplyError], rule: str, repair: str) -> SourceReplyError:
        clean = struck(self.content, self.service.secrets)
        path = self.kept.keep(self.service.name, self.dataset, clean, wall_now())
        where = f"{repair} (reply kept in {path.name})" if path else repair
        text = " ".join(struck(rule.encode(), self.service.secrets).decode().split())
        return error(self.service.name, self.dataset, text, day=self.day, repair=where)

    def text(self) -> str:
        """The content as UTF-8, else as CP949; raises SourceReplyError when it is neither."""
        for encoding in ("utf-8-sig", "cp949"):
            try:
                return self.content.decode(encoding)
            except UnicodeDecodeError:
                continue
        raise self.refused("the reply is neither UTF-8 nor CP949 text")

    def json(self) -> dict[str, Any]:
        """The reply as an object without a stated error; raises SourceReplyError (NoDataError: no data)."""
        text = self.text().strip()
        if text[:1] == "<":
            self.refuse_status()
            raise self.refused("a page came in place of data (login, maintenance or error page)", self._key_hint())
        try:
            body = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            self.refuse_status()
            raise self.refused("the reply is not JSON") from error
        if not isinstance(body, dict):
            raise self.refused("the reply is not a JSON object")
        fault = self.service.fault(body)
        if fault is not None:
            raise self.refused_as(fault)
        self.refuse_status()
        return body

    def refused_as(self, fault: Fault) -> SourceReplyError:
        """The error for what the source says itself."""
        repairs = {
            FaultKind.KEY: self._key_hint(),
            FaultKind.LIMIT: "wait until the limit is renewed (usually the next day)",
            FaultKind.EMPTY: "the day may be closed or not yet published",
            FaultKind.OTHER: "try again later, or use another source for this dataset",
        }
        error = NoDataError if fault.kind is FaultKind.EMPTY else SourceReplyError
        return self._refused(error, f"{fault.kind.value}: {fault.text[:160]}", repairs[fault.kind])

    def refuse_status(self) -> None:
        """Raise SourceReplyError unless the status is 200."""
        if self.status == httpx.codes.OK:
            return
        if self.status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise self.refused_as(Fault(FaultKind.KEY, f"status {self.status}"))
        if self.status == httpx.codes.TOO_MANY_REQUESTS:
            raise self.refused_as(Fault(FaultKind.LIMIT, "status 429"))
        if 300 <= self.status < 400:
            raise self.refused(f"the source sends to another page (status {self.status})", self._key_hint())
        raise self.refused(f"status {self.status}")

    def _key_hint(self) -> str:
        return self.service.approval.format(keys=self.service.key_settings)
