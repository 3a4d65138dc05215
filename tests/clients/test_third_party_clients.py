"""Published KIS clients, unchanged but for addresses, against `jennie sim` (`make test-clients`).

Each runs its own script in its own environment; what it saw must be what the exchange has drawn and recorded. Trades
and quotes are looked up by their cumulative volume, which no other trade of the day shares.
"""

from collections.abc import Iterator

import polars as pl
import pytest

from jennie_core.krx.calendar import KrxCalendar
from jennie_sim.clock import today_in_seoul
from jennie_sim.market.hours import hhmmss
from jennie_sim.market.tape import Col
from tests.clients.exchange import Exchange, Line, Sight, running_exchange

pytestmark = [pytest.mark.clients, pytest.mark.timeout(600)]

BOUGHT, RESTING = 7, 5
PRICES = ("open", "high", "low", "close")


@pytest.fixture
def exchange(request: pytest.FixtureRequest) -> Iterator[Exchange]:
    """The exchange with the field counts and options of the test's parameter, on today: clients ask for that day."""
    wire_revision, *more = request.param
    with running_exchange(today_in_seoul(), wire_revision, *more) as made:
        yield made


def check_price(exchange: Exchange, sight: Sight) -> None:
    """The quote is the state after one trade of the day."""
    row = _trade_at(exchange, sight.one("price")["volume"])
    assert sight.one("price") == {
        "step": "price",
        "price": row[Col.PRICE],
        "volume": row[Col.VOLUME],
        "high": row[Col.HIGH],
        "low": row[Col.LOW],
    }


def check_daily_chart(exchange: Exchange, sight: Sight, least: int) -> None:
    """Every bar is one of the history, none is missing between the first and the last."""
    history = exchange.market.history(exchange.code)
    bars = {row["date"].isoformat(): row for row in history.iter_rows(named=True)}
    days = [day for day in sight.of("day") if day["date"] < exchange.market.day.isoformat()]
    dates = sorted(day["date"] for day in days)
    assert len(dates) >= least
    assert dates == [day for day in sorted(bars) if dates[0] <= day <= dates[-1]]
    assert dates[-1] == max(bars)
    for day in days:
        assert {name: day[name] for name in (*PRICES, "volume")} == {
            name: bars[day["date"]][name] for name in (*PRICES, "volume")
        }


def check_minute_chart(exchange: Exchange, sight: Sight) -> None:
    """Finished minutes show the last, highest and lowest trade of that minute."""
    rows = pl.DataFrame(
        exchange.market.tape(exchange.code).rows[:, : Col.VOLUME], schema=["at", "price", "size", "side"]
    )
    made = rows.group_by(pl.col("at") // 60_000).agg(
        pl.col("price").last().alias("close"), pl.col("price").max().alias("high"), pl.col("price").min().alias("low")
    )
    minutes = {hhmmss(row["at"] * 60_000)[:4]: row for row in made.iter_rows(named=True)}
    seen = [minute for minute in sight.of("minute") if minute["time"] < "1000"]
    assert len(seen) >= 5
    for minute in seen:
        expected = minutes[minute["time"]]
        assert {name: minute[name] for name in ("close", "high", "low")} == {
            name: expected[name] for name in ("close", "high", "low")
        }


def check_ticks(exchange: Exchange, sight: Sight) -> None:
    """The trades are consecutive ones of the day: none lost, none twice, none altered."""
    ticks = sight.of("tick")
    assert len(ticks) >= 3
    tape = exchange.market.tape(exchange.code)
    volumes = tape.rows[:, Col.VOLUME].tolist()
    first = volumes.index(ticks[0]["volume"])
    for index, tick in enumerate(ticks, start=first):
        row = tape.row(index)
        assert (tick["time"], tick["price"], tick["volume"]) == (
            hhmmss(row[Col.AT_MS]),
            row[Col.PRICE],
            row[Col.VOLUME],
        )
        assert tick.get("size", row[Col.SIZE]) == row[Col.SIZE]


def check_orders(exchange: Exchange, sight: Sight, *, revised: bool = True) -> None:
    """A market buy was filled; a limit buy was revised and cancelled; nothing else reached the ledger."""
    orders = {order["order_number"]: order for order in sight.ledger["orders"]}
    bought, placed = orders[sight.one("bought")["number"]], orders[sight.one("placed")["number"]]
    cancel = orders[sight.one("cancelled")["number"]]
    assert (bought["side"], bought["kind"], bought["status"]) == ("buy", "market", "filled")
    assert bought["filled_quantity"] == BOUGHT
    assert (placed["quantity"], placed["price_krw"]) == (RESTING, exchange.market.limits(exchange.code).lower_krw)
    last = placed
    if revised:
        last = orders[sight.one("revised")["number"]]
        assert placed["status"] == "replaced"
        assert (last["action"], last["original_number"]) == ("revise", placed["order_number"])
        assert last["price_krw"] > placed["price_krw"]
        assert sight.one("open")["numbers"] == [last["order_number"]]
    assert (cancel["action"], cancel["original_number"]) == ("cancel", last["order_number"])
    assert (last["status"], last["cancelled_quantity"], last["filled_quantity"]) == ("cancelled", RESTING, 0)
    assert len(orders) == (4 if revised else 3)


def check_notices(sight: Sight) -> None:
    """Every fill of the ledger was told once, to the share and the won, and every order's acceptance."""
    bought = sight.one("bought")["number"]
    told = [_fill(notice) for notice in sight.of("notice") if notice["executed"] and notice["number"] == bought]
    assert told == [(fill["order_number"], fill["quantity"], fill["price_krw"]) for fill in sight.ledger["fills"]]
    assert {notice["number"] for notice in sight.of("notice")} == {
        order["order_number"] for order in sight.ledger["orders"]
    }


