"""Drill 8: in whatever order notices, replies, inquiries and restarts come, our books end as the broker's."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from jennie_core.domain.enums import OrderSide, OrderState
from jennie_core.domain.orders import ExecutionNotice
from jennie_core.strategy.accounting import AdjustmentKind
from jennie_infra.db.engine import make_engine
from jennie_infra.db.repositories import positions
from jennie_infra.db.repositories.tables import FILL
from jennie_infra.db.schema import upgrade
from tests.integration.desk_harness import CODE, START, Harness, harness
from tests.unit.desk.fake_gateway import FakeGateway

SHARES = 100
SETTLING_MARKS = 16
Step = tuple[str, int, int]

execute = st.tuples(st.just("execute"), st.integers(1, 30), st.integers(9_900, 10_100))
wait = st.tuples(st.just("wait"), st.sampled_from([100, 600, 1_000, 3_000, 12_000]), st.just(0))
deliver = st.tuples(st.just("deliver"), st.integers(0, 20), st.integers(1, 3))
again = st.tuples(st.just("again"), st.integers(0, 20), st.integers(1, 2))
"""A delivery repeated within one session: the gateway cannot tell it from an equal execution."""
read = st.just(("read", 0, 0))
restart = st.just(("restart", 0, 0))
reply = st.just(("reply", 0, 0))
steps = st.lists(st.one_of(execute, execute, wait, deliver, deliver, deliver, again, read, reply, restart), max_size=25)


READ_BETWEEN_TWO: list[Step] = [("reply", 0, 0), ("execute", 2, 9_900), ("read", 0, 0), ("execute", 2, 10_100)]
"""Two executions within one second, the first of them booked by inquiry."""


@pytest.fixture(scope="module")
def empty_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with its tables, to be copied for each example."""
    path = tmp_path_factory.mktemp("ledger") / "empty.db"
    engine = make_engine(f"sqlite:///{path}", durable=False)
    upgrade("ledger", engine)
    engine.dispose()
    return path


@pytest.fixture
def fresh(empty_ledger: Path) -> Iterator["Ledgers"]:
    made = Ledgers(empty_ledger)
    yield made
    made.close()


@dataclass
class Ledgers:
    """Hands out empty ledgers."""

    template: Path
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="jennie-ledgers-")))
    count: int = 0

    def one(self) -> Engine:
        self.count += 1
        path = self.folder / f"{self.count}.db"
        shutil.copy(self.template, path)
        return make_engine(f"sqlite:///{path}", durable=False)

    def close(self) -> None:
        shutil.rmtree(self.folder)


