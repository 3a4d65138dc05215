"""The rehearsal's rig: secrets, stores with the carried holdings, exchange and workers of one run folder."""

import sys
from datetime import date, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert

from jennie_cli.exchange_admin import ExchangeAdmin
from jennie_cli.market import Credentials, PreparedMarket
from jennie_cli.places import RunFolder
from jennie_cli.stack import MODULES, TRADING_WORKERS, Program, Stack, random_key, require_free_ports, worker_programs
from jennie_core.krx.calendar import KrxCalendar
from jennie_core.krx.sessions import session_times
from jennie_core.strategy.accounting import AdjustmentKind
from jennie_infra.db.engine import make_engine
from jennie_infra.db.ledger import DailyAssetSnapshot
from jennie_infra.db.repositories import positions
from jennie_infra.db.schema import claim_stamp, upgrade
from jennie_infra.embedded.valkey import ValkeyConfig, server_argv
from jennie_infra.permit import permit_key
from jennie_infra.settings import Settings, generated_secret, load_settings, write_private

ADMIN_TOKEN = "sim_admin_token"
READY_SECONDS = 180.0
"""A worker starts within seconds; on a machine that does ten other things it may take a minute and more."""
CARRIED_RUN = "carried"
RECORDS_PER_FRAME = 20
"""The exchange bundles trade records, as the broker does in a busy market; fewer frames make a rehearsal faster."""


class Rig:
    """Everything of one rehearsal that runs or is stored."""

    def __init__(self, folder: RunFolder, settings: Settings, credentials: Credentials) -> None:
        self.folder = folder
        self.settings = settings
        self.credentials = credentials
        self.stack = Stack(folder, settings, [], {})

    @property
    def supervisor_pid(self) -> int | None:
        """Process id of supervisord once started."""
        return self.stack.pid if self.stack.was_started else None

    def require_ports(self) -> None:
        """Raise UserError when a port is taken."""
        require_free_ports(self.settings, [*MODULES, "sim", "sim-admin"])

    def with_market(self, market: PreparedMarket) -> Settings:
        """Settings that know the prepared market folder."""
        self.settings = self.settings.model_copy(
            update={"market_data": market.market_folder, "simulated_prices": market.simulated}
        )
        return self.settings

    def make_stores(self, market: PreparedMarket) -> None:
        """Both schemas, the stamps, the carried holdings and yesterday's equity."""
        stamp = f"{self.settings.mode.value}/{self.settings.account_hash}"
        permit_key(self.settings)
        ledger = make_engine(self.settings.effective_ledger_url, durable=True)
        bulk = make_engine(self.settings.effective_market_url, durable=False)
        try:
            upgrade("ledger", ledger)
            upgrade("market", bulk)
            claim_stamp("ledger", ledger, stamp)
            claim_stamp("market", bulk, stamp)
            with ledger.begin() as connection:
                for item in market.carried:
                    positions.adjust(
                        connection,
                        positions.Adjustment(
                            adjustment_id=f"{CARRIED_RUN}:{market.day}:{item.code}",
                            stock_code=item.code,
                            stock_name=item.name,
                            kind=AdjustmentKind.CARRIED,
                            quantity=item.quantity,
                            price_krw=float(item.price_krw),
                            detail=f"opened on an earlier session by {'score' if item.taken_by_score else 'the rules'}",
                            effective_at=_close_of(item.bought_on),
                            sector_group=item.sector_group,
                            bought_on=item.bought_on,
                        ),
                    )
                previous = KrxCalendar.shipped().previous_session(market.day)
                connection.execute(
                    insert(DailyAssetSnapshot).values(
                        snapshot_date=previous,
                        run_id=CARRIED_RUN,
                        total_asset_krw=market.previous_equity_krw,
                        cash_krw=market.cash_krw,
                        stock_evaluation_krw=market.previous_equity_krw - market.cash_krw,
                        unrealized_pnl_krw=market.previous_equity_krw - market.start_equity_krw,
                        realized_pnl_krw=0,
                        fees_krw=0,
                        taxes_krw=0,
                        position_count=len(market.carried),
                        is_active=True,
                        known_at=_close_of(previous),
                    )
                )
        finally:
            ledger.dispose()
            bulk.dispose()

    def start(self, programs: list[Program] | None = None) -> None:
        """Start store, exchange and workers (or the given programs) under the supervisor."""
        self.stack = Stack(self.folder, self.settings, programs or self.programs(), environment_of(self.settings))
        self.stack.start()

    def admin(self) -> ExchangeAdmin:
        """Line to the exchange's admin port."""
        self.stack.wait_port("sim-admin", READY_SECONDS)
        return ExchangeAdmin(self.settings.port("sim-admin"), generated_secret(self.settings, ADMIN_TOKEN))

    def wait_ready(self) -> None:
        """Wait until the trading workers are reachable; before the first mark they may call themselves starting."""
        self.stack.wait_healthy(TRADING_WORKERS, READY_SECONDS, accept=(200, 503))

    def stop(self) -> None:
        """Ordered stop, also of a start that was cut short."""
        self.stack.stop()

    def programs(self) -> list[Program]:
        """Store, exchange and the seven workers."""
        redis = Program("redis", tuple(server_argv(ValkeyConfig(directory=self.folder.home))), 10)
        token_file = self.folder.secrets / ADMIN_TOKEN
        generated_secret(self.settings, ADMIN_TOKEN)
        exchange = Program(
            "sim",
            (
                sys.executable,
                "-m",
                "jennie_sim",
                "--pack",
                str(self.folder.exchange),
                "--port",
                str(self.settings.port("sim")),
                "--admin-port",
                str(self.settings.port("sim-admin")),
                "--admin-token-file",
                str(token_file),
                "--slice-seconds",
                str(self.settings.slice_seconds),
                "--records-per-frame",
                str(RECORDS_PER_FRAME),
            ),
            20,
            self.settings.port("sim"),
        )
        return [redis, exchange, *worker_programs(self.settings)]


