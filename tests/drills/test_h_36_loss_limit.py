"""Drill 36: the loss limit under fire. The exchange's own ledger says what was lost and what was accepted when."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from typing import Any

import pytest

from jennie_core.domain.base import KST
from jennie_core.domain.enums import OrderState
from jennie_infra.db.repositories.tables import RISK_STATE, SIGNAL_LOG
from tests.drills.exchange import CASH_KRW, CODES, HELD, HELD_SHARES
from tests.drills.fire_exchange import BACK_AT, FALL_AT, LOW_AT, WORSE_AT
from tests.drills.rig import BASE_KRW, EXECUTORS, SLICE, Rig, running_rig
from tests.drills.stage import OVERRIDES
from tests.integration.desk_rig import DAY

pytestmark = [pytest.mark.drill, pytest.mark.safety, pytest.mark.timeout(300)]

LIMIT_PCT = 1.0
EQUITY_KRW = CASH_KRW + HELD_SHARES * BASE_KRW
LIMIT_KRW = EQUITY_KRW * LIMIT_PCT / 100
ROUNDING_KRW = 10
FIRST, LATER, LAST = CODES[:10], CODES[10:11], CODES[11:]
RULE = "R-GRD-08"
SLOW_MS = 120


class UnderFire(Rig):
    """A rig whose limit holds three buys; every slice judges what the exchange has accepted in it."""

    def __init__(self, home: Path, port_base: int, *, seed: int = 0, **environment: str) -> None:
        super().__init__(home, port_base, seed=seed, **environment)
        (home / "overrides.toml").write_text(OVERRIDES + f"daily_loss_limit_pct = {LIMIT_PCT}\n")
        self.accepted = 0
        self.most_krw = 0

    def start_exchange(self, module: str = "tests.drills.fire_exchange") -> None:
        super().start_exchange(module)

    async def slice(self, *waits_for: str, passed: timedelta = SLICE) -> None:
        """One slice, then: used plus reserved risk at the instant at which the exchange took its new orders."""
        await super().slice(*waits_for, passed=passed)
        bought = self.bought()
        if len(bought) > self.accepted:
            at_risk = self.lost_krw() + self.reserved_krw()
            assert at_risk <= LIMIT_KRW + ROUNDING_KRW, f"{bought[self.accepted :]}: {at_risk:.0f} won at risk"
            self.most_krw = max(self.most_krw, at_risk)
        self.accepted = len(bought)

    def bought(self) -> list[str]:
        """Codes of the buys that the exchange took, oldest first."""
        orders = self.admin.ledger()["orders"]
        return [row["code"] for row in orders if row["side"] == "buy" and row["action"] == "new"]

    def lost_krw(self) -> int:
        """What the account has lost today, at the exchange's prices of now."""
        return max(0, EQUITY_KRW - int(self.admin.ledger()["accounts"][0]["total_krw"]))

    def reserved_krw(self) -> int:
        """Risk of the buys that may still fill."""
        open_now = [row for row in self.intents(side="buy") if not OrderState(row["state"]).is_terminal]
        return sum(row["context"]["risk_krw"] for row in open_now)

    async def until_clock(self, clock: str) -> None:
        """One slice up to a time of day."""
        await self.slice(passed=datetime.combine(DAY, time_of_day.fromisoformat(clock), KST) - self.now)

    def told(self) -> dict[str, Any]:
        """What the buy executor shows."""
        detail: dict[str, Any] = self.health("buy-executor").get("detail", {})
        return detail

    async def fire(self, *codes: str, price_krw: int = BASE_KRW) -> list[str]:
        """Signals at one instant and price; returns their ids."""
        same = {"signal_price_krw": price_krw, "hybrid_score": 72.0}
        made = [await self.signal(code, signal_id=f"fire-{code}-{self.now:%H%M%S}", **same) for code in codes]
        return [signal.signal_id for signal in made]

    async def across_midnight(self) -> None:
        """The exchange's heartbeat shows five seconds past the midnight that its own day does not reach."""
        self.admin.faults({"name": "clock", "params": {"offset_seconds": 10}})
        self.admin.advance(self.now + SLICE)
        self.now += SLICE + timedelta(seconds=10)
        await self._passed("kis-gateway")
        await self._pass_mark_on()
        for name in EXECUTORS:
            await self._passed(name)

    def rules(self, signal_ids: list[str]) -> list[str | None]:
        """The refusals of signals; None for one that was ordered."""
        return [self.signals(signal_id=each)[0][1] for each in signal_ids]

    def reasons(self, signal_ids: list[str]) -> str:
        """The refusals of signals in words."""
        return "; ".join(str(row["refusal_text"]) for row in self.rows(SIGNAL_LOG) if row["signal_id"] in signal_ids)


@pytest.fixture
async def fire(
    drill_seed: int, port_bases: Iterator[int], record_property: Callable[[str, object], None]
) -> AsyncIterator[UnderFire]:
    """A rig of its own for each run."""
    home = Path(tempfile.mkdtemp(prefix="jd-"))
    async with running_rig(home, next(port_bases), UnderFire, seed=drill_seed, TZ="America/New_York") as rig:
        assert isinstance(rig, UnderFire)
        rig.recovery.record = record_property
        yield rig


