"""The two chains of the tick-to-order bench: the real workers with all that they read, and the bare roles."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import insert

from bench.processes import Children, free_port, listens
from jennie_core.domain.base import KST
from jennie_core.domain.enums import IntradayRiskLevel, MarketRegime, Mode, RiskTag, SectorTier, TradeTier
from jennie_core.domain.macro import IntradayRisk, SectorAllowance, SectorBudget, TradingContext
from jennie_core.domain.permit import TradingPermit
from jennie_core.domain.watchlist import HotWatchlist, WatchlistEntry
from jennie_core.krx.calendar import KrxCalendar
from jennie_infra.bus.cache import put_sync
from jennie_infra.bus.connect import connect_sync
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.db.engine import make_engine
from jennie_infra.db.ledger import DailyAssetSnapshot
from jennie_infra.db.schema import claim_stamp, upgrade
from jennie_infra.embedded.valkey import ValkeyConfig, server_argv
from jennie_infra.kis.credentials import (
    REHEARSAL_ACCOUNT,
    REHEARSAL_APP_KEY,
    REHEARSAL_APP_SECRET,
    REHEARSAL_HTS_ID,
)
from jennie_infra.permit import permit_key, sign
from jennie_infra.settings import Settings, load_settings
from jennie_sim.market.generate import generate_market
from jennie_sim.market.pack import PackAccount
from jennie_sim.market.write_pack import write_pack

DAY = date(2025, 6, 27)
SEED = 7
LISTED = 120
CASH_KRW = 100_000_000_000
SECTORS = 20
LIMITS = Path(__file__).with_name("limits.toml")
WORKERS = {"kis-gateway": "gateway", "buy-scanner": "scanner", "buy-executor": "buy_executor"}
RUN_ID = "bench"


def make_pack(folder: Path) -> None:
    """A session pack of the generated market with an account that no bench can empty."""
    made = generate_market(None, SEED, DAY, codes=LISTED)
    account = PackAccount(
        account_number=REHEARSAL_ACCOUNT,
        hts_id=REHEARSAL_HTS_ID,
        app_key=REHEARSAL_APP_KEY,
        app_secret=REHEARSAL_APP_SECRET,
        cash_krw=CASH_KRW,
    )
    write_pack(
        folder,
        day=DAY,
        seed=SEED,
        source="generated",
        simulated=True,
        listing=made.listing,
        session=made.session,
        history=made.daily,
        index=made.index,
        accounts=[account],
    )


def free_port_base() -> int:
    """A port base at which the three workers find their ports free."""
    for base in range(30_000, 50_000, 100):
        if not any(listens(port + base) for port in (8080, 8081, 8082)):
            return base
    raise RuntimeError("no free port base between 30000 and 50000")


class RealChain:
    """The stack of one bench run below `folder`."""

    def __init__(self, folder: Path, exchange_port: int, children: Children) -> None:
        self._children = children
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._environment = {
            "JENNIE_MODE": Mode.REHEARSAL.value,
            "JENNIE_HOME": str(folder),
            "JENNIE_PORT_BASE": str(free_port_base()),
            "JENNIE_KIS_REST_URL": f"http://127.0.0.1:{exchange_port}",
            "JENNIE_KIS_WS_URL": f"ws://127.0.0.1:{exchange_port}/tryitout",
            "JENNIE_MARKET_DAY": DAY.isoformat(),
            "JENNIE_SLICE_SECONDS": "60",
            "JENNIE_SETTINGS_FILE": str(LIMITS),
            "JENNIE_LOG_LEVEL": "WARNING",
        }
        self.settings: Settings = load_settings(self._environment, env_file=folder / "none.env")
        self.names: Sequence[str] = tuple(WORKERS)

    def start(self, codes: list[str], prices: list[int]) -> None:
        """Store, ledger, published values and workers; returns when the gateway is connected."""
        folder = self.settings.state_dir
        self._children.start("valkey-real", server_argv(ValkeyConfig(folder)))
        redis = connect_sync(self.settings.effective_redis_url)
        self._children.wait("valkey-real", lambda: (folder / "redis.sock").exists())
        self._make_ledger()
        self._publish(redis, codes, prices)
        redis.close()
        for name, module in WORKERS.items():
            self._children.python(name, f"jennie_live.{module}", environment=self._environment)
        for name in WORKERS:
            self._children.wait(name, lambda name=name: listens(self.settings.port(name)))  # type: ignore[misc]
        self._children.wait("kis-gateway", lambda: bool(self.health("kis-gateway")["detail"]["feed_connected"]))

    def health(self, name: str) -> dict[str, Any]:
        """A worker's own account of itself."""
        answer: dict[str, Any] = httpx.get(f"{self.settings.url(name)}/health", timeout=10).json()
        return answer

    def _make_ledger(self) -> None:
        ledger = make_engine(self.settings.effective_ledger_url, durable=True)
        try:
            upgrade("ledger", ledger)
            claim_stamp("ledger", ledger, f"{self.settings.mode.value}/{self.settings.account_hash}")
            with ledger.begin() as connection:
                connection.execute(
                    insert(DailyAssetSnapshot).values(
                        snapshot_date=KrxCalendar.shipped().previous_session(DAY),
                        run_id=RUN_ID,
                        total_asset_krw=CASH_KRW,
                        cash_krw=CASH_KRW,
                        stock_evaluation_krw=0,
                        unrealized_pnl_krw=0,
                        realized_pnl_krw=0,
                        fees_krw=0,
                        taxes_krw=0,
                        position_count=0,
                        is_active=True,
                        known_at=_at(8),
                    )
                )
        finally:
            ledger.dispose()

    def _publish(self, redis: Any, codes: list[str], prices: list[int]) -> None:
        known, ends = _at(8), _at(20)
        entries = tuple(
            WatchlistEntry(
                code=code,
                name=code,
                rank=rank,
                sector_group=f"sector {rank % SECTORS}",
                quant_score=80,
                llm_score=60,
                hybrid_score=80,
                coverage_ratio=1,
                is_tradable=True,
                trade_tier=TradeTier.TIER1,
                risk_tag=RiskTag.NEUTRAL,
                previous_close_krw=price,
                atr_krw=price * 0.02,
                first_listed_on=DAY,
                scored_at=known,
            )
            for rank, (code, price) in enumerate(zip(codes, prices, strict=True), start=1)
        )
        watchlist = HotWatchlist(
            version=RUN_ID,
            run_id=RUN_ID,
            market_day=DAY,
            market_regime=MarketRegime.BULL,
            entries=entries,
            known_at=known,
            expires_at=ends,
        )
        context = TradingContext(
            market_day=DAY,
            run_id=RUN_ID,
            market_regime=MarketRegime.BULL,
            position_multiplier=1,
            stop_loss_multiplier=1,
            risk_off_level=0,
            known_at=known,
            expires_at=ends,
        )
        risk = IntradayRisk(level=IntradayRiskLevel.NORMAL, position_multiplier=1, known_at=known, expires_at=ends)
        sectors = {
            f"sector {number}": SectorAllowance(
                sector_group=f"sector {number}", tier=SectorTier.HOT, watchlist_cap=40, portfolio_cap=40
            )
            for number in range(SECTORS)
        }
        budget = SectorBudget(run_id=RUN_ID, market_day=DAY, sectors=sectors, known_at=known, expires_at=ends)
        permit = TradingPermit(
            mode=self.settings.mode,
            account_hash=self.settings.account_hash,
            market_day=DAY,
            watchlist_version=RUN_ID,
            settings_hash=self.settings.trading().settings_hash(),
            granted=True,
            issued_at=known,
            expires_at=ends,
        )
        put_sync(redis, RedisKeys.WATCHLIST_ACTIVE, watchlist)
        put_sync(redis, RedisKeys.REGIME_CURRENT, context)
        put_sync(redis, RedisKeys.RISK_INTRADAY, risk)
        put_sync(redis, RedisKeys.SECTOR_BUDGET, budget)
        put_sync(redis, RedisKeys.PERMIT_TRADING, sign(permit, permit_key(self.settings)))