def environment_of(settings: Settings) -> dict[str, str]:
    """The variables that give a process these settings; secrets stay in files."""
    names = {
        "JENNIE_MODE": settings.mode.value,
        "JENNIE_HOME": str(settings.state_dir),
        "JENNIE_VAR_DIR": str(settings.var_dir.resolve()),
        "JENNIE_PORT_BASE": str(settings.port_base),
        "JENNIE_SLICE_SECONDS": str(settings.slice_seconds),
        "JENNIE_LOG_LEVEL": settings.log_level,
        "JENNIE_MARKET_DAY": settings.market_day or "",
        "JENNIE_MARKET_DATA": "" if settings.market_data is None else str(settings.market_data),
        "JENNIE_FAIL_CHECK": settings.fail_check or "",
        "JENNIE_SETTINGS_FILE": "" if settings.settings_file is None else str(settings.settings_file.resolve()),
        "JENNIE_SIMULATED_PRICES": "true" if settings.simulated_prices else "",
        "JENNIE_SENSORS": "true" if settings.sensors else "",
        "JENNIE_HALT_BLOCKS_EXITS": "true" if settings.halt_blocks_exits else "",
    }
    return {name: value for name, value in names.items() if value}


def build_rig(folder: RunFolder, *, day: date, port_base: int, market_data: Path | None, fail_check: str | None) -> Rig:
    """Make the secrets of a rehearsal and its settings; nothing is started."""
    credentials = Credentials(
        account_number=f"{int(random_key(7), 16) % 10**8:08d}01",
        app_key=random_key(36),
        app_secret=random_key(180),
        hts_id="jennie",
    )
    for name, value in (
        ("kis_app_key", credentials.app_key),
        ("kis_app_secret", credentials.app_secret),
        ("kis_account", credentials.account_number),
        ("kis_hts_id", credentials.hts_id),
    ):
        write_private(folder.secrets / name, value)
    settings = load_settings(
        mode="rehearsal",
        home=folder.home,
        port_base=port_base,
        market_day=day.isoformat(),
        market_data=market_data,
        fail_check=fail_check,
    )
    return Rig(folder, settings, credentials)


def _close_of(day: date) -> datetime:
    return session_times(day).close_at + timedelta(minutes=1)
