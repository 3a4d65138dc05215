"""The rig of the drills: store, exchange, gateway and executors as processes; the test stands for scanner and monitor.

The judge is the exchange's own ledger: I1 and I2 compare our records with its, never ours with ours.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from typing import Any

import httpx
import psutil
from redis.exceptions import RedisError
from sqlalchemy import Engine, insert, select

from jennie_cli.errors import UserError
from jennie_cli.exchange_admin import ExchangeAdmin
from jennie_cli.report.ledger_facts import costs, read_facts
from jennie_cli.report.model import Reconciliation
from jennie_cli.report.reconcile import reconcile
from jennie_core.domain.base import KST, to_epoch_us
from jennie_core.domain.enums import IntradayRiskLevel, MarketRegime, OrderState, SellReason
from jennie_core.domain.macro import IntradayRisk, TradingContext
from jennie_core.domain.market import ClockMark
from jennie_core.domain.permit import TradingPermit
from jennie_core.domain.signals import BuySignal, SellOrder
from jennie_infra import permit
from jennie_infra.bus.cache import put
from jennie_infra.bus.connect import AsyncRedis, connect
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.bus.streams import Streams, StreamWriter, decode_watermark
from jennie_infra.db.engine import make_engine
from jennie_infra.db.ledger import DailyAssetSnapshot
from jennie_infra.db.repositories import positions
from jennie_infra.db.repositories.accounting import AdjustmentKind
from jennie_infra.db.repositories.tables import INTENT, PORTFOLIO, SIGNAL_LOG
from jennie_infra.db.schema import upgrade
from jennie_infra.embedded.valkey import ValkeyConfig, server_argv
from jennie_infra.permit import permit_key
from jennie_infra.settings import Settings, generated_secret, load_settings
from tests.drills.exchange import CASH_KRW, HELD, HELD_AVERAGE_KRW, HELD_SHARES, START
from tests.integration.desk_rig import DAY, WATCHLIST, buy_signal, sell_order

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_SECONDS = 60.0
NUDGE_SECONDS = 1.0
SLICE = timedelta(seconds=5)
MODULES = {
    "kis-gateway": "jennie_live.gateway",
    "buy-executor": "jennie_live.buy_executor",
    "sell-executor": "jennie_live.sell_executor",
}
EXECUTORS = ("buy-executor", "sell-executor")
TOKEN = "drill_admin_token"
BASE_KRW = 70_000
OVERRIDES = """[risk]
max_buys_per_day = 40
max_positions = 40
"""
"""Only counts are lifted, so that one rig can hold many orders."""


class Exchange(ExchangeAdmin):
    """The admin port, with what the drills need beside."""

    def trade_by_hand(self, code: str, side: str, quantity: int) -> dict[str, Any]:
        """What somebody does in the broker's own app."""
        return self._call("POST", "/admin/external-trade", {"code": code, "side": side, "quantity": quantity})


