"""One access token for all callers, kept in a private file, issued at most once a minute (R-GW-03, drill 13)."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from jennie_infra.clock import real_now_us
from jennie_infra.kis.errors import KisRateLimitedError, TokenUnavailableError
from jennie_infra.settings import write_private

FILE_NAME = "kis_token.json"
QUOTATION_FILE_NAME = "kis_quote_token.json"
ISSUE_INTERVAL_US = 61_000_000
REFRESH_BEFORE_US = 60_000_000
"""A token is renewed one minute before it expires."""


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """What the broker's token endpoint gave."""

    access_token: str
    expires_in_seconds: int


class StoredToken(BaseModel):
    """Content of the token file. `issue_us` is on the clock that counts the limit (market time in a rehearsal).

    None: it was issued before that clock was known.
    """

    model_config = ConfigDict(extra="ignore")

    fingerprint: str
    access_token: str
    expires_us: int
    issue_us: int | None


Issue = Callable[[], Awaitable[IssuedToken]]
LimitClock = Callable[[], int | None]


class TokenKeeper:
    """Hands out the token; whoever finds none starts one issue, and everybody waits for that one."""

    def __init__(self, path: Path, fingerprint: str, issue: Issue, limit_clock: LimitClock, *, may_wait: bool) -> None:
        self._path = path
        self._fingerprint = fingerprint
        self._issue = issue
        self._limit_clock = limit_clock
        self._may_wait = may_wait
        self._token: StoredToken | None = None
        self._last_issue_us: int | None = None
        self._issuing: asyncio.Task[str] | None = None
        self._unstamped = False
        self.issued = 0

    @property
    def state(self) -> str:
        """valid, issuing or none."""
        if self._usable(self._token):
            return "valid"
        return "issuing" if self._issuing is not None else "none"

    def load(self) -> None:
        """Take the token of an earlier process; a damaged or foreign file counts as none."""
        try:
            stored = StoredToken.model_validate_json(self._path.read_text())
        except (OSError, ValidationError, UnicodeDecodeError):
            return
        if stored.fingerprint != self._fingerprint:
            return
        self._last_issue_us = stored.issue_us
        self._unstamped = stored.issue_us is None
        self._token = stored if self._usable(stored) else None

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
            self._unstamped = False
            self._last_issue_us = market_us
            if self._token is not None:
                self._token = self._token.model_copy(update={"issue_us": market_us})
                self._store(self._token)

    def reject(self, access_token: str) -> None:
        """The broker called this token dead. A newer token is not touched, so twenty callers cause one issue."""
        if self._token is not None and self._token.access_token == access_token:
            self._store(self._token.model_copy(update={"access_token": "", "expires_us": 0}))
            self._token = None

    def _issue_ended(self, task: "asyncio.Task[str]") -> None:
        self._issuing = None
        if not task.cancelled():
            task.exception()  # seen by those who waited; nobody waiting is no error of its own

    async def _issue_one(self) -> str:
        await self._wait_for_permission()
        self._last_issue_us = self._limit_clock()
        self._unstamped = self._last_issue_us is None
        try:
            issued = await self._issue()
        except KisRateLimitedError as error:
            raise TokenUnavailableError("GW-TOKEN", error.detail) from error
        self.issued += 1
        self._token = StoredToken(
            fingerprint=self._fingerprint,
            access_token=issued.access_token,
            expires_us=real_now_us() + issued.expires_in_seconds * 1_000_000,
            issue_us=self._last_issue_us,
        )
        self._store(self._token)
        return issued.access_token

    async def _wait_for_permission(self) -> None:
        now = self._limit_clock()
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
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(self._path, token.model_dump_json())


def fingerprint(rest_url: str, app_key: str) -> str:
    """Names host and key without showing them, so that a token is never used elsewhere."""
    return hashlib.sha256(f"{rest_url}|{app_key}".encode()).hexdigest()[:16]
