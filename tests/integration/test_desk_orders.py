"""The order desk against every reply the broker can give or withhold (drills 1, 3, 6, 7, 8, 9)."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, event, text

from jennie_core.domain.decisions import Accepted, Refusal, Refused, Unknown
from jennie_core.domain.enums import OrderSide, OrderType, SellReason
from jennie_infra.db.engine import make_engine
from jennie_infra.db.repositories.tables import TRADE_LOG
from jennie_infra.db.schema import upgrade
from tests.integration.desk_harness import CODE, START, CrashError, harness
from tests.unit.desk.fake_gateway import FakeGateway


@pytest.fixture
def engine(sqlite_url: str) -> Iterator[Engine]:
    made = make_engine(sqlite_url, durable=True)
    upgrade("ledger", made)
    yield made
    made.dispose()


async def test_the_intent_is_stored_before_anything_is_sent(engine: Engine) -> None:
    async with harness(engine) as desk:
        seen: list[str] = []
        desk.gateway.before_place = lambda order: seen.append(desk.state(order.intent_id))
        assert isinstance(await desk.submit(desk.intent()), Accepted)
        assert seen == ["intent"]
        await desk.journal.flush()
        row = desk.rows()[0]
        assert (row["state"], row["order_number"]) == ("accepted", "0000000001")
        assert row["sent_us"] is not None


async def test_a_refusal_ends_the_intent_and_frees_the_code(engine: Engine) -> None:
    async with harness(engine) as desk:
        desk.gateway.replies.append("refuse")
        outcome = await desk.submit(desk.intent())
        assert isinstance(outcome, Refused)
        await desk.journal.flush()
        row = desk.rows()[0]
        assert (row["state"], row["refusal_rule"], row["refusal_text"]) == ("rejected", "KIS", "APBK0656 no such stock")
        assert isinstance(await desk.submit(desk.intent()), Accepted)


async def test_one_unresolved_order_per_code(engine: Engine) -> None:
    """O1."""
    async with harness(engine) as desk:
        await desk.submit(desk.intent())
        second = await desk.submit(desk.intent())
        assert isinstance(second, Refused)
        assert second.rule == "O1"
        assert isinstance(await desk.submit(desk.intent(stock_code="000660")), Accepted)


async def test_a_stop_between_commit_and_call_sends_nothing(engine: Engine) -> None:
    """O4: asked again right before the call."""
    async with harness(engine) as desk:
        outcome = await desk.submit(desk.intent(), Refusal(rule="O4-HALT", detail="halted"))
        assert isinstance(outcome, Refused)
        await desk.journal.flush()
        assert desk.gateway.sent_intents == []
        assert desk.state("buy-1") == "not_placed"


async def test_an_old_lease_sends_nothing(engine: Engine) -> None:
    """Drill 5: a resumed process notices before sending."""
    async with harness(engine) as desk:
        desk.lease.current = False
        outcome = await desk.submit(desk.intent())
        assert isinstance(outcome, Refused)
        assert outcome.rule == "O2-LEASE"
        assert desk.gateway.sent_intents == []


async def test_without_a_ledger_nothing_is_sent(engine: Engine) -> None:
    """Drill 26: no order is sent whose intent is not stored."""
    async with harness(engine) as desk:
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE order_intent RENAME TO away"))
        outcome = await desk.submit(desk.intent())
        assert isinstance(outcome, Refused)
        assert outcome.rule == "LEDGER"
        assert desk.gateway.sent_intents == []
        assert "ledger-unreachable" in desk.alerts


@pytest.mark.rule("R-ORD-12")
async def test_a_lost_reply_is_settled_by_inquiry_and_never_sent_again(engine: Engine) -> None:
    """Drill 1."""
    async with harness(engine) as desk:
        desk.gateway.replies.append("lose")
        assert isinstance(await desk.submit(desk.intent()), Unknown)
        blocked = await desk.submit(desk.intent())
        assert isinstance(blocked, Refused)
        desk.gateway.execute(desk.gateway.orders[0], 100, 10_010)
        await desk.settle()
        assert desk.state("buy-1") == "filled"
        assert desk.holdings() == {CODE: (100, 0, 10_010.0)}
        assert desk.gateway.sent_intents == ["buy-1"]


async def test_a_request_that_never_arrived_is_given_up_after_three_inquiries(engine: Engine) -> None:
    """O1: three inquiries over at least 60 s agree."""
    async with harness(engine) as desk:
        desk.gateway.replies.append("drop")
        await desk.submit(desk.intent())
        states = []
        for _ in range(14):
            await desk.settle()
            states.append(desk.state("buy-1"))
        assert states.index("not_placed") == 12
        assert set(states[:12]) == {"unknown"}
        assert desk.gateway.sent_intents == ["buy-1"]


async def test_a_failed_inquiry_does_not_count(engine: Engine) -> None:
    async with harness(engine) as desk:
        desk.gateway.replies.append("drop")
        await desk.submit(desk.intent())
        desk.gateway.reads_fail = True
        for _ in range(30):
            await desk.settle()
        assert desk.state("buy-1") == "unknown"


async def test_two_candidates_freeze_the_order(engine: Engine) -> None:
    """O1: frozen and alerted, never guessed."""
    async with harness(engine) as desk:
        desk.gateway.replies.append("lose")
        await desk.submit(desk.intent())
        desk.gateway.orders.append(type(desk.gateway.orders[0])("9", "x", desk.gateway.orders[0].request, START))
        for _ in range(20):
            await desk.settle()
        assert desk.state("buy-1") == "unknown"
        assert "frozen-buy-1" in desk.alerts


@pytest.mark.rule("R-ORD-05")
async def test_partial_fill_then_cancel_keeps_the_filled_shares(engine: Engine) -> None:
    """Drill 6: a limit order times out after 10 s with 37 of 100 filled."""
    async with harness(engine) as desk:
        await desk.submit(desk.intent(order_type=OrderType.LIMIT, limit_price_krw=10_000))
        await desk.settle()
        await desk.desk.on_notice(desk.gateway.execute(desk.gateway.orders[0], 37, 9_990))
        await desk.settle()
        assert desk.state("buy-1") == "partially_filled"
        await desk.settle()
        assert desk.state("buy-1") == "cancelled"
        assert desk.holdings() == {CODE: (37, 0, 9_990.0)}
        assert [call for call in desk.gateway.calls if call.startswith("cancel")] == ["cancel 0000000001"]
        assert desk.ended == ["buy-1"]
        assert desk.rows(TRADE_LOG)[0]["quantity"] == 37


@pytest.mark.rule("R-GW-08", "R-ORD-07")
async def test_a_swallowed_notice_is_found_by_the_confirming_inquiry(engine: Engine) -> None:
    """Drill 9."""
    async with harness(engine) as desk:
        await desk.submit(desk.intent())
        await desk.settle()
        desk.gateway.execute(desk.gateway.orders[0], 100, 10_000)
        await desk.settle()
        assert desk.fill_sources() == [("inquiry", 100)]
        assert desk.state("buy-1") == "filled"


@pytest.mark.rule("R-ORD-07", "R-ORD-08", "R-ORD-10")
async def test_after_the_last_poll_the_rest_is_cancelled(engine: Engine) -> None:
    """Five polls, then cancel and book."""
    async with harness(engine) as desk:
        await desk.submit(desk.intent())
        desk.gateway.execute(desk.gateway.orders[0], 60, 10_000)
        for _ in range(6):
            await desk.settle()
        assert desk.state("buy-1") == "cancelled"
        assert desk.holdings()[CODE][0] == 60


@pytest.mark.rule("R-ORD-09")
async def test_a_forced_liquidation_is_given_ten_polls_of_five_seconds(engine: Engine) -> None:
    async with harness(engine, side=OrderSide.SELL) as desk:
        await desk.submit(desk.intent(reason=SellReason.FORCED_LIQUIDATION.value))
        for _ in range(10):
            await desk.settle()
        assert desk.state("sell-1") == "accepted"
        await desk.settle()
        assert desk.state("sell-1") == "cancelled"


@pytest.mark.rule("R-GW-09", "R-ORD-04", "R-ORD-08")
@pytest.mark.parametrize("reply", ["accept", "refuse", "drop", "lose"])
async def test_whatever_a_cancel_answers_the_order_is_read_back(engine: Engine, reply: str) -> None:
    """Drill 7: the fill happens while the cancel is in flight."""
    async with harness(engine) as desk:
        await desk.submit(desk.intent(order_type=OrderType.LIMIT, limit_price_krw=10_000))
        order = desk.gateway.orders[0]
        desk.gateway.execute(order, 40, 10_000)
        desk.gateway.cancel_replies.append(reply)
        for _ in range(4):
            await desk.settle()
        assert desk.state("buy-1") == "cancelled"
        assert desk.holdings()[CODE][0] == order.filled == 40
        assert order.remaining == 0


async def test_a_fill_after_the_cancel_was_booked_still_counts(engine: Engine) -> None:
    """Drill 6: a late fill; the order stays ended, the shares are ours."""
    async with harness(engine) as desk:
        await desk.submit(desk.intent(order_type=OrderType.LIMIT, limit_price_krw=10_000))
        for _ in range(3):
            await desk.settle()
        assert desk.state("buy-1") == "cancelled"
        order = desk.gateway.orders[0]
        order.cancelled = 80
        desk.mark()
        await desk.desk.on_notice(desk.gateway.execute(order, 20, 10_000))
        assert desk.state("buy-1") == "cancelled"
        assert desk.holdings()[CODE][0] == 20


async def test_a_notice_before_the_acknowledgement_is_not_lost(engine: Engine) -> None:
    """Drill 8: fill notice first, acknowledgement later."""
    async with harness(engine) as desk:
        desk.gateway.replies.append("lose")
        await desk.submit(desk.intent())
        await desk.desk.on_notice(desk.gateway.execute(desk.gateway.orders[0], 100, 10_000))
        assert desk.fill_sources() == []
        await desk.settle()
        assert desk.fill_sources() == [("notice", 100)]


async def test_a_halt_cancels_open_buys_and_reads_them_back(engine: Engine) -> None:
    """O4."""
    async with harness(engine) as desk:
        await desk.submit(desk.intent(order_type=OrderType.LIMIT, limit_price_krw=10_000))
        desk.gateway.execute(desk.gateway.orders[0], 10, 10_000)
        desk.halted = True
        await desk.tracker.cancel_now()
        assert desk.state("buy-1") == "cancelled"
        assert desk.holdings()[CODE][0] == 10


POINTS = ("before_intent", "after_intent", "after_reply", "after_fill")


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("side", [OrderSide.BUY, OrderSide.SELL])
async def test_death_at_any_point_leaves_one_order_and_equal_books(engine: Engine, point: str, side: OrderSide) -> None:
    """Drill 3: restart, reconcile, never a second order; reconciling twice changes nothing."""
    gateway = FakeGateway(lambda: START)
    if side is OrderSide.SELL:
        async with harness(engine, gateway) as buyer:
            await buyer.submit(buyer.intent())
            await buyer.desk.on_notice(gateway.execute(gateway.orders[0], 100, 10_000))
    before = len(gateway.orders)
    async with harness(engine, gateway, side, crash=point) as first:

        async def trade() -> None:
            await first.submit(first.intent())
            await first.desk.on_notice(gateway.execute(gateway.orders[-1], 30, 10_100))

        with pytest.raises(CrashError):
            await trade()
    if len(gateway.orders) > before and point != "after_fill":
        gateway.execute(gateway.orders[-1], 30, 10_100)
    async with harness(engine, gateway, side) as second:
        assert await second.reconcile("start") is not None
        for _ in range(20):
            await second.settle()
        assert await second.reconcile() is not None
        held = {code: quantity for code, (quantity, _) in gateway.held.items()}
        assert {code: quantity for code, (quantity, _, _) in second.holdings().items()} == held
        again = second.holdings()
        result = await second.reconcile()
        assert result is not None
        assert result.differences == ()
        assert second.holdings() == again
        second.assert_derived()
    sent = [intent for intent in gateway.sent_intents if intent.startswith(side.value)]
    assert len(sent) == (0 if point in ("before_intent", "after_intent") else 1)


@pytest.mark.rule("R-REC-01", "R-REC-03", "R-REC-04", "R-REC-05")
async def test_reconciling_twice_changes_nothing_and_foreign_trades_are_external(engine: Engine) -> None:
    """Drill 11: bought by hand, then a managed holding half sold by hand."""
    async with harness(engine) as desk:
        await desk.submit(desk.intent())
        await desk.desk.on_notice(desk.gateway.execute(desk.gateway.orders[0], 100, 10_000))
        desk.gateway.trade_by_hand("000660", 7, 50_000)
        desk.gateway.trade_by_hand(CODE, -40, 10_000)
        desk.mark()
        found = await desk.reconcile()
        assert found is not None
        assert {(each.stock_code, each.ours, each.brokers, each.adopted) for each in found.differences} == {
            (CODE, 100, 60, True),
            ("000660", 0, 7, True),
        }
        assert desk.holdings() == {CODE: (60, 0, 10_000.0), "000660": (0, 7, 0.0)}
        assert {"reconcile-000660", f"reconcile-{CODE}"} <= set(desk.alerts)
        desk.mark()
        again = await desk.reconcile()
        assert again is not None
        assert again.differences == ()
        assert desk.alerts == []
        desk.assert_derived()


@pytest.mark.rule("R-REC-06")
async def test_an_order_under_way_is_not_judged_as_a_difference(engine: Engine) -> None:
    async with harness(engine) as desk:
        desk.gateway.replies.append("drop")
        await desk.submit(desk.intent())
        desk.gateway.trade_by_hand(CODE, 5, 10_000)
        found = await desk.reconcile()
        assert found is not None
        assert found.pending == (CODE,)
        assert found.differences == ()
        assert desk.holdings() == {}


@pytest.mark.rule("R-REC-02")
async def test_an_unreadable_balance_changes_nothing(engine: Engine) -> None:
    """Drill 12, I4."""
    async with harness(engine) as desk:
        await desk.submit(desk.intent())
        await desk.desk.on_notice(desk.gateway.execute(desk.gateway.orders[0], 100, 10_000))
        desk.gateway.reads_fail = True
        assert await desk.reconcile() is None
        assert desk.holdings() == {CODE: (100, 0, 10_000.0)}


@pytest.mark.rule("R-BUY-15")
async def test_a_fill_waits_for_a_database_that_is_away_and_is_booked_once(engine: Engine) -> None:
    """Drill 26."""
    async with harness(engine) as desk:
        await desk.submit(desk.intent())
        await desk.journal.flush()
        failures = iter(range(2))

        @event.listens_for(engine, "before_cursor_execute")
        def fail(connection: object, cursor: object, statement: str, *rest: object) -> None:
            if statement.startswith("INSERT") and " fill " in statement and next(failures, None) is not None:
                raise make_operational_error()

        await desk.desk.on_notice(desk.gateway.execute(desk.gateway.orders[0], 100, 10_000))
        assert desk.fill_sources() == [("notice", 100)]


def make_operational_error() -> Exception:
    from sqlalchemy.exc import OperationalError

    return OperationalError("INSERT", {}, Exception("the database is away"))


async def test_one_reading_that_lacks_a_position_drops_nothing(engine: Engine) -> None:
    """Drill 12: an empty list is no trade by hand, as no execution of the day explains it; its end is said."""
    async with harness(engine) as desk:
        await desk.submit(desk.intent())
        await desk.desk.on_notice(desk.gateway.execute(desk.gateway.orders[0], 100, 10_000))
        held = dict(desk.gateway.held)
        desk.gateway.held.clear()
        for _ in range(3):
            desk.mark()
            assert await desk.reconcile("periodic") is None
        assert desk.holdings() == {CODE: (100, 0, 10_000.0)}
        assert "balance-doubtful" in desk.alerts
        desk.gateway.held.update(held)
        desk.mark()
        assert await desk.reconcile("periodic") is not None
        assert "balance-doubtful" not in desk.alerts
        assert desk.holdings() == {CODE: (100, 0, 10_000.0)}


async def test_shares_that_came_overnight_are_believed_at_the_start(engine: Engine) -> None:
    """A transfer leaves no execution; a second equal reading is asked for."""
    async with harness(engine) as desk:
        desk.gateway.held["035720"] = (12, 40_000.0)
        assert await desk.reconcile("periodic") is None
        assert await desk.reconcile("start") is not None
        assert desk.holdings() == {"035720": (0, 12, 0.0)}
