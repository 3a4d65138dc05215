"""The ledger's functions on both databases: states, fills, positions, cooldowns, leases, outcomes (R-DB-03, O1-O3)."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from jennie_core.domain.decisions import Refusal
from jennie_core.domain.enums import OrderSide, OrderState, SellReason
from jennie_core.strategy.accounting import AdjustmentKind
from jennie_core.strategy.booking import NewFill
from jennie_infra.db.engine import make_engine
from jennie_infra.db.repositories import booking, cooldowns, intents, journal, leases, positions, risk
from jennie_infra.db.repositories.cooldowns import CooldownKind, CooldownUntil
from jennie_infra.db.repositories.intents import Intent, TransitionError
from jennie_infra.db.repositories.positions import Adjustment
from jennie_infra.db.repositories.risk import RiskRow
from jennie_infra.db.repositories.tables import RECONCILIATION, SIGNAL_LOG, TRADE_LOG
from jennie_infra.db.schema import upgrade
from tests.unit.desk.test_unknown import SENT, intent

DAY = SENT.date()


@pytest.fixture(params=["sqlite_url", "mariadb_url"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    made = make_engine(request.getfixturevalue(request.param), durable=True)
    upgrade("ledger", made)
    yield made
    made.dispose()


def accepted(engine: Engine, **changes: object) -> Intent:
    """A stored intent that the broker has taken."""
    base = replace(intent(quantity=100, state=OrderState.INTENT, unknown_since=None), **changes)  # type: ignore[arg-type]
    with engine.begin() as connection:
        intents.store(connection, base)
        intents.transition(connection, base.intent_id, OrderState.ACCEPTED, now=SENT, order_number="7")
    return replace(base, state=OrderState.ACCEPTED, order_number="7")


def fill(name: str, quantity: int, price: int) -> NewFill:
    return NewFill(name, quantity, price, fee_krw=1, tax_krw=2, filled_at=SENT, source="notice")


@pytest.mark.rule("R-DB-02", "R-MSG-03")
def test_an_intent_reads_back_as_it_was_stored(engine: Engine) -> None:
    stored = accepted(engine, context={"sector_group": "전기전자", "atr_krw": 123.5})
    with engine.connect() as connection:
        found = intents.find(connection, stored.intent_id)
        assert found == stored
        assert intents.by_order_number(connection, DAY, "7") == stored
        assert intents.by_source(connection, "sig-1") == [stored]
        assert intents.unresolved(connection, OrderSide.SELL) == []
        assert intents.buys_started(connection, DAY) == 1


@pytest.mark.rule("R-MSG-06")
def test_an_intent_id_is_used_once(engine: Engine) -> None:
    """I1."""
    stored = accepted(engine)
    with pytest.raises(IntegrityError), engine.begin() as connection:
        intents.store(connection, stored)


@pytest.mark.parametrize("state", [state for state in OrderState if state.is_terminal])
def test_an_ended_order_is_never_reopened(engine: Engine, state: OrderState) -> None:
    """Drill 8."""
    base = intent(intent_id=f"x-{state}", state=state)
    with engine.begin() as connection:
        intents.store(connection, base)
    for after in (OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED, OrderState.UNKNOWN):
        with pytest.raises(TransitionError), engine.begin() as connection:
            intents.transition(connection, base.intent_id, after, now=SENT)


@pytest.mark.rule("R-BUY-15", "R-DB-02", "R-DB-03", "R-GW-07")
def test_fills_intent_position_and_trade_are_one_change(engine: Engine) -> None:
    """Booking the same fills again changes nothing."""
    stored = accepted(engine, context={"sector_group": "IT", "atr_krw": 50.0, "hybrid_score": 71.0})
    first = [fill("a", 30, 100), fill("b", 20, 110)]
    with engine.begin() as connection:
        booked = booking.book(connection, stored, first, now=SENT)
    assert booked.intent.state is OrderState.PARTIALLY_FILLED
    assert booked.position is not None
    assert (booked.position.quantity, booked.position.average_price_krw) == (50, 104)
    assert (booked.position.sector_group, booked.position.bought_on, booked.position.trade_id) == ("IT", DAY, "buy-1")
    with engine.begin() as connection:
        again = booking.book(connection, stored, first, now=SENT)
    assert again.fills == ()
    with engine.begin() as connection:
        ended = booking.book(connection, stored, [fill("c", 10, 100)], now=SENT, end_state=OrderState.CANCELLED)
    assert ended.intent.state is OrderState.CANCELLED
    with engine.connect() as connection:
        assert positions.derived(connection, "005930") == positions.shares_of(positions.load(connection)["005930"])
        trade = connection.execute(TRADE_LOG.select()).mappings().one()
    assert (trade["quantity"], trade["total_amount_krw"], trade["fee_krw"]) == (60, 6_200, 3)
    assert (trade["hybrid_score"], trade["realized_pnl_krw"]) == (71.0, None)


def test_more_than_ordered_cannot_be_filled(engine: Engine) -> None:
    stored = accepted(engine)
    with pytest.raises(ValueError, match="cannot be filled"), engine.begin() as connection:
        booking.book(connection, stored, [fill("a", 101, 100)], now=SENT)
    with engine.connect() as connection:
        assert positions.load(connection) == {}
        assert booking.fill_ids(connection, stored.intent_id) == set()


@pytest.mark.rule("R-MON-06", "R-SELL-12")
def test_a_sale_in_parts_adds_up_and_advances_the_level_on_its_fill(engine: Engine) -> None:
    with engine.begin() as connection:
        positions.adjust(connection, carried(100, 100.0))
    sale = accepted(
        engine,
        intent_id="sell-1",
        side=OrderSide.SELL,
        quantity=50,
        reason=SellReason.RSI_OVERBOUGHT.value,
        scale_out_level=2,
        context={"average_price_krw": 100.0, "holding_days": 3},
    )
    for name, quantity in (("a", 20), ("b", 30)):
        with engine.begin() as connection:
            booked = booking.book(connection, sale, [fill(name, quantity, 110)], now=SENT)
    assert booked.position is not None
    assert (booked.position.quantity, booked.position.scale_out_level, booked.position.rsi_sold) == (50, 2, True)
    with engine.connect() as connection:
        trade = connection.execute(TRADE_LOG.select()).mappings().one()
        assert risk.realized_since(connection, DAY, DAY) == 500 - 6
    assert (trade["realized_pnl_krw"], trade["holding_days"]) == (500 - 6, 3)
    assert trade["profit_pct"] == pytest.approx(10.0)


def carried(quantity: int, price: float) -> Adjustment:
    return Adjustment(
        adjustment_id="carried:005930",
        stock_code="005930",
        stock_name="삼성전자",
        kind=AdjustmentKind.CARRIED,
        quantity=quantity,
        price_krw=price,
        detail="opened earlier",
        effective_at=SENT - timedelta(days=3),
        sector_group="IT",
        bought_on=date(2025, 6, 24),
    )


def test_an_adjustment_counts_once_and_a_lost_row_is_derived_again(engine: Engine) -> None:
    with engine.begin() as connection:
        assert positions.adjust(connection, carried(10, 500.0)) is not None
        assert positions.adjust(connection, carried(10, 500.0)) is None
        before = positions.load(connection)["005930"]
        assert (before.quantity, before.bought_on) == (10, date(2025, 6, 24))
        connection.exec_driver_sql("DELETE FROM active_portfolio")
    with engine.begin() as connection:
        made = positions.rebuild_missing(connection, now=SENT)
    assert [(each.stock_code, each.quantity, each.average_price_krw) for each in made] == [("005930", 10, 500.0)]


@pytest.mark.rule("R-RDS-05")
def test_a_watermark_only_rises(engine: Engine) -> None:
    with engine.begin() as connection:
        positions.adjust(connection, carried(10, 500.0))
        positions.raise_watermark(connection, "005930", 600, floor_armed=True, now=SENT)
        positions.raise_watermark(connection, "005930", 550, floor_armed=False, now=SENT)
        found = positions.load(connection)["005930"]
    assert (found.high_watermark_krw, found.profit_floor_armed) == (600, True)


@pytest.mark.rule("R-RDS-05", "R-SELL-09", "R-SELL-10")
def test_cooldowns_end_in_market_time(engine: Engine) -> None:
    with engine.begin() as connection:
        cooldowns.put(connection, CooldownUntil("005930", CooldownKind.SELL, SENT))
        cooldowns.put(connection, CooldownUntil("005930", CooldownKind.SELL, SENT + timedelta(hours=24)))
        assert len(cooldowns.in_force(connection, SENT + timedelta(hours=23))) == 1
        assert cooldowns.in_force(connection, SENT + timedelta(hours=24)) == []


def test_lease_numbers_only_grow(engine: Engine) -> None:
    """O2."""
    for number in (1, 2, 3):
        with engine.begin() as connection:
            assert leases.take_next(connection, OrderSide.BUY, "me", now=SENT) == number
    with engine.begin() as connection:
        assert leases.take_next(connection, OrderSide.SELL, "me", now=SENT) == 1


def signal_row(outcome: str) -> dict[str, object]:
    return {
        "signal_id": "sig-1",
        "side": "buy",
        "market_day": DAY,
        "stock_code": "005930",
        "stock_name": "삼성전자",
        "strategy": "GOLDEN_CROSS",
        "price_krw": 100,
        "outcome": outcome,
        "payload": {"a": 1},
        "raised_at": SENT,
        "settled_at": SENT,
    }


def test_a_signal_has_one_outcome_whoever_writes_first(engine: Engine) -> None:
    """I3: the scanner's `raised` is completed, an outcome is never overwritten."""
    with engine.begin() as connection:
        assert journal.settle_signal(connection, signal_row("raised"), None)
        refusal = Refusal(rule="R-BUY-08", detail="buys today", value=6.0, limit=6.0)
        assert journal.settle_signal(connection, signal_row("refused"), refusal)
        assert not journal.settle_signal(connection, signal_row("ordered"), None)
        row = connection.execute(SIGNAL_LOG.select()).mappings().one()
        assert journal.settled_ids(connection, DAY, "buy") == {"sig-1"}
    assert (row["outcome"], row["refusal_rule"], row["refusal_value"], row["refusal_limit"]) == (
        "refused",
        "R-BUY-08",
        "6.0",
        "6.0",
    )


def test_risk_state_and_reconciliations_are_kept_once(engine: Engine) -> None:
    row = RiskRow(DAY, 1_000, None, -5, None, SENT, None, SENT)
    with engine.begin() as connection:
        assert risk.risk_row(connection, DAY) is None
        assert risk.equity_at_close_before(connection, DAY) is None
        risk.save_risk(connection, row)
        risk.save_risk(connection, row)
        for _ in range(2):
            risk.note_reconciliation(
                connection,
                reconciliation_id="buy:start:1",
                market_day=DAY,
                trigger="start",
                matches=1,
                differences=0,
                detail={},
                market_at=SENT,
            )
        assert risk.risk_row(connection, DAY) == row
        assert len(connection.execute(RECONCILIATION.select()).all()) == 1