class BareChain:
    """The processes of `bench.bare` with a Redis and a ledger of their own."""

    names: Sequence[str] = ("bare-gateway", "bare-strategy", "bare-executor")

    def __init__(self, folder: Path, exchange_port: int, children: Children) -> None:
        self._folder = folder
        self._exchange_port = exchange_port
        self._children = children

    def start(self) -> None:
        """Start store and roles; returns when all listen."""
        folder = self._folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        config = ValkeyConfig(folder, port=free_port())
        self._children.start("valkey-bare", server_argv(config))
        self._children.wait("valkey-bare", lambda: listens(config.port or 0))
        ledger = f"sqlite:///{folder / 'ledger.db'}"
        engine = make_engine(ledger, durable=True)
        upgrade("ledger", engine)
        engine.dispose()
        ports = {name: free_port() for name in self.names}
        for name in self.names:
            environment = {
                "BARE_PORT": str(ports[name]),
                "BARE_EXCHANGE": f"http://127.0.0.1:{self._exchange_port}",
                "BARE_GATEWAY": f"http://127.0.0.1:{ports['bare-gateway']}",
                "BARE_REDIS": config.url,
                "BARE_LEDGER": ledger,
            }
            self._children.python(name, "bench.bare", name.removeprefix("bare-"), environment=environment)
        for name in self.names:
            self._children.wait(name, lambda name=name: listens(ports[name]))  # type: ignore[misc]


def _at(hour: int) -> datetime:
    return datetime.combine(DAY, datetime.min.time(), KST) + timedelta(hours=hour)
