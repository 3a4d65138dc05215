"""Who we are at the broker. In a rehearsal the exchange's published keys are used; they open nothing else."""

from dataclasses import dataclass, field

from jennie_core.domain.enums import Mode
from jennie_infra.settings import Settings, SettingsError
from jennie_infra.telemetry import register_secret

APP_KEY_LENGTH = 36
APP_SECRET_LENGTH = 180
ACCOUNT_DIGITS = 10

REHEARSAL_ACCOUNT = "5012345601"
REHEARSAL_HTS_ID = "jennie"
REHEARSAL_APP_KEY = "R" * APP_KEY_LENGTH
REHEARSAL_APP_SECRET = "r" * APP_SECRET_LENGTH


@dataclass(frozen=True, slots=True)
class Credentials:
    """Keys and account of one mode; never shown."""

    app_key: str = field(repr=False)
    app_secret: str = field(repr=False)
    account: str = field(repr=False)
    hts_id: str = field(repr=False)

    @property
    def account_prefix(self) -> str:
        """CANO: the first eight digits."""
        return self.account[:8]

    @property
    def account_product(self) -> str:
        """ACNT_PRDT_CD: the last two digits."""
        return self.account[8:]


def credentials(settings: Settings) -> Credentials:
    """The credentials of the mode; raises SettingsError when paper or live lacks one."""
    rehearsal = settings.mode is Mode.REHEARSAL
    found = Credentials(
        app_key=_value(settings, "kis_app_key", REHEARSAL_APP_KEY if rehearsal else None),
        app_secret=_value(settings, "kis_app_secret", REHEARSAL_APP_SECRET if rehearsal else None),
        account=_value(settings, "kis_account", REHEARSAL_ACCOUNT if rehearsal else None).replace("-", ""),
        hts_id=_value(settings, "kis_hts_id", REHEARSAL_HTS_ID if rehearsal else None),
    )
    if len(found.account) != ACCOUNT_DIGITS or not found.account.isdigit():
        raise SettingsError("JENNIE_KIS_ACCOUNT must have ten digits: eight of the account and two of the product")
    if not rehearsal:
        for secret in (found.app_key, found.app_secret, found.account, found.hts_id):
            register_secret(secret)
    return found


def quotation_credentials(settings: Settings) -> Credentials | None:
    """The real key for quotations in paper mode; None without one. Raises SettingsError when only half is given."""
    if settings.mode is not Mode.PAPER:
        return None
    key = settings.secret("kis_quote_app_key", required=False)
    secret = settings.secret("kis_quote_app_secret", required=False)
    if bool(key) != bool(secret):
        raise SettingsError("JENNIE_KIS_QUOTE_APP_KEY and JENNIE_KIS_QUOTE_APP_SECRET belong together: set both")
    if not key:
        return None
    for value in (key, secret):
        register_secret(value)
    return Credentials(app_key=key, app_secret=secret, account="", hts_id="")


def _value(settings: Settings, name: str, default: str | None) -> str:
    if default is None:
        return settings.secret(name)
    return settings.secret(name, required=False) or default