@pytest.mark.rule("R-GRD-08")
async def test_36_reserved_and_used_risk_keep_the_limit_whatever_happens_to_the_orders(
    fire: UnderFire, record_property: Callable[[str, object], None]
) -> None:
    await _unknown_profit_counts_as_reached(fire)
    await _ten_signals_with_slow_replies(fire)
    await _fills_worsen(fire)
    await _the_limit_is_reached_and_the_process_dies(fire)
    await fire.holds()
    await _the_day_turns(fire)
    record_property("measured:most of the loss limit at risk, pct", round(fire.most_krw / LIMIT_KRW * 100, 2))
    assert fire.most_krw > LIMIT_KRW * 0.8, "the limit was tried"


async def _unknown_profit_counts_as_reached(fire: UnderFire) -> None:
    """The held code's closes cannot be read by a process that starts now."""
    fire.kill("buy-executor")
    fire.admin.faults({"name": "status", "endpoint": "inquire-daily-itemchartprice", "params": {"status": 500}})
    fire.start("buy-executor")
    await fire.slices(2)
    await fire.is_healthy("buy-executor")
    assert fire.told()["day_pnl_krw"] is None
    refused = await fire.fire(LAST[0])
    await fire.slice()
    assert fire.rules(refused) == [RULE]
    assert "unknown" in fire.reasons(refused)
    fire.admin.faults({"clear": True})
    await fire.slices_until(lambda: fire.told()["day_pnl_krw"] is not None, "profit is known again")
    await fire.until_clock("09:31:10")


async def _ten_signals_with_slow_replies(fire: UnderFire) -> None:
    """All of them fit by themselves. One is refused by the broker: its risk is there for another."""
    fire.admin.faults({"name": "delay", "endpoint": "order-cash", "params": {"ms": SLOW_MS}})
    fire.admin.faults(
        {"name": "status", "endpoint": "order-cash", "count": 1, "params": {"status": 200, "msg_cd": "APBK0952"}}
    )
    fire.admin.faults({"name": "partial_fill", "params": {"ratio": 0.4}})
    ids = await fire.fire(*FIRST)
    slicing = asyncio.create_task(fire.slice())
    reserved: list[int] = []
    while not slicing.done():
        reserved.append((await asyncio.to_thread(fire.told)).get("risk_reserved_krw", 0))
        await asyncio.sleep(0.02)
    await slicing
    assert 0 < max(reserved) <= LIMIT_KRW
    assert fire.rules(ids) == ["BROKER-CASH", None, None, None, *([RULE] * 6)]
    assert fire.bought() == list(FIRST[1:4])
    assert fire.told()["risk_reserved_krw"] == fire.reserved_krw() > LIMIT_KRW * 0.9


async def _fills_worsen(fire: UnderFire) -> None:
    """A part fills at once, the rest two percent higher; meanwhile and until it is measured nothing more is bought."""
    held_back = await fire.fire(*LATER, price_krw=71_400)
    await fire.until_clock(WORSE_AT)
    fire.admin.faults({"clear": True})
    await fire.slice()
    await fire.slices_until(lambda: not fire.unresolved("buy"), "filled")
    assert fire.rules(held_back) == [RULE], "what has filled in part keeps its risk"
    assert all(row["filled_quantity"] == row["quantity"] for row in fire.intents(state="filled"))
    assert fire.now <= datetime.combine(DAY, time_of_day.fromisoformat(FALL_AT), KST) + SLICE
    await fire.until_clock("09:31:40")
    assert fire.lost_krw() > LIMIT_KRW * 0.4
    late = await fire.fire(*FIRST[4:], price_krw=69_400)  # the last balance is of a better price
    await fire.slice()
    assert sorted(map(str, fire.rules(late))) == ["None", *([RULE] * 5)], "the rest of the limit holds one"


async def _the_limit_is_reached_and_the_process_dies(fire: UnderFire) -> None:
    """Prices are back before it is: only what was stored knows of the limit."""
    await fire.until_clock(LOW_AT)
    refused = await fire.fire(*LATER, price_krw=65_000)
    await fire.slice()
    assert fire.lost_krw() > LIMIT_KRW
    assert fire.rules(refused) == [RULE]
    assert fire.told()["daily_loss_limit_reached"], fire.told()
    fire.kill("buy-executor")
    assert [row["daily_limit_hit_at"] is not None for row in fire.rows(RISK_STATE, market_day=DAY)] == [True]
    fire.now = datetime.combine(DAY, time_of_day.fromisoformat(BACK_AT), KST)
    fire.admin.advance(fire.now)
    assert fire.lost_krw() == 0, "nothing is lost any more"
    fire.start("buy-executor")
    fire.fault_is_over()
    await fire.slices(2)
    await fire.is_healthy("buy-executor")
    assert fire.told()["day_pnl_krw"] > 0
    still = await fire.fire(*LAST, price_krw=73_000)
    await fire.slice()
    assert fire.rules(still) == [RULE]
    assert "daily loss limit reached" in fire.reasons(still)
    await fire.sell(HELD, HELD_SHARES)
    await fire.slices_until(lambda: HELD not in fire.theirs(), "exits go on (I6)")
    await fire.slices_until(lambda: not fire.unresolved("sell"), "settled")


async def _the_day_turns(fire: UnderFire) -> None:
    """Korean midnight, 10:00 in the morning where the process believes to be: the day is new, the week is not."""
    await fire.until_clock("23:59:50")
    assert fire.told()["daily_loss_limit_reached"]
    await fire.across_midnight()
    assert fire.told()["daily_loss_limit_reached"] is False
    assert {row["market_day"] for row in fire.rows(RISK_STATE)} == {DAY, DAY + timedelta(days=1)}
