"""Settings of a process: `JENNIE_*` variables, an `.env` file and private files in the state folder.

An unknown `JENNIE_*` variable is an error (R-CFG-03). Secrets are files of mode 0600 below `<home>/secrets`, made at
first use where jennie itself needs one; broker keys come from variables or from the same folder.
"""

import hashlib
import os
import secrets
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field, SecretStr, ValidationError

from jennie_core.domain.enums import Mode
from jennie_core.domain.trading_settings import TradingSettings
from jennie_infra.env_file import SettingsError as SettingsError
from jennie_infra.env_file import read_env_file
from jennie_infra.settings_rules import HttpUrl, IsoDay, RedisUrl, WebSocketUrl
from jennie_infra.settings_sources import SourceSettings

PREFIX = "JENNIE_"

REAL_REST_URL = "https://openapi.koreainvestment.com:9443"

PORTS: dict[str, int] = {
    "kis-gateway": 8080,
    "buy-scanner": 8081,
    "buy-executor": 8082,
    "sell-executor": 8083,
    "price-monitor": 8088,
    "dashboard-api": 8090,
    "command-handler": 8091,
    "dagster": 3000,
    "sim": 9443,
    "sim-admin": 9444,
}
"""Ports of the seed's service catalogue; `JENNIE_PORT_BASE` is added to each."""

LIVE_CONFIRMATION = "I-accept-the-risk"


