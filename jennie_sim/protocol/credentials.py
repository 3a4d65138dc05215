"""Keys, access tokens and approval keys."""

import secrets
from dataclasses import dataclass, field

from jennie_sim.market.hours import HOUR_MS, MINUTE_MS
from jennie_sim.market.pack import PackAccount

TOKEN_LIFE_MS = 24 * HOUR_MS
SAME_TOKEN_MS = 6 * HOUR_MS
TOKEN_PAUSE_MS = MINUTE_MS


@dataclass(slots=True)
class Token:
    """An access token and the key it belongs to."""

    text: str
    app_key: str
    issued_ms: int
    revoked: bool = False


@dataclass(slots=True)
class KeyBook:
    """Which keys exist and what was issued to them. Times are market time in milliseconds of the day."""

    accounts: tuple[PackAccount, ...]
    accept_any: bool
    tokens: dict[str, Token] = field(default_factory=dict)
    approvals: dict[str, str] = field(default_factory=dict)
    asked_at_ms: dict[str, int] = field(default_factory=dict)

    def knows(self, app_key: str, app_secret: str | None = None) -> bool:
        """Whether the pair belongs to an account of the pack."""
        if self.accept_any:
            return bool(app_key)
        return any(
            account.app_key == app_key and app_secret in (None, account.app_secret)
            for account in self.accounts
            if account.app_key
        )

    def may_use(self, app_key: str, account_number: str) -> bool:
        """Whether an account (ten digits) belongs to an appkey; an unknown account is left to the ledger to refuse."""
        owners = [account.app_key for account in self.accounts if account.digits == account_number]
        return self.accept_any or not owners or app_key in owners

    def may_hear(self, app_key: str, hts_id: str) -> bool:
        """Whether a login id belongs to an appkey: notices of all its accounts go to whoever registers it."""
        return self.accept_any or any(
            account.hts_id == hts_id and account.app_key in ("", app_key) for account in self.accounts
        )

    def may_ask(self, app_key: str, now_ms: int) -> bool:
        """One token request a minute."""
        last = self.asked_at_ms.get(app_key)
        return last is None or now_ms - last >= TOKEN_PAUSE_MS

    def issue(self, app_key: str, now_ms: int) -> Token:
        """A token; within six hours the same one again."""
        self.asked_at_ms[app_key] = now_ms
        for token in reversed(self.tokens.values()):
            if token.app_key == app_key and not token.revoked and now_ms - token.issued_ms < SAME_TOKEN_MS:
                return token
        token = Token(f"jennie-sim.{secrets.token_urlsafe(48)}", app_key, now_ms)
        self.tokens[token.text] = token
        return token

    def token_problem(self, text: str, app_key: str, now_ms: int) -> str | None:
        """The gateway code that speaks against a token: EGW00121 not valid, EGW00123 expired."""
        token = self.tokens.get(text)
        if token is None or token.app_key != app_key:
            return "EGW00121"
        if token.revoked or now_ms - token.issued_ms >= TOKEN_LIFE_MS:
            return "EGW00123"
        return None

    def revoke(self, text: str | None = None) -> int:
        """Make one token, or all of them, expire; returns how many."""
        chosen = [token for token in self.tokens.values() if text in (None, token.text) and not token.revoked]
        for token in chosen:
            token.revoked = True
        return len(chosen)

    def approve(self, app_key: str) -> str:
        """A new approval key; older ones stay valid."""
        key = secrets.token_hex(16)
        self.approvals[key] = app_key
        return key
