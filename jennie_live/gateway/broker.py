"""The gateway's lines to the broker: one for the account, and in paper mode with a real key one more for quotations."""

from collections.abc import Callable
from dataclasses import dataclass

from jennie_core.domain.enums import Mode
from jennie_infra.clock import real_now_us
from jennie_infra.kis.client import KisClient
from jennie_infra.kis.credentials import Credentials, quotation_credentials
from jennie_infra.kis.limits import make_budget
from jennie_infra.kis.token import TokenKeeper
from jennie_infra.kis.token_file import FILE_NAME, QUOTATION_FILE_NAME, TokenFile, fingerprint
from jennie_infra.settings import Settings


@dataclass(frozen=True, slots=True)
class Line:
    """A client with the keeper of its token."""

    client: KisClient
    tokens: TokenKeeper

    async def open(self) -> None:
        """Open the client and take the stored token."""
        await self.client.open()
        self.tokens.load()

    def observe_settled(self, market_us: int) -> None:
        """Market time has settled: the limits of a rehearsal count in it."""
        self.client.budget.observe_settled(market_us)
        self.tokens.observe_settled(market_us)


def account_line(settings: Settings, who: Credentials, limit_clock: Callable[[], int | None]) -> Line:
    """The line to the mode's own host."""
    rest_url = settings.effective_kis_rest_url
    client = KisClient(rest_url, settings.mode, who, make_budget(settings.mode, settings.slice_seconds))
    return _with_tokens(client, settings, FILE_NAME, fingerprint(rest_url, who.app_key), limit_clock)


def quotation_line(settings: Settings) -> Line | None:
    """The line to the real host for quotations in paper mode; None without a key. Raises SettingsError."""
    who = quotation_credentials(settings)
    if who is None:
        return None
    rest_url = settings.effective_kis_quote_rest_url
    client = KisClient(rest_url, Mode.LIVE, who, make_budget(Mode.LIVE, settings.slice_seconds))
    return _with_tokens(client, settings, QUOTATION_FILE_NAME, fingerprint(rest_url, who.app_key), real_now_us)


def _with_tokens(
    client: KisClient, settings: Settings, file_name: str, named: str, limit_clock: Callable[[], int | None]
) -> Line:
    tokens = TokenKeeper(
        TokenFile(settings.secrets_dir / file_name),
        named,
        client.issue_token,
        limit_clock,
        may_wait=settings.mode is not Mode.REHEARSAL,
    )
    client.tokens = tokens
    return Line(client, tokens)