class Settings(SourceSettings):
    """All settings of one process. Field `x_y` is read from `JENNIE_X_Y`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Mode = Field(default=Mode.REHEARSAL, description="rehearsal, paper or live")
    live_trading: str = Field(default="", description=f"must be {LIVE_CONFIRMATION!r} for mode live")
    port_base: int = Field(default=0, ge=0, le=50_000, description="added to every port")
    bind_host: str = Field(default="127.0.0.1", description="address the workers listen on")
    service_host: str = Field(
        default="127.0.0.1",
        description="host of the other services; {service} stands for the name, as containers have it",
    )
    var_dir: Path = Field(default=Path("var"), description="parent of all state folders")
    home: Path | None = Field(default=None, description="state folder of this mode and account; default below var_dir")
    redis_url: RedisUrl | None = Field(
        default=None, description="default: the embedded server's private socket in home"
    )
    ledger_url: str | None = Field(default=None, description="database of orders and positions; default SQLite in home")
    market_url: str | None = Field(
        default=None, description="database of market data and scores; default SQLite in home"
    )
    qdrant_url: HttpUrl | None = Field(default=None, description="default: Qdrant's local mode in home")
    llm_base_url: HttpUrl | None = Field(
        default=None, description="OpenAI-compatible server; default: rule-based analyst"
    )
    llm_model: str = Field(default="exaone-4.0-32b", description="model name at llm_base_url")
    llm_api_key: SecretStr | None = Field(default=None, description="key of llm_base_url, where it asks for one")
    embed_base_url: HttpUrl | None = Field(
        default=None, description="OpenAI-compatible embeddings; default: hashed vectors"
    )
    embed_model: str = Field(default="kure-v1", description="model name at embed_base_url")
    kis_rest_url: HttpUrl | None = Field(default=None, description="REST address of the broker; default by mode")
    kis_ws_url: WebSocketUrl | None = Field(
        default=None, description="WebSocket address of the broker; default by mode"
    )
    kis_app_key: SecretStr | None = Field(default=None, description="application key (appkey); paper and live need it")
    kis_app_secret: SecretStr | None = Field(default=None, description="application secret; paper and live need it")
    kis_account: SecretStr | None = Field(default=None, description="ten digits: account and product code")
    kis_hts_id: SecretStr | None = Field(default=None, description="HTS login id, for execution notices")
    kis_quote_app_key: SecretStr | None = Field(
        default=None, description="paper only: a real application key, for quotations; orders stay on the paper host"
    )
    kis_quote_app_secret: SecretStr | None = Field(default=None, description="secret of the quotation key")
    kis_quote_rest_url: str | None = Field(
        default=None, description="REST address for quotations; default the real host"
    )
    kis_wire_revision: Literal["46/59/23", "46/59/26", "47/63/26"] = Field(
        default="47/63/26", description="field counts of trade, book and notice records"
    )
    book_codes: int = Field(
        default=0, ge=0, le=20, description="codes whose order book is pushed; each takes one of 40 registrations"
    )
    telegram_bot_token: SecretStr | None = Field(default=None, description="bot for commands and alerts")
    telegram_api_url: HttpUrl = Field(default="https://api.telegram.org", description="address of the bot API")
    telegram_chat_ids: tuple[int, ...] = Field(
        default=(), description="chats that may command, with commas; an empty list allows nobody"
    )
    alert_webhook_url: SecretStr | None = Field(default=None, description="alerts are also posted there as JSON")
    market_data: Path | None = Field(default=None, description="market folder with real data")
    settings_file: Path | None = Field(default=None, description="TOML file that overrides trading settings")
    halt_blocks_exits: bool = Field(default=False, description="whether a halt also stops protective exits")
    market_day: IsoDay | None = Field(default=None, description="rehearsal only: the day being rehearsed, YYYY-MM-DD")
    simulated_prices: bool = Field(
        default=False, description="rehearsal only: prices are generated; the rehearsal sets it by itself"
    )
    slice_seconds: int = Field(default=5, ge=1, le=60, description="rehearsal only: market seconds per time slice")
    fail_check: str | None = Field(default=None, description="rehearsal only: asset check that is made to fail")
    sensors: bool | None = Field(
        default=None, description="whether Dagster's sensors run by themselves; default: in paper and live only"
    )
    dagster_url: HttpUrl | None = Field(default=None, description="default: the local Dagster webserver")
    tick_log_days: int = Field(default=30, ge=1, description="recorded days of ticks and notices that are kept")
    conflate_ticks: bool | None = Field(
        default=None, description="whether the newest tick of a code wins under load; default: in paper and live only"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="DEBUG, INFO, WARNING or ERROR"
    )
    public_url: HttpUrl | None = Field(
        default=None, description="address under which the dashboard is reached, if not loopback"
    )

    @property
    def conflates(self) -> bool:
        """A rehearsal holds time back instead, so that every run of a day sees every tick (T3)."""
        return self.mode is not Mode.REHEARSAL if self.conflate_ticks is None else self.conflate_ticks

    @property
    def state_dir(self) -> Path:
        """State folder of this (mode, account); nothing is shared between two of them (B5)."""
        return (self.home or self.var_dir / self.mode.value / self.account_hash).resolve()

    @property
    def account_hash(self) -> str:
        """Short hash that names the account without revealing it."""
        account = self.secret("kis_account", required=False)
        return hashlib.sha256(account.encode()).hexdigest()[:8] if account else "default"

    @property
    def secrets_dir(self) -> Path:
        """Private folder of secret files."""
        base = self.home or self.var_dir / self.mode.value / "default"
        return base.resolve() / "secrets"

    def secret(self, name: str, *, required: bool = True) -> str:
        """A secret from its variable or from `<home>/secrets/<name>`; raises SettingsError if required."""
        value = getattr(self, name, None)
        if isinstance(value, SecretStr):
            return value.get_secret_value()
        path = self.secrets_dir / name
        for place in (path, self.var_dir.resolve() / self.mode.value / "default" / "secrets" / name):
            if place.is_file() and (self.mode is not Mode.REHEARSAL or place == path):
                return place.read_text().strip()
        if required:
            raise SettingsError(f"{PREFIX}{name.upper()} is not set: put it into .env or into {path} (mode 0600)")
        return ""

    def port(self, service: str) -> int:
        """The port a service listens on."""
        return PORTS[service] + self.port_base

    def url(self, service: str) -> str:
        """Address of a service of this stack; loopback unless containers name their services."""
        return f"http://{self.service_host.format(service=service)}:{self.port(service)}"

    @property
    def effective_redis_url(self) -> str:
        """The given server or the embedded one's socket."""
        return self.redis_url or f"unix://{self.state_dir / 'redis.sock'}"

    @property
    def effective_ledger_url(self) -> str:
        """The given database or the embedded SQLite file."""
        return self.ledger_url or f"sqlite:///{self.state_dir / 'ledger.db'}"

    @property
    def effective_market_url(self) -> str:
        """The given database or the embedded SQLite file."""
        return self.market_url or f"sqlite:///{self.state_dir / 'market.db'}"

    @property
    def effective_kis_rest_url(self) -> str:
        """REST host of the mode (the rehearsal exchange, mock trading, real)."""
        defaults = {
            Mode.REHEARSAL: f"http://127.0.0.1:{self.port('sim')}",
            Mode.PAPER: "https://openapivts.koreainvestment.com:29443",
            Mode.LIVE: REAL_REST_URL,
        }
        return self.kis_rest_url or defaults[self.mode]

    @property
    def effective_kis_quote_rest_url(self) -> str:
        """REST host for quotations with a real key in paper mode."""
        return self.kis_quote_rest_url or REAL_REST_URL

    @property
    def effective_kis_ws_url(self) -> str:
        """WebSocket host of the mode."""
        defaults = {
            Mode.REHEARSAL: f"ws://127.0.0.1:{self.port('sim')}/tryitout",
            Mode.PAPER: "ws://ops.koreainvestment.com:31000/tryitout",
            Mode.LIVE: "ws://ops.koreainvestment.com:21000/tryitout",
        }
        return self.kis_ws_url or defaults[self.mode]

    @property
    def effective_dagster_url(self) -> str:
        """Dagster webserver for manual runs."""
        return self.dagster_url or self.url("dagster")

    def trading(self) -> TradingSettings:
        """Shipped trading settings with the overrides of `settings_file`; raises SettingsError on a bad file."""
        return load_trading_settings(self.settings_file)


