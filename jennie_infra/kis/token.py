"""One access token for all callers, kept in a private file, issued at most once a minute (R-GW-03, drill 13)."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from jennie_infra.clock import real_now_us
from jennie_infra.kis.errors import KisRateLimitedError, KisUnreachedError, TokenUnavailableError
from jennie_infra.kis.token_file import Damaged, StoredToken, TokenFile
from jennie_infra.telemetry import get_logger

ISSUE_INTERVAL_US = 61_000_000
REFRESH_BEFORE_US = 60_000_000
"""A token is renewed one minute before it expires."""


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """What the broker's token endpoint gave."""

    access_token: str
    expires_in_seconds: int


Issue = Callable[[], Awaitable[IssuedToken]]
LimitClock = Callable[[], int | None]


class TokenKeeper:
    """Hands out the token; whoever finds none starts one issue, and everybody waits for that one."""

    def __init__(
        self, file: TokenFile, fingerprint: str, issue: Issue, limit_clock: LimitClock, *, may_wait: bool
    ) -> None:
        self._file = file
        self._fingerprint = fingerprint
        self._issue = issue
        self._limit_clock = limit_clock
        self._may_wait = may_wait
        self._token: StoredToken | None = None
        self._last_issue_us: int | None = None
        self._issuing: asyncio.Task[str] | None = None
        self._unstamped = False
        self._must_not_issue = False
        self.issued = 0

    @property
    def state(self) -> str:
        """valid, issuing or none."""
        if self._usable(self._token):
            return "valid"
        return "issuing" if self._issuing is not None else "none"

    def load(self) -> None:
        """Take the token of an earlier process. A foreign one counts as none.

        Where both copies are damaged, one may have been issued this very minute: the minute then counts from now.
        """
        stored = self._file.read()
        if stored is Damaged.BOTH:
            get_logger().warning("the token file and its copy are damaged; the next token waits its minute")
            self._last_issue_us = self._limit_clock()
        elif isinstance(stored, StoredToken) and stored.fingerprint == self._fingerprint:
            self._last_issue_us = stored.issue_us
            self._token = stored if self._usable(stored) else None
        else:
            return
        self._unstamped = self._last_issue_us is None
        self._must_not_issue = self._unstamped and self._token is None

    async def get(self, wait_seconds: float) -> str:
        """The token; raises TokenUnavailableError when none can be had in time."""
        token = self._token
        if token is not None and self._usable(token):
            return token.access_token
        self._token = None
        if self._issuing is None:
            self._issuing = asyncio.create_task(self._issue_one(), name="kis-token")
            self._issuing.add_done_callback(self._issue_ended)
        try:
            return await asyncio.wait_for(asyncio.shield(self._issuing), wait_seconds)
        except TimeoutError:
            raise TokenUnavailableError("GW-TOKEN", f"no token within {wait_seconds:.1f} s") from None

    def observe_settled(self, market_us: int) -> None:
        """Stamp a token that was issued before market time was known: its minute counts from the first mark."""
        if self._unstamped:
            self._unstamped = self._must_not_issue = False
            self._last_issue_us = market_us
            if self._token is not None:
                self._token = replace(self._token, issue_us=market_us)
                self._store(self._token)

    def reject(self, access_token: str) -> None:
        """The broker called this token dead. A newer token is not touched, so twenty callers cause one issue."""
        if self._token is not None and self._token.access_token == access_token:
            self._store(replace(self._token, access_token="", expires_us=0))
            self._token = None

    def _issue_ended(self, task: "asyncio.Task[str]") -> None:
        self._issuing = None
        if not task.cancelled():
            task.exception()  # seen by those who waited; nobody waiting is no error of its own

    async def _issue_one(self) -> str:
        await self._wait_for_permission()
        before = self._last_issue_us
        self._last_issue_us = self._limit_clock()
        self._unstamped = self._last_issue_us is None
        self._store(StoredToken(self._fingerprint, "", 0, self._last_issue_us))  # a death from here on keeps its minute
        try:
            issued = await self._issue()
        except KisUnreachedError:
            self._last_issue_us = before  # nothing was asked, so nothing counts
            self._file.forget()
            if before is not None:
                self._store(StoredToken(self._fingerprint, "", 0, before))
            raise
        except KisRateLimitedError as error:
            raise TokenUnavailableError("GW-TOKEN", error.detail) from error
        self.issued += 1
        expires_us = real_now_us() + issued.expires_in_seconds * 1_000_000
        self._token = StoredToken(self._fingerprint, issued.access_token, expires_us, self._last_issue_us)
        self._store(self._token)
        return issued.access_token

    async def _wait_for_permission(self) -> None:
        now = self._limit_clock()
        if self._must_not_issue:
            raise TokenUnavailableError("GW-TOKEN", "the last token's minute is unknown until market time is known")
        if now is None or self._last_issue_us is None or now < self._last_issue_us:
            return
        rest_us = self._last_issue_us + ISSUE_INTERVAL_US - now
        if rest_us <= 0:
            return
        if not self._may_wait:
            raise TokenUnavailableError("GW-TOKEN", f"a token may be issued again in {rest_us // 1_000_000} s")
        deadline = time.monotonic() + rest_us / 1_000_000
        await asyncio.sleep(deadline - time.monotonic())

    def _usable(self, token: StoredToken | None) -> bool:
        return token is not None and token.access_token != "" and real_now_us() < token.expires_us - REFRESH_BEFORE_US

    def _store(self, token: StoredToken) -> None:
        try:
            self._file.write(token)
        except OSError as error:
            get_logger().error("token not stored; a restart will issue one more", error=str(error))