def check_balance(exchange: Exchange, sight: Sight) -> None:
    """Holdings and cash are the ledger's."""
    account = sight.ledger["accounts"][0]
    spent = sum(fill["amount_krw"] for fill in sight.ledger["fills"])
    held = sight.one("held")
    assert (held["code"], held["quantity"]) == (exchange.code, BOUGHT)
    assert held["average"] == pytest.approx(spent / BOUGHT, abs=0.01)
    cash = sight.one("cash")
    assert cash["today"] == account["opening_cash_krw"]
    if "settled" in cash:
        assert cash["settled"] == account["cash_krw"]


def _trade_at(exchange: Exchange, volume: int) -> list[int]:
    tape = exchange.market.tape(exchange.code)
    return tape.row(tape.rows[:, Col.VOLUME].tolist().index(volume))


def _fill(notice: Line) -> tuple[int, int, int]:
    return notice["number"], notice["quantity"], notice["price"]


@pytest.mark.parametrize("exchange", [["47/63/26"]], indirect=True)
def test_kis_trader_trades_a_day_with_the_newest_field_counts(exchange: Exchange) -> None:
    sight = exchange.show("kis_trader")
    check_price(exchange, sight)
    check_daily_chart(exchange, sight, 120)
    check_minute_chart(exchange, sight)
    check_ticks(exchange, sight)
    check_orders(exchange, sight)
    check_notices(sight)
    check_balance(exchange, sight)
    assert sight.cannot == {}
    assert sight.violations == []


@pytest.mark.parametrize("exchange", [["46/59/23"]], indirect=True)
def test_python_kis_trades_a_day_with_the_oldest_field_counts(exchange: Exchange) -> None:
    sight = exchange.show("python_kis", KIND="real")
    check_price(exchange, sight)
    check_daily_chart(exchange, sight, 120)
    check_minute_chart(exchange, sight)
    check_ticks(exchange, sight)
    check_orders(exchange, sight)
    check_notices(sight)
    check_balance(exchange, sight)
    assert sight.cannot == {}


@pytest.mark.parametrize("exchange", [["46/59/23", "--accept-any-key"]], indirect=True)
def test_python_kis_trades_a_day_on_the_mock_trading_ids(exchange: Exchange) -> None:
    """Two application keys and two sockets: quotes with the real key, orders and notices with the mock-trading one."""
    sight = exchange.show("python_kis", KIND="paper")
    check_price(exchange, sight)
    check_daily_chart(exchange, sight, 120)
    check_ticks(exchange, sight)
    check_orders(exchange, sight, revised=False)
    check_notices(sight)
    check_balance(exchange, sight)
    assert sight.cannot.keys() == {"revised", "open"}


@pytest.mark.parametrize("exchange", [["46/59/26"]], indirect=True)
def test_python_kis_drops_every_notice_of_the_other_field_count(exchange: Exchange) -> None:
    """The switch is real: with 26 fields (protocol sheet, 0.2) it sees trades and waits for its fill in vain."""
    with pytest.raises(AssertionError, match="not within 10 s: execution notices"):
        exchange.show("python_kis", KIND="real", NOTICE_SECONDS="10")
    assert exchange.admin.ledger()["fills"] != []


@pytest.mark.parametrize("exchange", [["46/59/23"]], indirect=True)
def test_mojito2_trades_a_day(exchange: Exchange) -> None:
    sight = exchange.show("mojito2")
    check_price(exchange, sight)
    check_daily_chart(exchange, sight, 60)
    check_minute_chart(exchange, sight)
    check_ticks(exchange, sight)
    check_orders(exchange, sight)
    check_notices(sight)
    check_balance(exchange, sight)
    assert sight.cannot == {}


@pytest.mark.parametrize("exchange", [["47/63/26"]], indirect=True)
def test_pykis_orders_without_a_realtime_side(exchange: Exchange) -> None:
    """0.7.0 of 2022: old ids, buyable cash asked for on the path of another function, organisation number 06010."""
    sight = exchange.show("pykis")
    limits = exchange.market.limits(exchange.code)
    seen = sight.one("limits")
    assert (seen["lower"], seen["upper"]) == (limits.lower_krw, limits.upper_krw)
    assert sight.one("price")["price"] in exchange.market.tape(exchange.code).rows[:, Col.PRICE]
    check_daily_chart(exchange, sight, 29)
    check_orders(exchange, sight)
    check_balance(exchange, sight)
    assert sight.one("cash")["buyable"] == sight.ledger["accounts"][0]["orderable_krw"]
    assert sight.cannot.keys() == {"minute", "tick", "notice"}


def test_kis_agent_orders_but_cannot_read_its_notices() -> None:
    """Its realtime side stays away outside market hours, hence a session's day and, for it, that day's clock."""
    calendar, today = KrxCalendar.shipped(), today_in_seoul()
    day = today if calendar.is_session(today) else calendar.previous_session(today)
    with running_exchange(day, "47/63/26") as exchange:
        sight = exchange.show("kis_agent")
        check_price(exchange, sight)
        check_daily_chart(exchange, sight, 60)
        check_minute_chart(exchange, sight)
        check_ticks(exchange, sight)
        check_orders(exchange, sight)
        check_balance(exchange, sight)
    assert sight.one("encrypted")["count"] == len(sight.ledger["orders"]) + len(sight.ledger["fills"])
    assert sight.cannot.keys() == {"notice"}
