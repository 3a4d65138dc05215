"""One way to ask a source: within its rate, with a few retries, and no secret in any message."""

import logging
from collections.abc import Mapping
from datetime import date

import httpx
from pyrate_limiter import Limiter
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from jennie_infra.sources.errors import SourceReplyError
from jennie_infra.sources.web.kept import KeptReplies
from jennie_infra.sources.web.reply import Reply, Service

ATTEMPTS = 3
TIMEOUT = httpx.Timeout(20.0, connect=5.0)
ROOM_SECONDS = 60
"""How long a request may wait for room under the source's own limit."""
SERVER_ERRORS = range(500, 600)


class _TryAgainError(Exception):
    """A failure that a second request may not meet."""


class SourceClient:
    """Asks one service. Safe to share between threads; `close` releases its connections."""

    def __init__(self, service: Service, kept: KeptReplies) -> None:
        self.service = service
        self._kept = kept
        self._limiter = Limiter(list(service.rates))
        # httpx writes every address at INFO, and some services take their key in it.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        self._http = httpx.Client(headers=dict(service.headers), timeout=TIMEOUT, follow_redirects=False)

    def get(self, dataset: str, path: str, params: Mapping[str, str], day: date | None = None) -> Reply:
        """One reply of status below 500, after at most `ATTEMPTS` requests; raises SourceReplyError."""
        try:
            for attempt in Retrying(
                stop=stop_after_attempt(ATTEMPTS),
                wait=wait_random_exponential(multiplier=0.2, max=2.0),
                retry=retry_if_exception_type(_TryAgainError),
                reraise=True,
            ):
                with attempt:
                    return self._once(dataset, path, params, day)
        except _TryAgainError as error:
            raise SourceReplyError(
                self.service.name,
                dataset,
                f"no answer after {ATTEMPTS} tries ({error})",
                day=day,
                repair="look at the connection and the service's notices, then try again",
            ) from None
        raise AssertionError("a retry loop ends by return or exception")

    def _once(self, dataset: str, path: str, params: Mapping[str, str], day: date | None) -> Reply:
        if self._limiter.try_acquire(self.service.name, timeout=ROOM_SECONDS) is not True:
            raise SourceReplyError(
                self.service.name,
                dataset,
                "our own limit of requests to this source is used up",
                day=day,
                repair="ask for fewer days at once, or tomorrow",
            )
        try:
            answer = self._http.get(self.service.base_url.rstrip("/") + path, params=dict(params))
        except httpx.HTTPError as lost:
            raise _TryAgainError(type(lost).__name__) from None
        if answer.status_code in SERVER_ERRORS:
            raise _TryAgainError(f"status {answer.status_code}")
        return Reply(self.service, self._kept, dataset, day, answer.status_code, answer.content)

    def close(self) -> None:
        """Release connections."""
        self._http.close()
