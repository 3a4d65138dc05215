"""The rig of the drills: store, exchange, gateway and executors as processes; the test stands for scanner and monitor.

The judge is the exchange's own ledger: I1 and I2 compare our records with its, never ours with ours. A drill that needs
other processes or another exchange makes its own rig: `running_rig(home, port_base, Rig)` with a subclass.
"""

import random
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from typing import Any

import httpx
from redis.exceptions import RedisError
from sqlalchemy import Engine

from jennie_core.domain.base import KST, to_epoch_us
from jennie_core.domain.enums import SellReason
from jennie_core.domain.orders import ExecutionNotice
from jennie_core.domain.signals import Alert, BuySignal, SellOrder
from jennie_infra.bus.connect import AsyncRedis, connect
from jennie_infra.bus.streams import Streams, StreamWriter, decode_entry
from jennie_infra.settings import Settings, generated_secret, load_settings
from tests.drills import invariants, stage
from tests.drills.books import Exchange
from tests.drills.exchange import START
from tests.drills.market_time import DEADLINE_SECONDS, EXECUTORS, SLICE
from tests.drills.processes import TOKEN, Processes
from tests.drills.recovery import Recovery
from tests.drills.stage import BASE_KRW
from tests.drills.watch import Watch, blocked_exits, made_up_values
from tests.integration.desk_rig import DAY, buy_signal, sell_order

__all__ = ["BASE_KRW", "DEADLINE_SECONDS", "EXECUTORS", "SLICE", "Exchange", "Rig", "running_rig"]

RECONCILED_WITHIN = timedelta(seconds=30)
"""I2: our books equal the broker's within this market time after a fault's end."""


