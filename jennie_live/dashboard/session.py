"""Sessions: a signed cookie after a one-time link; nothing about it is stored on the server."""

from itsdangerous import BadSignature, SignatureExpired, TimestampSigner

from jennie_infra.settings import Settings, generated_secret

COOKIE = "jennie_session"
SESSION_KEY = "session_key"
LIFE_SECONDS = 12 * 3600


class Sessions:
    """Issues and checks session cookies of this installation."""

    def __init__(self, settings: Settings) -> None:
        self._signer = TimestampSigner(generated_secret(settings, SESSION_KEY), salt="dashboard-session")
        self._subject = f"{settings.mode.value}/{settings.account_hash}"

    def issue(self) -> str:
        """A new cookie value."""
        return self._signer.sign(self._subject).decode()

    def is_valid(self, value: str | None) -> bool:
        """Whether the cookie was issued here, for this mode and account, within its life."""
        if not value:
            return False
        try:
            return self._signer.unsign(value, max_age=LIFE_SECONDS).decode() == self._subject
        except (BadSignature, SignatureExpired):
            return False
