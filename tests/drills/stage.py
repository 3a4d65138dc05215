"""What a drill finds when it begins: a ledger with one carried holding, and the conditions that let buys pass."""

import atexit
import shutil
import tempfile
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from sqlalchemy import Engine, insert
from sqlalchemy.engine import make_url

from jennie_core.domain.base import KST
from jennie_core.domain.enums import IntradayRiskLevel, MarketRegime
from jennie_core.domain.macro import IntradayRisk, TradingContext
from jennie_core.domain.permit import TradingPermit
from jennie_core.strategy.accounting import AdjustmentKind
from jennie_infra import permit
from jennie_infra.bus.cache import put
from jennie_infra.bus.connect import AsyncRedis
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.db.engine import make_engine
from jennie_infra.db.ledger import DailyAssetSnapshot
from jennie_infra.db.repositories import positions
from jennie_infra.db.schema import upgrade
from jennie_infra.permit import permit_key
from jennie_infra.settings import Settings
from tests.drills.exchange import CASH_KRW, HELD, HELD_AVERAGE_KRW, HELD_SHARES
from tests.integration.desk_rig import DAY, WATCHLIST

BASE_KRW = 70_000
OVERRIDES = """[risk]
max_buys_per_day = 40
max_positions = 40
"""
"""Only counts are lifted, so that one rig can hold many orders."""


def open_ledger(settings: Settings, now: datetime) -> Engine:
    """The ledger of a drill with its carried holding and yesterday's closing equity."""
    url = settings.effective_ledger_url
    if url.startswith("sqlite"):
        shutil.copy(_migrated(), make_url(url).database or "")
    engine = make_engine(url, durable=True)
    upgrade("ledger", engine)
    _carry(engine, now)
    return engine


@cache
def _migrated() -> Path:
    """A ledger file with its tables, made once per test process."""
    folder = Path(tempfile.mkdtemp(prefix="jennie-drills-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "ledger.db"
    engine = make_engine(f"sqlite:///{path}", durable=False)
    upgrade("ledger", engine)
    engine.dispose()
    return path


def _carry(engine: Engine, now: datetime) -> None:
    equity = CASH_KRW + HELD_SHARES * BASE_KRW
    with engine.begin() as connection:
        positions.adjust(
            connection,
            positions.Adjustment(
                adjustment_id="carried",
                stock_code=HELD,
                stock_name="연습99",
                kind=AdjustmentKind.CARRIED,
                quantity=HELD_SHARES,
                price_krw=float(HELD_AVERAGE_KRW),
                detail="held before the drill",
                effective_at=now - timedelta(days=2),
                sector_group="held",
                bought_on=DAY - timedelta(days=2),
            ),
        )
        connection.execute(
            insert(DailyAssetSnapshot).values(
                snapshot_date=DAY - timedelta(days=1),
                run_id="carried",
                total_asset_krw=equity,
                cash_krw=CASH_KRW,
                stock_evaluation_krw=equity - CASH_KRW,
                unrealized_pnl_krw=HELD_SHARES * (BASE_KRW - HELD_AVERAGE_KRW),
                realized_pnl_krw=0,
                fees_krw=0,
                taxes_krw=0,
                position_count=1,
                is_active=True,
                known_at=now - timedelta(days=1),
            )
        )


async def publish_conditions(redis: AsyncRedis, settings: Settings) -> None:
    """Permit, regime and throttle as data plane and monitor leave them."""
    early = datetime.combine(DAY, datetime.min.time(), KST) + timedelta(hours=8, minutes=30)
    document = TradingPermit(
        mode=settings.mode,
        account_hash=settings.account_hash,
        market_day=DAY,
        watchlist_version=WATCHLIST,
        settings_hash=settings.trading().settings_hash(),
        granted=True,
        reasons=(),
        issued_at=early,
        expires_at=early + timedelta(hours=6, minutes=50),
    )
    await put(redis, RedisKeys.PERMIT_TRADING, permit.sign(document, permit_key(settings)))
    regime = TradingContext(
        market_day=DAY,
        run_id="council-1",
        market_regime=MarketRegime.BULL,
        position_multiplier=1.0,
        stop_loss_multiplier=1.0,
        risk_off_level=0,
        known_at=early,
        expires_at=early + timedelta(hours=7),
    )
    await put(redis, RedisKeys.REGIME_CURRENT, regime)
    risk = IntradayRisk(
        level=IntradayRiskLevel.NORMAL, position_multiplier=1.0, known_at=early, expires_at=regime.expires_at
    )
    await put(redis, RedisKeys.RISK_INTRADAY, risk)