class Rig(Processes):
    """Processes, market time and ledgers of one drill."""

    def __init__(self, home: Path, port_base: int, *, seed: int = 0, **environment: str) -> None:
        super().__init__()
        self.home = home
        home.mkdir(exist_ok=True, mode=0o700)
        (home / "overrides.toml").write_text(stage.OVERRIDES)
        self.environment = {
            "JENNIE_MODE": "rehearsal",
            "JENNIE_HOME": str(home),
            "JENNIE_PORT_BASE": str(port_base),
            "JENNIE_MARKET_DAY": DAY.isoformat(),
            "JENNIE_SETTINGS_FILE": str(home / "overrides.toml"),
            "JENNIE_LOG_LEVEL": "INFO",
            **environment,
        }
        self.settings: Settings = load_settings(self.environment, home / "absent.env")
        self.processes = {}
        self.now = datetime.combine(DAY, time_of_day.fromisoformat(START), KST)
        self.seed = seed
        self.random = random.Random(seed)
        self.recovery = Recovery()
        self.watch = Watch()
        self.published: list[str] = []
        generated_secret(self.settings, TOKEN)
        self.engine: Engine = stage.open_ledger(self.settings, self.now)
        self.redis: AsyncRedis = connect(self.settings.effective_redis_url)
        self._http = httpx.Client(timeout=20, trust_env=False, verify=False)
        self.admin = Exchange(self.settings.port("sim-admin"), generated_secret(self.settings, TOKEN))

    async def open(self) -> None:
        """Everything up, reconciled and healthy, ten seconds into the drill's market time."""
        self.start_redis()
        self.start_exchange()
        await self.until_async(self.redis_answers, "redis")
        for name in EXECUTORS:
            self.start(name)
        await self.until(lambda: self.exchange_state() is not None, "the exchange")
        self.start("kis-gateway")  # after the exchange: a token that is asked for in vain may be asked for in a minute
        await self.until(lambda: bool(self.health("kis-gateway").get("detail", {}).get("feed_connected")), "the feed")
        await self.publish_conditions()
        await self.slices(2)
        for name in EXECUTORS:
            await self.is_healthy(name)

    async def close(self) -> None:
        """End every process that the rig started."""
        self.end_all()
        self._http.close()
        await self.redis.aclose()
        self.engine.dispose()

    async def slice(self, *waits_for: str, passed: timedelta = SLICE) -> None:
        """One slice, and a look at both ledgers after it."""
        await super().slice(*waits_for, passed=passed)
        await self.watch.look(self, self.now, self.alerts)

    # ---- looking --------------------------------------------------------------------------------

    def health(self, name: str) -> dict[str, Any]:
        """/health of a worker; empty while it does not answer."""
        try:
            answer: dict[str, Any] = self._http.get(f"{self.settings.url(name)}/health").json()
        except (httpx.HTTPError, ValueError):
            return {}
        return answer

    async def is_healthy(self, name: str) -> None:
        """Wait until a worker says so."""
        await self.until(lambda: self.health(name).get("status") == "healthy", f"{name} healthy")

    async def redis_answers(self) -> bool:
        """Whether the store answers."""
        try:
            return bool(await self.redis.ping())
        except (RedisError, OSError):
            return False

    async def alerts(self) -> list[Alert]:
        """Every alert that was said, oldest first."""
        return await invariants.alerts(self.redis)

    def secrets_in_logs(self) -> list[str]:
        """Drill 39: secrets that appear in a log."""
        known = [
            (path.name, path.read_text().strip()) for path in self.settings.secrets_dir.iterdir() if path.is_file()
        ]
        texts = {path.name: path.read_text(errors="replace") for path in self.home.glob("*.log")}
        return [f"{name} in {log}" for name, secret in known for log, text in texts.items() if secret in text]

    # ---- messages -------------------------------------------------------------------------------

    async def signal(self, code: str, **changes: Any) -> BuySignal:
        """Publish one buy signal of this instant."""
        made = self.make_signal(code, **changes)
        await self.publish(made)
        return made

    async def publish(self, message: BuySignal | SellOrder) -> None:
        """Put a signal or sell order on its stream; I3 asks for its outcome at the end."""
        if isinstance(message, BuySignal):
            self.published.append(message.signal_id)
            await StreamWriter(self.redis, Streams.BUY_SIGNALS).publish(message, message.signalled_at)
        else:
            self.published.append(message.order_id)
            await StreamWriter(self.redis, Streams.SELL_ORDERS).publish(message, message.raised_at)

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
        await self.publish(made)
        return made

    async def replay_notices(self, count: int) -> None:
        """What a broker does after a reconnect: the newest notices once more, in their old order."""
        newest: Any = await self.redis.xrevrange(Streams.NOTICES.value, count=count)
        for _, fields in reversed(newest):
            entry = decode_entry("0-0", fields)
            if isinstance(entry.message, ExecutionNotice):
                await StreamWriter(self.redis, Streams.NOTICES).publish(entry.message, entry.message.exchange_at)

    async def raise_until_sold(self, code: str, quantity: int, at_most: int = 40) -> None:
        """What the monitor does while its rule holds: raise the exit again and again, until nothing is held."""
        for _ in range(at_most):
            if code not in self.theirs() and code not in self.ours():
                return
            await self.sell(code, quantity)
            await self.slice()
        raise AssertionError(f"{code} was not sold: {self.intents(stock_code=code)}; {self.signals(stock_code=code)}")

    async def publish_conditions(self) -> None:
        """Permit, regime and throttle as data plane and monitor leave them."""
        await stage.publish_conditions(self.redis, self.settings)

    # ---- the end of a drill ---------------------------------------------------------------------

    def fault_is_over(self) -> None:
        """From here on the recovery is measured."""
        self.recovery.begin(self.now)

    async def holds(self, *, within: timedelta = RECONCILED_WITHIN) -> None:
        """I1 to I6 at the end of a drill; I2 within `within` of market time after the fault's end."""
        started = self.now
        while not self.agree().matches and self.now - started < within:
            await self.slice()
        agreement = self.agree()
        assert agreement.matches, f"I2: {agreement.differences}"
        self.recovery.end(self.now)
        await self.slice()
        found = invariants.broken_orders(self) + invariants.open_requests(self, self.published)
        said = await self.alerts()
        found += invariants.repeated_alerts(said) + self.watch.found
        found += made_up_values(self) + blocked_exits(self, said)
        assert not found, found
        assert self.agree().matches, f"I2, once more: {self.agree().differences}"


@asynccontextmanager
async def running_rig(
    home: Path, port_base: int, kind: type[Rig] = Rig, *, seed: int = 0, **environment: str
) -> AsyncIterator[Rig]:
    """A rig that trades; at the end nothing of it runs and no secret stands in a log."""
    rig = kind(home, port_base, seed=seed, **environment)
    try:
        await rig.open()
        yield rig
        assert rig.secrets_in_logs() == []
    finally:
        await rig.close()
        shutil.rmtree(home, ignore_errors=True)