class Rig:
    """Processes, market time and ledgers of one drill."""

    def __init__(self, home: Path, port_base: int) -> None:
        self.home = home
        home.mkdir(exist_ok=True, mode=0o700)
        (home / "overrides.toml").write_text(OVERRIDES)
        self.environment = {
            "JENNIE_MODE": "rehearsal",
            "JENNIE_HOME": str(home),
            "JENNIE_PORT_BASE": str(port_base),
            "JENNIE_MARKET_DAY": DAY.isoformat(),
            "JENNIE_SETTINGS_FILE": str(home / "overrides.toml"),
            "JENNIE_LOG_LEVEL": "INFO",
        }
        self.settings: Settings = load_settings(self.environment, home / "absent.env")
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.now = datetime.combine(DAY, time_of_day.fromisoformat(START), KST)
        self._seen: dict[str, datetime] = {}
        self._cursor = "0-0"
        generated_secret(self.settings, TOKEN)
        self.engine: Engine = make_engine(self.settings.effective_ledger_url, durable=True)
        upgrade("ledger", self.engine)
        with self.engine.begin() as connection:
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
                    effective_at=self.now - timedelta(days=2),
                    sector_group="held",
                    bought_on=DAY - timedelta(days=2),
                ),
            )
            equity = CASH_KRW + HELD_SHARES * BASE_KRW
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
                    known_at=self.now - timedelta(days=1),
                )
            )
        self.redis: AsyncRedis = connect(self.settings.effective_redis_url)
        self.admin = Exchange(self.settings.port("sim-admin"), generated_secret(self.settings, TOKEN))

    # ---- processes ------------------------------------------------------------------------------

    def spawn(self, name: str, command: list[str], **environment: str) -> None:
        """Start one process; its output goes to a log beside the ledger."""
        with (self.home / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command,
                cwd=ROOT,
                env={
                    **{key: value for key, value in os.environ.items() if not key.startswith("JENNIE_")},
                    **self.environment,
                    **environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def start(self, name: str, process: str | None = None, **environment: str) -> None:
        """Start a worker, or a second one of its kind under another name."""
        self.spawn(process or name, [sys.executable, "-m", MODULES[name]], **environment)

    def start_redis(self) -> None:
        """Start the store on the data that is there."""
        self.spawn("redis", server_argv(ValkeyConfig(self.home)))

    def start_exchange(self) -> None:
        """Start the exchange on its tape."""
        port, admin_port = self.settings.port("sim"), self.settings.port("sim-admin")
        token = self.settings.secrets_dir / TOKEN
        self.spawn("sim", [sys.executable, "-m", "tests.drills.exchange", str(port), str(admin_port), str(token)])

    def forget_watermarks(self) -> None:
        """The streams begin anew."""
        self._cursor = "0-0"
        self._seen.clear()

    def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        """End a process and return its exit code."""
        process = self.processes.pop(name)
        process.send_signal(number)
        return process.wait(30)

    async def died(self, name: str) -> int:
        """Wait until a process ended by itself; returns its exit code."""
        process = self.processes[name]
        await self.until(lambda: process.poll() is not None, f"{name} ends")
        del self.processes[name]
        return process.returncode

    def log(self, name: str) -> str:
        """The end of a process's output."""
        path = self.home / f"{name}.log"
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""

    async def open(self) -> None:
        """Everything up, reconciled and healthy, five seconds into the drill's market time."""
        self.start_redis()
        self.start_exchange()
        await self.until_async(self.redis_answers, "redis")
        self.start("kis-gateway")
        for name in EXECUTORS:
            self.start(name)
        await self.until(lambda: self.exchange_state() is not None, "the exchange")
        await self.until(lambda: bool(self.health("kis-gateway").get("detail", {}).get("feed_connected")), "the feed")
        await self.publish_conditions()
        await self.slices(2)
        for name in EXECUTORS:
            await self.until(lambda name=name: self.health(name).get("status") == "healthy", f"{name} healthy")

    async def close(self) -> None:
        """End every process that the rig started."""
        for name in reversed(list(self.processes)):
            with contextlib.suppress(ProcessLookupError):
                self.processes[name].send_signal(signal.SIGCONT)
                self.processes[name].terminate()
        _, alive = psutil.wait_procs([psutil.Process(each.pid) for each in self.processes.values()
                                      if each.poll() is None], timeout=15)  # fmt: skip
        for left in alive:
            left.kill()
        for process in self.processes.values():
            process.wait(10)
        await self.redis.aclose()
        self.engine.dispose()

    # ---- looking --------------------------------------------------------------------------------

    def health(self, name: str) -> dict[str, Any]:
        """/health of a worker; empty while it does not answer."""
        try:
            answer: dict[str, Any] = httpx.get(f"{self.settings.url(name)}/health", timeout=3).json()
        except (httpx.HTTPError, ValueError):
            return {}
        return answer

    def exchange_state(self) -> dict[str, Any] | None:
        """/admin/state; None while the exchange does not answer."""
        try:
            return self.admin.state()
        except UserError:
            return None

    async def redis_answers(self) -> bool:
        try:
            return bool(await self.redis.ping())
        except (RedisError, OSError):
            return False

    def rows(self, table: Any, **equal: Any) -> list[dict[str, Any]]:
        """Rows of our ledger."""
        statement = select(table)
        for name, value in equal.items():
            statement = statement.where(table.c[name] == value)
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(statement).mappings()]

    def intents(self, **equal: Any) -> list[dict[str, Any]]:
        """Our intents."""
        return self.rows(INTENT, **equal)

    def state(self, code: str) -> str:
        """State of the only intent of a code; fails with the refusal when there is none."""
        found = self.intents(stock_code=code)
        assert len(found) == 1, f"{len(found)} intents of {code}; signals: {self.signals(stock_code=code)}"
        state: str = found[0]["state"]
        return state

    def unresolved(self, side: str) -> list[str]:
        """Intents of a side whose end is not known."""
        return [row["intent_id"] for row in self.intents(side=side) if not OrderState(row["state"]).is_terminal]

    def signals(self, **equal: Any) -> list[tuple[str, str | None]]:
        """(outcome, rule) of the signals."""
        return [(row["outcome"], row["refusal_rule"]) for row in self.rows(SIGNAL_LOG, **equal)]

    def ours(self) -> dict[str, tuple[int, int]]:
        """(managed, external) shares of our ledger."""
        return {row["stock_code"]: (row["quantity"], row["external_quantity"]) for row in self.rows(PORTFOLIO)}

    def orders(self, code: str, action: str = "new") -> list[dict[str, Any]]:
        """Orders of a code in the exchange's ledger."""
        return [row for row in self.admin.ledger()["orders"] if row["code"] == code and row["action"] == action]

    def theirs(self) -> dict[str, int]:
        """Shares in the exchange's ledger."""
        return {row["code"]: row["quantity"] for row in self.admin.ledger()["accounts"][0]["holdings"]}

    def agree(self) -> Reconciliation:
        """I1 and I2: our ledger against the exchange's, to the share and the won."""
        with self.engine.connect() as connection:
            facts = read_facts(connection, DAY)
            fees, taxes = costs(connection, DAY)
        numbers = [row["order_number"] for row in facts.intents if row["order_number"]]
        assert len(numbers) == len(set(numbers)), "I1: one order of the broker stands for two intents"
        return reconcile(facts, self.admin.ledger(), start_cash_krw=CASH_KRW, fees_krw=fees, taxes_krw=taxes)

    # ---- market time and messages ---------------------------------------------------------------

    async def slice(self, *waits_for: str, passed: timedelta = SLICE) -> None:
        """One slice: the exchange advances, the gateway marks, scanner and monitor (we) pass the mark on."""
        self.now += passed
        self.admin.advance(self.now)
        await self._passed("kis-gateway")
        await self._pass_mark_on()
        for name in waits_for or EXECUTORS:
            await self._passed(name)

    async def _pass_mark_on(self) -> None:
        """What scanner and monitor do with every settled mark, also with one that comes again."""
        mark = ClockMark(to_epoch_us(self.now), settled=True)
        for stream in (Streams.BUY_SIGNALS, Streams.SELL_ORDERS):
            await StreamWriter(self.redis, stream).publish_mark(mark)

    async def slices(self, count: int, *waits_for: str) -> None:
        """Several slices."""
        for _ in range(count):
            await self.slice(*waits_for)

    async def slices_until(self, condition: Callable[[], Any], what: str, at_most: int = 40) -> None:
        """Let market time pass until a condition holds."""
        for _ in range(at_most):
            if condition():
                return
            await self.slice()
        raise AssertionError(f"not within {at_most} slices: {what}; {self.agree().differences}; {self.intents()}")

    async def _passed(self, name: str) -> None:
        deadline, nudged = time.monotonic() + DEADLINE_SECONDS, time.monotonic()
        while name not in self._seen or self._seen[name] < self.now:
            reply: Any = await self.redis.xrange(Streams.WATERMARKS.value, min=f"({self._cursor}")
            for entry_id, fields in reply:
                self._cursor = entry_id.decode()
                service, when = decode_watermark(fields)
                self._seen[service] = when
            if time.monotonic() - nudged > NUDGE_SECONDS:
                self.admin.advance(self.now)
                if name != "kis-gateway":
                    await self._pass_mark_on()
                nudged = time.monotonic()
            if time.monotonic() > deadline:
                raise AssertionError(f"{name} does not pass {self.now:%H:%M:%S}: {self.log(name)}")
            await asyncio.sleep(0.005)

    async def signal(self, code: str, **changes: Any) -> BuySignal:
        """Publish one buy signal of this instant."""
        made = self.make_signal(code, **changes)
        await StreamWriter(self.redis, Streams.BUY_SIGNALS).publish(made, made.signalled_at)
        return made

    def make_signal(self, code: str, **changes: Any) -> BuySignal:
        """A buy signal one second into the coming slice."""
        values: dict[str, Any] = {
            "stock_code": code,
            "stock_name": f"연습{code[-2:]}",
            "signal_price_krw": BASE_KRW,
            "atr_krw": 1_400.0,
            "sector_group": f"S{code[-2:]}",
            "signal_id": f"sig-{code}-{to_epoch_us(self.now)}",
        }
        return buy_signal(self.now + timedelta(seconds=1), **{**values, **changes})

    async def sell(self, code: str, quantity: int, **changes: Any) -> SellOrder:
        """Publish one exit of this instant, as the monitor would."""
        values: dict[str, Any] = {
            "stock_code": code,
            "stock_name": f"연습{code[-2:]}",
            "trigger_price_krw": BASE_KRW,
            "quantity": quantity,
            "sell_reason": SellReason.STOP_LOSS,
            "order_id": f"exit-{code}-{to_epoch_us(self.now)}",
        }
        made = sell_order(self.now + timedelta(seconds=1), **{**values, **changes})
        await StreamWriter(self.redis, Streams.SELL_ORDERS).publish(made, made.raised_at)
        return made

    async def publish_conditions(self) -> None:
        """Permit, regime and throttle as data plane and monitor leave them."""
        early = datetime.combine(DAY, datetime.min.time(), KST) + timedelta(hours=8, minutes=30)
        document = TradingPermit(
            mode=self.settings.mode,
            account_hash=self.settings.account_hash,
            market_day=DAY,
            watchlist_version=WATCHLIST,
            settings_hash=self.settings.trading().settings_hash(),
            granted=True,
            reasons=(),
            issued_at=early,
            expires_at=early + timedelta(hours=6, minutes=50),
        )
        await put(self.redis, RedisKeys.PERMIT_TRADING, permit.sign(document, permit_key(self.settings)))
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
        await put(self.redis, RedisKeys.REGIME_CURRENT, regime)
        risk = IntradayRisk(
            level=IntradayRiskLevel.NORMAL, position_multiplier=1.0, known_at=early, expires_at=regime.expires_at
        )
        await put(self.redis, RedisKeys.RISK_INTRADAY, risk)

    # ---- waiting --------------------------------------------------------------------------------

    async def until(self, condition: Callable[[], Any], what: str) -> None:
        """Wait in real time, market time standing still."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                logs = "\n".join(f"--- {name}\n{self.log(name)}" for name in self.processes)
                raise AssertionError(f"never: {what}\n{logs}")
            await asyncio.sleep(0.02)

    async def until_async(self, condition: Callable[[], Any], what: str) -> None:
        """Wait for an asynchronous condition."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not await condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"never: {what}")
            await asyncio.sleep(0.02)

    def secrets_in_logs(self) -> list[str]:
        """Drill 39: secrets that appear in a log."""
        known: Iterable[tuple[str, str]] = (
            (path.name, path.read_text().strip()) for path in self.settings.secrets_dir.iterdir() if path.is_file()
        )
        texts = {path.name: path.read_text(errors="replace") for path in self.home.glob("*.log")}
        return [f"{name} in {log}" for name, secret in known for log, text in texts.items() if secret in text]


@asynccontextmanager
async def running_rig(home: Path, port_base: int) -> AsyncIterator[Rig]:
    """A rig that trades; at the end nothing of it runs and no secret stands in a log."""
    rig = Rig(home, port_base)
    try:
        await rig.open()
        yield rig
        assert rig.secrets_in_logs() == []
    finally:
        await rig.close()
        shutil.rmtree(home, ignore_errors=True)
