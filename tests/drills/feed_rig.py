"""The rig of the feed's drills: scanner and monitor are processes too, a relay stands before the exchange's feed."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from jennie_core.domain.base import KST
from jennie_core.domain.enums import MarketRegime, RiskTag, TradeTier
from jennie_core.domain.market import ClockMark, Tick
from jennie_core.domain.signals import Alert, BuySignal
from jennie_core.domain.watchlist import HotWatchlist, WatchlistEntry
from jennie_core.strategy.bars import Bar, BarBuilder
from jennie_infra.bus.cache import put
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.bus.streams import Streams, decode_entry
from jennie_infra.bus.ticks import decode_tick_entry
from tests.drills.exchange import HELD
from tests.drills.feed_exchange import CODES, tape
from tests.drills.market_time import EXECUTORS, SLICE
from tests.drills.relay import Relay
from tests.drills.rig import Rig
from tests.drills.stage import BASE_KRW, OVERRIDES
from tests.integration.desk_rig import DAY, WATCHLIST

WORKERS = ("kis-gateway", "buy-scanner", "price-monitor", *EXECUTORS)
GRACE_US = 1_000_000
PART = 2_000
"""Entries of a stream that are read at once."""
WATCHED = CODES[:12]
"""Enough that ten quiet seconds mean something."""


class FeedRig(Rig):
    """All five workers; they pass the marks on themselves."""

    exchange_module = "tests.drills.feed_exchange"
    watched: tuple[str, ...] = WATCHED
    by_hand: tuple[str, ...] = ()
    buys = True
    """A convincing score is enough for a buy: entries that are possible at every bar show whether they are frozen."""

    def __init__(self, home: Path, port_base: int, *, seed: int = 0, **environment: str) -> None:
        self.relay = Relay()
        super().__init__(home, port_base, seed=seed, JENNIE_KIS_WS_URL=self.relay.url, **environment)
        self.relay.target = f"ws://127.0.0.1:{self.settings.port('sim')}/tryitout"
        if self.buys:
            (home / "overrides.toml").write_text(OVERRIDES + "\n[scanner]\nconviction_enabled = true\n")

    async def open(self) -> None:
        """Everything up and healthy, ten seconds into the drill's market time."""
        self.start_redis()
        self.start_exchange(self.exchange_module)
        await self.until_async(self.redis_answers, "redis")
        await self.publish_conditions()
        await put(self.redis, RedisKeys.WATCHLIST_ACTIVE, watchlist(self.watched))
        for code in self.by_hand:
            await self.redis.hset(RedisKeys.WATCHLIST_MANUAL.value, code, f"연습{code[-2:]}")
        await self.until(lambda: self.exchange_state() is not None, "the exchange")
        for name in WORKERS:
            self.start(name)
        await self.until(lambda: self.feed().get("feed_connected"), "the feed")
        await self.slices(2)
        for name in WORKERS:
            await self.is_healthy(name)
        await self.registered()

    async def close(self) -> None:
        """End the processes, then the relay between them."""
        await super().close()
        self.relay.close()

    async def slice(self, *waits_for: str, passed: timedelta = SLICE) -> None:
        """One slice that every worker closes."""
        await super().slice(*(waits_for or WORKERS[1:]), passed=passed)

    async def slice_cut_off(self) -> None:
        """A slice whose trades go out while the line is cut; it ends after the gateway has come back."""
        self.relay.cut()
        self.now += SLICE
        self.admin.advance(self.now)
        await self.registered()
        self.admin.advance(self.now)
        for name in WORKERS:
            await self._passed(name)

    async def _pass_mark_on(self) -> None:
        """Scanner and monitor do it themselves."""

    async def written(self, condition: Callable[[], Any], what: str) -> None:
        """Wait until the scanner has written its journal, which it does at a mark, every two seconds of real time."""

        def once_more() -> Any:
            self.admin.advance(self.now)
            return condition()

        await self.until(once_more, what)

    def feed(self) -> dict[str, Any]:
        """What the gateway says of its feed."""
        detail: dict[str, Any] = self.health("kis-gateway").get("detail", {})
        return detail

    def at_broker(self) -> set[str]:
        """Codes registered at the exchange, over all sessions."""
        return {code for session in self.admin.state()["sessions"] for code in session["codes"]}

    async def registered(self) -> None:
        """Wait until the broker's registrations are the wanted ones."""
        wanted = {HELD, *self.watched}
        most = sorted(wanted - {HELD})[:39]
        await self.until(lambda: self.at_broker() == {HELD, *most}, f"registered: {sorted(wanted)}")

    async def items(self) -> list[Tick | ClockMark]:
        """The tick stream so far."""
        found: list[Tick | ClockMark] = []
        after = "-"
        while True:  # in parts: a burst in one reply takes a busy machine longer than the client waits
            reply: Any = await self.redis.xrange(Streams.TICKS.value, min=after, count=PART)
            found += [decode_tick_entry(fields) for _, fields in reply]
            if len(reply) < PART:
                return found
            after = f"({reply[-1][0].decode()}"

    async def signalled(self) -> list[BuySignal]:
        """Buy signals of the scanner so far."""
        reply: Any = await self.redis.xrange(Streams.BUY_SIGNALS.value)
        found = [decode_entry(entry_id.decode(), fields).message for entry_id, fields in reply]
        return [message for message in found if isinstance(message, BuySignal)]

    async def said(self, alert_id: str) -> list[Alert]:
        """Every word about one condition."""
        return [alert for alert in await self.alerts() if alert.alert_id == alert_id]