class Play:
    """One order, and what happens to it."""

    def __init__(self, engine: Engine, side: OrderSide, reply_script: str) -> None:
        self.engine = engine
        self.side = side
        self.gateway = FakeGateway(lambda: START)
        if side is OrderSide.SELL:
            self._carry()
        self.gateway.replies.append(reply_script)
        self.gateway.hold_reply = asyncio.Event()
        self.placed = asyncio.Event()
        self.gateway.before_place = lambda order: self.placed.set()
        self.notices: list[ExecutionNotice] = []

    async def run(self, taken: list[Step]) -> Harness:
        """All steps, over as many processes as there are restarts; then marks until everything is settled."""
        rest, is_first = list(taken), True
        while True:
            async with harness(self.engine, self.gateway, self.side) as desk:
                call = asyncio.create_task(desk.submit(desk.intent(quantity=SHARES))) if is_first else None
                await self.placed.wait()
                is_first = False
                died = await self._steps(desk, rest)
                if call is not None:
                    await self._end(call, died)
                if died:
                    continue
                for _ in range(SETTLING_MARKS):
                    await desk.settle()
                return desk

    def _carry(self) -> None:
        self.gateway.held[CODE] = (SHARES, 9_000.0)
        carried = positions.Adjustment(
            adjustment_id="carried",
            stock_code=CODE,
            stock_name="삼성전자",
            kind=AdjustmentKind.CARRIED,
            quantity=SHARES,
            price_krw=9_000.0,
            detail="held before",
            effective_at=START - timedelta(days=1),
        )
        with self.engine.begin() as connection:
            positions.adjust(connection, carried)

    async def _end(self, call: "asyncio.Task[object]", died: bool) -> None:
        hold = self.gateway.hold_reply
        if died and hold is not None and not hold.is_set():
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
            return
        if hold is not None:
            hold.set()
        await call

    def _as_the_gateway_tells(self, notice: ExecutionNotice) -> ExecutionNotice:
        """Whole seconds, and the position among equal executions: KIS has no execution id."""
        second = notice.exchange_at.replace(microsecond=0)
        equal = [(each.exchange_at, each.quantity, each.price_krw) for each in self.notices]
        position = equal.count((second, notice.quantity, notice.price_krw))
        return notice.model_copy(update={"exchange_at": second, "repetition": position})

    async def _steps(self, desk: Harness, rest: list[Step]) -> bool:
        """True when the process is to die now."""
        order = self.gateway.orders[0]
        while rest:
            name, number, more = rest.pop(0)
            if name == "execute" and number <= order.remaining:
                notice = self.gateway.execute(order, number, more)
                self.notices.append(self._as_the_gateway_tells(notice))
            elif name == "wait":
                desk.mark(number / 1_000)
            elif name == "deliver" and self.notices:
                for _ in range(more):
                    await desk.desk.on_notice(self.notices[number % len(self.notices)])
            elif name == "again" and self.notices:
                told = self.notices[number % len(self.notices)]
                key = f"{told.notice_key}:again{more}"
                await desk.desk.on_notice(told.model_copy(update={"notice_key": key, "repetition": more}))
            elif name == "read":
                await desk.tracker.read_back(
                    [each for each in desk.desk.orders if each.intent.order_number is not None]
                )
            elif name == "reply" and self.gateway.hold_reply is not None:
                self.gateway.hold_reply.set()
                await asyncio.sleep(0)
            elif name == "restart":
                return True
        return False


def check(play: Play, desk: Harness) -> None:
    """Our books against the broker's."""
    order = play.gateway.orders[0]
    fills = desk.rows(FILL)
    assert sum(row["quantity"] for row in fills) == order.filled
    assert sum(row["quantity"] * row["price_krw"] for row in fills) == order.amount
    held, average = play.gateway.held.get(CODE, (0, 0.0))
    ours, _, our_average = desk.holdings().get(CODE, (0, 0, 0.0))
    assert ours == held
    if held and play.side is OrderSide.BUY:
        assert our_average == pytest.approx(average, abs=1e-6)
    (row,) = [row for row in desk.rows() if row["side"] == play.side.value]
    assert OrderState(row["state"]).is_terminal
    assert order.remaining == 0, "a working remainder was forgotten"
    assert play.gateway.sent_intents == [row["intent_id"]], "I1"
    desk.assert_derived()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(reply_script=st.sampled_from(["accept", "lose"]), taken=steps)
@example(reply_script="accept", taken=[*READ_BETWEEN_TWO, ("deliver", 1, 1), ("deliver", 0, 1)])
@example(reply_script="accept", taken=[("reply", 0, 0), ("execute", 9, 9_900), ("deliver", 0, 1), ("again", 0, 1)])
@example(reply_script="accept", taken=[*READ_BETWEEN_TWO, ("deliver", 0, 1), ("deliver", 1, 1)])
async def test_any_interleaving_of_a_buy_ends_where_the_broker_has_it(
    fresh: Ledgers, reply_script: str, taken: list[Step]
) -> None:
    """Drill 8, issue 3: to the share and the won."""
    engine = fresh.one()
    play = Play(engine, OrderSide.BUY, reply_script)
    check(play, await play.run(taken))
    engine.dispose()


NOTICE_MEETS_READING: list[Step] = [("execute", 1, 9_900), ("deliver", 0, 1), ("reply", 0, 0), ("read", 0, 0)]
"""A notice that waited for its order's acceptance is being booked while the order is read."""


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(reply_script=st.sampled_from(["accept", "lose"]), taken=steps)
@example(reply_script="accept", taken=NOTICE_MEETS_READING)
async def test_any_interleaving_of_a_sell_ends_where_the_broker_has_it(
    fresh: Ledgers, reply_script: str, taken: list[Step]
) -> None:
    """Drill 8: never more shares sold than held, whatever is told twice or late."""
    engine = fresh.one()
    play = Play(engine, OrderSide.SELL, reply_script)
    check(play, await play.run(taken))
    engine.dispose()