def load_trading_settings(path: Path | None) -> TradingSettings:
    """Trading settings from a TOML file (groups scout, scanner, risk, orders, sell); None gives the shipped ones."""
    if path is None:
        return TradingSettings()
    try:
        return TradingSettings.model_validate(tomllib.loads(path.read_text()))
    except OSError as error:
        raise SettingsError(f"{PREFIX}SETTINGS_FILE={path}: {error.strerror}; mend the path or the file") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise SettingsError(f"{PREFIX}SETTINGS_FILE={path}: {_first_line(error)}; mend or remove the line") from error


def load_settings(
    environment: Mapping[str, str] | None = None, env_file: Path | None = None, **overrides: Any
) -> Settings:
    """Read settings from an `.env` file, then the environment, then keyword overrides (later wins).

    Raises SettingsError for an unknown `JENNIE_*` name, a value that breaks its rule, or mode live without its
    confirmation.
    """
    environment = os.environ if environment is None else environment
    env_file = Path(".env") if env_file is None else env_file
    values: dict[str, Any] = {}
    for origin, source in ((str(env_file), read_env_file(env_file)), ("environment", environment)):
        for name, value in source.items():
            if not name.startswith(PREFIX):
                continue
            field = name.removeprefix(PREFIX).lower()
            if field not in Settings.model_fields:
                raise SettingsError(f"{name} ({origin}) is not a setting of jennie; see .env.example for all names")
            if value != "":
                values[field] = value
    if isinstance(values.get("telegram_chat_ids"), str):
        values["telegram_chat_ids"] = tuple(
            part.strip() for part in values["telegram_chat_ids"].split(",") if part.strip()
        )
    values.update({key: value for key, value in overrides.items() if value is not None})
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(_describe(error)) from error
    _check_live(settings)
    return settings


def given_variables(environment: Mapping[str, str] | None = None, env_file: Path | None = None) -> dict[str, str]:
    """Every `JENNIE_*` variable as given, the environment before `.env`: what a stack's processes inherit."""
    environment = os.environ if environment is None else environment
    sources = {**read_env_file(Path(".env") if env_file is None else env_file), **environment}
    return {name: value for name, value in sources.items() if name.startswith(PREFIX) and value != ""}


def generated_secret(settings: Settings, name: str) -> str:
    """A random secret of this installation, made once and kept in a file of mode 0600."""
    path = settings.secrets_dir / name
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(path, secrets.token_urlsafe(32), exclusive=True)
    return path.read_text().strip()


def write_private(path: Path, text: str, *, exclusive: bool = False) -> None:
    """Write a file of mode 0600 in one step; with `exclusive`, the first writer wins."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    if exclusive:
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
    else:
        temporary.replace(path)


def _check_live(settings: Settings) -> None:
    if settings.mode is Mode.LIVE and settings.live_trading != LIVE_CONFIRMATION:
        raise SettingsError(f"{PREFIX}MODE=live needs {PREFIX}LIVE_TRADING={LIVE_CONFIRMATION}; refusing to start")


def _describe(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    name = PREFIX + str(first["loc"][0]).upper() if first["loc"] else "settings"
    return f"{name}: {first['msg'].removeprefix('Value error, ')}; see .env.example for what it may be"


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return str(error).splitlines()[0]