def watchlist(codes: tuple[str, ...]) -> HotWatchlist:
    """These codes by rank, all worth buying."""
    early = datetime.combine(DAY, datetime.min.time(), KST) + timedelta(hours=8, minutes=31)
    entries = tuple(
        WatchlistEntry(
            code=code,
            name=f"연습{code[-2:]}",
            rank=rank,
            sector_group=f"S{code[-2:]}",
            quant_score=80.0,
            llm_score=60.0,
            hybrid_score=72.0,
            coverage_ratio=1.0,
            is_tradable=True,
            trade_tier=TradeTier.TIER1,
            risk_tag=RiskTag.NEUTRAL,
            previous_close_krw=BASE_KRW,
            atr_krw=3_500.0,
            first_listed_on=DAY,
            scored_at=early,
        )
        for rank, code in enumerate(codes, start=1)
    )
    return HotWatchlist(
        version=WATCHLIST,
        run_id=WATCHLIST,
        market_day=DAY,
        market_regime=MarketRegime.BULL,
        entries=entries,
        known_at=early,
        expires_at=early + timedelta(hours=7),
    )


def bars_of(items: list[Tick | ClockMark], codes: tuple[str, ...]) -> dict[str, list[Bar]]:
    """The bars that a scanner makes of the stream."""
    builders = {code: BarBuilder() for code in codes}
    for item in items:
        if isinstance(item, ClockMark):
            for builder in builders.values():
                builder.close_until(item.market_us - GRACE_US)
        elif item.code in builders and item.session_phase == "0":
            builders[item.code].add(item.price_krw, item.volume, item.exchange_us, item.cumulative_volume)
    return {code: list(builder.bars) for code, builder in builders.items()}


def true_bars(code: str, *, burst: bool = False) -> dict[int, Bar]:
    """The bars of a clean replay of the exchange's tape, by their start."""
    midnight = int(datetime.combine(DAY, datetime.min.time(), KST).timestamp()) * 1_000_000
    builder, made, total = BarBuilder(), {}, 0
    for clock, price, size, _ in tape(code, burst=burst):
        hours, minutes, seconds = map(int, clock.split(":"))
        total += size
        closed = builder.add(price, size, midnight + ((hours * 60 + minutes) * 60 + seconds) * 1_000_000, total)
        if closed is not None:
            made[closed.start_us] = closed
    return made
