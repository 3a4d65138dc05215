"""One order of events out of two streams, whatever the order in which they were read (decision 0001).

Before a request stamped `t`, every notice with exchange time `< t` is applied; the rest waits for the next request or
for the settled mark. A settled mark is complete when both streams have passed it. The reader must hand over all notices
it can read together with a request: the gateway wrote those before `t` before anyone could ask for something.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from jennie_core.domain.base import to_epoch_us
from jennie_core.domain.orders import ExecutionNotice

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class NoticeEvent:
    """A broker's notice whose turn has come."""

    entry_id: str
    notice: ExecutionNotice
    at_us: int


@dataclass(frozen=True, slots=True)
class RequestEvent(Generic[R]):
    """A signal or sell order whose turn has come."""

    entry_id: str
    request: R
    at_us: int


@dataclass(frozen=True, slots=True)
class SettledEvent:
    """Everything up to `at_us` has been handed out."""

    at_us: int


@dataclass(frozen=True, slots=True)
class _Mark:
    at_us: int


class EventMerge(Generic[R]):
    """Holds what was read of both streams and hands it out in the one order that decision 0001 defines."""

    def __init__(self, completed_us: int | None = None) -> None:
        self._notices: deque[NoticeEvent | _Mark] = deque()
        self._requests: deque[RequestEvent[R] | _Mark] = deque()
        self.completed_us = completed_us

    def add_notice(self, entry_id: str, notice: ExecutionNotice) -> None:
        """A notice in stream order."""
        self._notices.append(NoticeEvent(entry_id, notice, to_epoch_us(notice.exchange_at)))

    def add_request(self, entry_id: str, request: R, at_us: int) -> None:
        """A request in stream order, stamped with its market time."""
        self._requests.append(RequestEvent(entry_id, request, at_us))

    def add_notice_mark(self, at_us: int) -> None:
        """A settled mark of the notice stream."""
        if self._is_new(at_us):
            self._notices.append(_Mark(at_us))

    def add_request_mark(self, at_us: int) -> None:
        """A settled mark of the request stream."""
        if self._is_new(at_us):
            self._requests.append(_Mark(at_us))

    def take_requests(self) -> list[RequestEvent[R]]:
        """Take out the requests that wait; marks stay where they are. For sells whose turn the ledger holds up."""
        taken = [item for item in self._requests if isinstance(item, RequestEvent)]
        self._requests = deque(item for item in self._requests if isinstance(item, _Mark))
        return taken

    @property
    def waits_for_requests(self) -> bool:
        """Whether notices have a settled mark that the request stream has not passed on."""
        return not self._requests and any(isinstance(item, _Mark) for item in self._notices)

    def complete_without_requests(self) -> None:
        """Let the notice stream's marks stand for both: for live operation when the request stream's writer is gone."""
        for item in self._notices:
            if isinstance(item, _Mark):
                self._requests.append(item)

    def ready(self) -> Iterator[NoticeEvent | RequestEvent[R] | SettledEvent]:
        """Hand out every event whose turn has come."""
        while self._requests:
            head = self._requests[0]
            if isinstance(head, RequestEvent):
                self._requests.popleft()
                yield from self._notices_before(head.at_us)
                yield head
                continue
            mark = self._first_notice_mark()
            if mark is None:
                return
            yield from self._complete(head, mark)

    def _complete(self, request_mark: _Mark, notice_mark: _Mark) -> Iterator[NoticeEvent | SettledEvent]:
        at_us = min(request_mark.at_us, notice_mark.at_us)
        if notice_mark.at_us == at_us:
            yield from self._notices_up_to_mark()
        else:
            yield from self._notices_before(at_us + 1)
        if request_mark.at_us == at_us:
            self._requests.popleft()
        if self._is_new(at_us):
            self.completed_us = at_us
            yield SettledEvent(at_us)

    def _notices_before(self, at_us: int) -> Iterator[NoticeEvent]:
        """Notices earlier than `at_us` that stand before the first mark not earlier than it."""
        kept: list[NoticeEvent | _Mark] = []
        found: list[NoticeEvent] = []
        while self._notices:
            item = self._notices[0]
            if isinstance(item, _Mark) and item.at_us >= at_us:
                break
            self._notices.popleft()
            if isinstance(item, NoticeEvent) and item.at_us < at_us:
                found.append(item)
            else:
                kept.append(item)
        self._notices.extendleft(reversed(kept))
        yield from found

    def _notices_up_to_mark(self) -> Iterator[NoticeEvent]:
        while self._notices:
            item = self._notices.popleft()
            if isinstance(item, _Mark):
                return
            yield item

    def _first_notice_mark(self) -> _Mark | None:
        return next((item for item in self._notices if isinstance(item, _Mark)), None)

    def _is_new(self, at_us: int) -> bool:
        return self.completed_us is None or at_us > self.completed_us
