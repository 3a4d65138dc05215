"""The gateway's tasks: feed, publisher, marks, polling outside a rehearsal; and what its health shows."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import aiohttp

from jennie_core.domain.base import to_epoch_us
from jennie_core.domain.enums import Mode
from jennie_core.domain.health import DependencyStatus, ServiceState
from jennie_infra.bus.connect import AsyncRedis
from jennie_infra.clock import real_now_us, wall_now
from jennie_infra.kis.capabilities import degraded
from jennie_infra.kis.errors import KisError
from jennie_infra.telemetry import get_logger
from jennie_live.common.runtime import Runtime
from jennie_live.common.tasks import run_together
from jennie_live.gateway.broker import Line
from jennie_live.gateway.call_store import CallStore
from jennie_live.gateway.feed import Feed
from jennie_live.gateway.figures import Figures
from jennie_live.gateway.intake import Intake
from jennie_live.gateway.marks import WallMarks
from jennie_live.gateway.orders import OrderDesk
from jennie_live.gateway.polling import Poller
from jennie_live.gateway.publish import Publisher
from jennie_live.gateway.recorder import Recorder
from jennie_live.gateway.stall import StallWatch

POLL_TICK_SECONDS = 1.0
FLUSH_SECONDS = 1.0
DRIFT_LIMIT_US = 1_500_000
"""The heartbeat has whole seconds, so a clock within one and a half of it may be right."""
DRIFT_ALERT = "gateway-clock-drift"
GONE_ALERT = "gateway-broker-gone"
GONE_TEXT = "the broker does not answer: reads and buys rest, exits go on"
STALL_ALERT = "gateway-feed-stalled"
STALL_TEXT = "no ticks arrive in session: entries are frozen, held codes are polled"


@dataclass(frozen=True, slots=True)
class Parts:
    """What the gateway is made of, wired in app.py."""

    account: Line
    quotations: Line | None
    store: CallStore
    desk: OrderDesk
    feed: Feed
    intake: Intake
    poller: Poller
    publisher: Publisher
    publishing: AsyncRedis
    recorder: Recorder
    stall: StallWatch
    figures: Figures
    seed: Callable[[], Awaitable[None]]
    probe: Callable[[], Awaitable[object]]


class GatewayWorker:
    """Owns the parts and their life."""

    def __init__(self, runtime: Runtime, parts: Parts) -> None:
        self._runtime = runtime
        self._parts = parts
        self._drift_us: int | None = None
        self._rehearsal = runtime.settings.mode is Mode.REHEARSAL

    async def start(self) -> None:
        """Open the client, take the stored token and the stored order calls, start the recorder."""
        for line in self._lines:
            await line.open()
        await self._parts.desk.load()
        self._parts.recorder.start()

    async def run(self) -> None:
        """All tasks until cancelled; one that fails ends the others, and the supervisor starts them again."""
        await self._parts.seed()
        tasks = {"publisher": self._parts.publisher.run(), "feed": self._parts.feed.run(), "watch": self._watch()}
        if not self._rehearsal:
            tasks |= {"marks": WallMarks(self._parts.intake.emit_mark).run(), "poll": self._poll()}
        await run_together(**tasks)

    async def stop(self) -> None:
        """Write what is due, then close."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_SECONDS):
                await self._parts.publisher.flush()
        await asyncio.to_thread(self._parts.recorder.stop)
        for line in self._lines:
            await line.client.close()
        self._parts.store.close()
        await self._parts.publisher.close()
        await self._parts.publishing.aclose()

    def health(self) -> tuple[ServiceState, dict[str, str | int | float | bool | None]]:
        """Degraded without a feed, with a stalled one, with resting reads or unwritable streams."""
        use = self._parts.account.client.budget.use()
        last = self._parts.intake.last_tick_received_us
        troubles = self._troubles()
        detail: dict[str, str | int | float | bool | None] = {
            "feed_connected": self._parts.feed.connected,
            "feed_problem": self._parts.feed.last_problem or None,
            "notices_on": self._parts.feed.notices_on,
            "subscribed": len(self._parts.feed.subscribed),
            "polled": len(self._parts.feed.polled()),
            "pushed_books": len(self._parts.feed.pushed_books),
            "last_tick_age_seconds": None if last is None else round((real_now_us() - last) / 1e6, 1),
            "stalled": self._parts.stall.stalled,
            "silent_codes": " ".join(self._parts.stall.quiet) or None,
            "tick_gaps": self._parts.intake.screen.gaps,
            "ticks_conflated": self._parts.publisher.conflated,
            "dropped": _counts(self._parts.intake.dropped()),
            "bad_frames_kept": len(self._parts.intake.bad_frames),
            "token": self._parts.account.tokens.state,
            "breaker": self._parts.account.client.circuits.host.state,
            "resting": ", ".join(self._resting()) or None,
            "budget_used": use.in_window,
            "budget_limit": use.limit,
            "budget_waiting": use.waiting,
            "budget_refused": use.refused,
            "budget_refused_by": ", ".join(f"{name} {count}" for name, count in use.refused_by.items()) or None,
            "orders_in_flight": self._parts.desk.in_flight,
            "ticks_published": self._parts.publisher.published_ticks,
            "publish_waiting": self._parts.publisher.waiting,
            "clock_drift_ms": None if self._drift_us is None else self._drift_us // 1000,
            "degraded_capabilities": "; ".join(self._missing()) or None,
            "troubles": "; ".join(troubles) or None,
        }
        return ("degraded" if troubles else "healthy"), detail

    async def dependencies(self) -> dict[str, DependencyStatus]:
        """The broker, as feed and breaker see it; endpoints that rest; what stands in for calls that the host lacks."""
        open_reads = not self._broker_rests
        found = {
            "broker": DependencyStatus(
                ok=self._parts.feed.connected and open_reads, detail=self._parts.feed.last_problem
            )
        }
        if resting := self._resting():
            found["resting"] = DependencyStatus(ok=False, detail="reads rest: " + ", ".join(resting))
        if missing := self._missing():
            found["substitutes"] = DependencyStatus(ok=True, detail="; ".join(missing))
        return found

    async def judge_slice(self, market_us: int) -> Sequence[str]:
        """The end of a rehearsal's slice: whether the feed is stalled, said at once, and the codes to poll."""
        codes = self._parts.stall.polled_at(market_us)
        await self._say(STALL_ALERT, self._parts.stall.stalled, STALL_TEXT)
        return codes

    def observe_drift(self, drift_us: int) -> None:
        """Our clock minus the broker's heartbeat."""
        self._drift_us = drift_us

    def _troubles(self) -> list[str]:
        found = {
            "feed not connected": not self._parts.feed.connected,
            "no execution notices": self._parts.feed.connected and not self._parts.feed.notices_on,
            "feed stalled": self._parts.stall.stalled,
            "the broker does not answer, reads and buys rest": self._parts.account.client.circuits.host.state
            != "closed",
            "some reads rest": bool(self._resting()),
            "streams cannot be written": self._parts.publisher.failing,
            "clock differs from the broker's": self._drifts,
        }
        return [text for text, holds in found.items() if holds]

    def _missing(self) -> tuple[str, ...]:
        return degraded(self._runtime.settings.mode, real_quotes=self._parts.quotations is not None)

    @property
    def _broker_rests(self) -> bool:
        return self._parts.account.client.circuits.host.state != "closed"

    def _resting(self) -> list[str]:
        return sorted({name for line in self._lines for name in line.client.circuits.resting})

    @property
    def _lines(self) -> tuple[Line, ...]:
        account, quotations = self._parts.account, self._parts.quotations
        return (account,) if quotations is None else (account, quotations)

    @property
    def _drifts(self) -> bool:
        return self._drift_us is not None and abs(self._drift_us) > DRIFT_LIMIT_US

    async def _watch(self) -> None:
        """Once a second in real time: figures, alerts, a new session for a stalled feed, a probe for resting reads."""
        while True:
            await asyncio.sleep(1.0)
            self._parts.figures.update()
            if not self._rehearsal:  # there each slice judges, so that runs agree
                self._parts.stall.check(self._market_us())
            if self._parts.stall.should_reconnect(self._market_us()):
                await self._parts.feed.reconnect("no ticks in session")
            if silent := self._parts.stall.to_renew(self._market_us()):
                await self._renew(silent)
            if self._parts.account.client.circuits.host.state == "half-open":
                with contextlib.suppress(KisError):
                    await self._parts.probe()
            await self._say(GONE_ALERT, self._broker_rests, GONE_TEXT)
            await self._say(STALL_ALERT, self._parts.stall.stalled, STALL_TEXT)
            await self._say(DRIFT_ALERT, self._drifts, f"our clock is {self._drift_us} us off the broker's")

    async def _say(self, alert_id: str, holds: bool, text: str) -> None:
        if holds:
            await self._runtime.alert(alert_id, "warning", text, "see the gateway's health")
        else:
            await self._runtime.clear_alert(alert_id)

    async def _renew(self, codes: Sequence[str]) -> None:
        try:
            await self._parts.feed.renew(codes)
        except (aiohttp.ClientError, OSError) as error:
            get_logger().warning("silent codes not registered anew", error=type(error).__name__)

    async def _poll(self) -> None:
        """Paper and live: codes without a registration, every few seconds of real time."""
        while True:
            await asyncio.sleep(POLL_TICK_SECONDS)
            now_us = to_epoch_us(wall_now())
            for tick in await self._parts.poller.poll(self._parts.stall.polled(), now_us, now_us):
                self._parts.intake.take_polled(tick)

    def _market_us(self) -> int | None:
        return self._runtime.clock.now_us() if self._runtime.clock.is_known else None


def _counts(found: Mapping[str, int]) -> str | None:
    """`late 3, repeated 2`, most frequent first."""
    ordered = sorted(found.items(), key=lambda each: (-each[1], each[0]))
    return ", ".join(f"{reason} {count}" for reason, count in ordered) or None
