"""kis-gateway against the rehearsal exchange, both as real processes, on a real Redis-compatible server."""

import importlib.util
import sqlite3
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from jennie_core.domain.base import to_epoch_us
from jennie_core.domain.market import ClockMark, Tick
from jennie_core.domain.orders import ExecutionNotice, OrderReply
from jennie_core.krx.ticks import step_up
from jennie_infra.bus.streams import Entry, decode_entry, decode_watermark
from jennie_infra.bus.ticks import decode_tick_entry
from jennie_infra.ticklog import read_day

_spec = importlib.util.spec_from_file_location("gateway_stack", Path(__file__).with_name("gateway_stack.py"))
assert _spec is not None
assert _spec.loader is not None
gateway_stack = importlib.util.module_from_spec(_spec)
sys.modules["gateway_stack"] = gateway_stack
_spec.loader.exec_module(gateway_stack)
Stack, running, wait_for = gateway_stack.Stack, gateway_stack.running, gateway_stack.wait_for


@pytest.fixture(scope="module")
def client(redis_server: str) -> Iterator[Any]:
    with redis.Redis.from_url(redis_server) as made:
        made.flushdb()
        yield made


@pytest.fixture(scope="module")
def stack(redis_server: str, client: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One exchange and one gateway for the module, just after the opening; each test uses intents of its own."""
    with running(tmp_path_factory.mktemp("gateway"), redis_server) as made:
        settle(made, client, 10)
        settle(made, client, 5)
        yield made


def ticks_and_marks(client: Any, after: int = 0) -> list[Tick | ClockMark]:
    return [decode_tick_entry(fields) for _, fields in client.xrange("stream:ticks")[after:]]


def notices(client: Any, after: int = 0) -> list[Entry]:
    return [decode_entry(entry_id, fields) for entry_id, fields in client.xrange("stream:notices")[after:]]


def settle(stack: Any, client: Any, seconds: int) -> datetime:
    """Advance one slice and wait for the gateway's watermark."""
    end: datetime = stack.advance(seconds)

    def passed() -> bool:
        marks = [decode_watermark(fields) for _, fields in client.xrange("stream:watermarks")]
        return any(name == "kis-gateway" and at >= end for name, at in marks)

    wait_for(passed, f"watermark {end}; {stack.log()}")
    return end


def order(stack: Any, intent_id: str, code: str, side: str = "buy", lease: int = 1, **more: Any) -> OrderReply:
    body = {"intent_id": intent_id, "lease": lease, "stock_code": code, "side": side, "order_type": "market",
            "quantity": 10} | more  # fmt: skip
    reply = stack.api("POST", "/api/trading/order", json=body)
    assert reply.status_code == 200, reply.text
    return OrderReply.model_validate_json(reply.content)


def stored_outcome(path: Path, intent_id: str) -> str | None:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        row = database.execute("select outcome from gateway_call where intent_id = ?", (intent_id,)).fetchone()
    return None if row is None else row[0]


def claim(stack: Any, claimant: str, codes: list[str]) -> Any:
    reply = stack.api("PUT", f"/api/realtime/claims/{claimant}", json={"codes": codes})
    assert reply.status_code == 200, reply.text
    return reply.json()


def told_of(client: Any, order_number: str) -> list[ExecutionNotice]:
    messages = [entry.message for entry in notices(client)]
    return [
        message
        for message in messages
        if isinstance(message, ExecutionNotice)
        and order_number in (message.order_number, message.original_order_number)
    ]


@pytest.mark.rule("R-GW-13")
def test_ticks_arrive_in_order_between_marks_and_a_watermark_follows(stack: Any, client: Any) -> None:
    """T2, T3, decision 0001: who has seen a mark has seen all that came before it."""
    codes, carried = stack.codes[:5], stack.codes[-1]
    assert claim(stack, "watchlist", codes)["subscribed"] == sorted([*codes, carried])
    seen, told = client.xlen("stream:ticks"), client.xlen("stream:notices")
    sent = stack.admin("GET", "state")["ticks_sent"]
    for _ in range(6):
        end = settle(stack, client, 5)
    items = ticks_and_marks(client, seen)
    ticks = [item for item in items if isinstance(item, Tick)]
    assert {tick.code for tick in ticks} <= {*codes, carried}
    assert len(ticks) > 5
    newest = 0
    for item in items:
        if isinstance(item, ClockMark):
            assert item.market_us >= newest
            newest = item.market_us
        else:
            assert newest in (0, item.exchange_us // 1_000_000 * 1_000_000)
    assert items[-1] == ClockMark(to_epoch_us(end), settled=True)
    marks_of_notices = [entry.mark for entry in notices(client, told)]
    assert marks_of_notices == [item for item in items if isinstance(item, ClockMark)]
    assert stack.admin("GET", "state")["ticks_sent"] - sent == len(ticks)


@pytest.mark.rule("R-GW-08", "R-GW-15", "R-MSG-03")
def test_a_market_order_is_accepted_filled_and_told_once(stack: Any, client: Any) -> None:
    """O2: a repeated intent returns the stored outcome, an old lease is refused."""
    code = stack.codes[0]
    claim(stack, "watchlist", [code])
    settle(stack, client, 5)
    first = order(stack, "b-1", code, lease=3)
    assert first.outcome.kind == "accepted", first
    assert first.sent_at_us is not None
    again = order(stack, "b-1", code, lease=3)
    assert again.repeated
    assert again.outcome == first.outcome
    old = order(stack, "b-2", code, lease=2)
    assert old.outcome.kind == "refused"
    assert old.outcome.rule == "O2-LEASE"
    settle(stack, client, 5)
    told = told_of(client, first.outcome.order_number)
    assert not told[0].is_execution
    assert sum(notice.quantity for notice in told if notice.is_execution) == 10
    assert len({notice.notice_key for notice in told}) == len(told)
    assert [row["code"] for row in stack.admin("GET", "ledger")["orders"]] == [code]
    balance = stack.api("GET", "/api/account/balance").json()
    holdings = {row["stock_code"]: row["quantity"] for row in balance["holdings"]}
    assert holdings == {code: 10, stack.codes[-1]: 100}


@pytest.mark.rule("R-GW-08", "R-GW-09", "R-GW-15")
def test_a_resting_order_is_listed_and_cancelled(stack: Any, client: Any) -> None:
    """The whole remainder; the order list says so afterwards."""
    code = stack.codes[1]
    lower = stack.api("GET", f"/api/market/snapshot?code={code}").json()["lower_limit_krw"]
    placed = order(stack, "b-rest", code, lease=3, order_type="limit", limit_price_krw=lower)
    assert placed.outcome.kind == "accepted"
    number = placed.outcome.order_number
    assert [row["order_number"] for row in stack.api("GET", "/api/trading/open-orders").json()] == [number]
    body = {"intent_id": "b-rest", "lease": 3, "order_number": number, "stock_code": code}
    reply = OrderReply.model_validate_json(stack.api("POST", "/api/trading/cancel", json=body).content)
    assert reply.outcome.kind == "accepted"
    settle(stack, client, 5)
    assert stack.api("GET", "/api/trading/open-orders").json() == []
    rows = {row["order_number"]: row for row in stack.api("GET", "/api/trading/orders?day=2025-06-27").json()}
    assert rows[number]["remaining_quantity"] == 0
    assert any(notice.is_cancel_confirmation for notice in told_of(client, number))


def test_a_revised_order_lives_under_its_new_number_and_any_number_of_it_cancels(stack: Any, client: Any) -> None:
    """O2 and fact 7 of the sheet: one order at the broker throughout, also when the revision is said twice."""
    code = stack.codes[3]
    lower = stack.api("GET", f"/api/market/snapshot?code={code}").json()["lower_limit_krw"]
    placed = order(stack, "b-revise", code, lease=3, order_type="limit", limit_price_krw=lower)
    old = placed.outcome.order_number
    body = {"intent_id": "b-revise", "revision": 1, "lease": 3, "side": "buy", "stock_code": code,
            "order_number": old, "limit_price_krw": step_up(lower, on=gateway_stack.DAY)}  # fmt: skip
    said = [
        OrderReply.model_validate_json(stack.api("POST", "/api/trading/revise", json=body).content) for _ in range(2)
    ]
    assert [(reply.outcome.kind, reply.repeated) for reply in said] == [("accepted", False), ("accepted", True)]
    new = said[0].outcome.order_number
    (alive,) = stack.api("GET", "/api/trading/open-orders").json()
    assert (alive["order_number"], alive["original_order_number"]) == (new, old)
    assert alive["order_price_krw"] == body["limit_price_krw"]
    cancel = {"intent_id": "b-revise", "lease": 3, "order_number": old, "stock_code": code}
    reply = OrderReply.model_validate_json(stack.api("POST", "/api/trading/cancel", json=cancel).content)
    assert reply.outcome.kind == "accepted"
    settle(stack, client, 5)
    assert stack.api("GET", "/api/trading/open-orders").json() == []


@pytest.mark.rule("R-GW-12")
def test_codes_beyond_forty_are_polled_and_shown_as_such(stack: Any, client: Any) -> None:
    """S4, drill 17: held first; what does not fit is polled within the read budget."""
    held, watchlist = stack.codes[:3], stack.codes[3:50]
    claim(stack, "watchlist", watchlist)
    status = claim(stack, "held", held)
    assert len(status["subscribed"]) == 40
    assert set(held) <= set(status["subscribed"])
    assert status["polled"] == watchlist[37:]
    assert stack.admin("GET", "state")["sessions"][0]["registrations"] == 41
    seen = client.xlen("stream:ticks")
    for _ in range(12):
        settle(stack, client, 5)
    polled = [item for item in ticks_and_marks(client, seen) if isinstance(item, Tick) and item.source == "poll"]
    assert polled
    assert {tick.code for tick in polled} <= set(status["polled"])
    claim(stack, "watchlist", [])
    assert stack.admin("GET", "violations")["count"] == 0


@pytest.mark.rule("R-GW-05")
def test_reads_come_typed_and_ascending(stack: Any, client: Any) -> None:
    """Bars ascending and paged to the asked length."""
    code = stack.codes[0]
    for _ in range(6):
        end = settle(stack, client, 10)
    bars = stack.api("GET", f"/api/market/daily-prices?code={code}&sessions=250&until=2025-06-26").json()
    days = [bar["trade_date"] for bar in bars]
    assert len(days) == 250
    assert days == sorted(days)
    assert days[-1] == "2025-06-26"
    minutes = stack.api("GET", f"/api/market/minute-prices?code={code}").json()
    assert [bar["started_at"] for bar in minutes] == sorted(bar["started_at"] for bar in minutes)
    assert len(stack.api("GET", f"/api/market/minute-prices?code={code}&last=1").json()) == 1
    assert stack.api("GET", f"/api/market/order-book?code={code}").json()["asks"]
    quote = stack.api("GET", f"/api/market/snapshot?code={code}").json()
    assert quote["quoted_at"] == end.isoformat()
    assert stack.api("GET", f"/api/market/investor-flows?code={code}").status_code == 200
    assert stack.api("GET", "/api/market/index?index_code=0001").json()["level"] > 0
    days_ahead = stack.api("GET", "/api/market/session-days?start=2025-06-27").json()
    assert days_ahead[0] == {"day": "2025-06-27", "is_open": True}


def test_errors_name_their_rule(stack: Any) -> None:
    for method, path, status, rule in (
        ("GET", "/api/market/snapshot?code=999999", 422, "BROKER-CODE"),
        ("GET", "/api/market/snapshot?code=5930", 422, "GW-REQUEST"),
        ("PUT", "/api/realtime/claims/nobody", 404, "GW-CLAIMANT"),
        ("POST", "/api/trading/order", 422, "GW-REQUEST"),
    ):
        reply = stack.api(method, path, json={"codes": []} if method == "PUT" else {})
        assert (reply.status_code, reply.json()["rule"]) == (status, rule)


@pytest.mark.rule("R-GW-14")
def test_without_the_service_token_nothing_is_answered(stack: Any) -> None:
    guarded = (("GET", "/api/account/balance"), ("POST", "/api/trading/order"), ("PUT", "/api/realtime/claims/held"))
    for method, path in guarded:
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            refused = httpx.request(method, stack.gateway_url + path, headers=headers, json={"codes": []})
            assert refused.status_code == 401
            assert refused.json()["rule"] == "GW-TOKEN"


@pytest.mark.rule("R-GW-03")
def test_a_killed_gateway_keeps_token_outcomes_and_held_codes_and_answers_the_repeated_heartbeat(
    stack: Any, client: Any
) -> None:
    """Drills 13 and 17, O2, I6: no second token, no second order, one session, held codes registered by itself."""
    first = order(stack, "b-kill", stack.codes[2], lease=3)
    claim(stack, "held", [])
    wait_for(lambda: stored_outcome(stack.folder / "home" / "gateway.db", "b-kill"), "outcome in the durable table")
    settle(stack, client, 5)
    stack.stop_gateway(9)
    stack.start_gateway()
    again = order(stack, "b-kill", stack.codes[2], lease=3)
    assert again.repeated
    assert again.outcome == first.outcome
    assert stack.health()["detail"]["token"] == "valid"
    held = stack.api("GET", "/api/realtime/status").json()["subscribed"]
    assert held == sorted([stack.codes[0], stack.codes[2], stack.codes[-1]])
    assert [row["registrations"] for row in stack.admin("GET", "state")["sessions"]] == [4]
    before = client.xlen("stream:watermarks")
    stack.advance(0)
    wait_for(lambda: client.xlen("stream:watermarks") > before, "watermark after the repeated heartbeat")
    seen = client.xlen("stream:ticks")
    for _ in range(6):
        settle(stack, client, 10)
    assert any(isinstance(item, Tick) for item in ticks_and_marks(client, seen))
    assert stack.admin("GET", "violations")["count"] == 0


def test_the_tick_log_holds_what_was_published(stack: Any, client: Any) -> None:
    """Versioned local log: the same records in the same order, over two processes; a kill costs a second at most."""
    published = ticks_and_marks(client)
    told = [entry.message for entry in notices(client) if isinstance(entry.message, ExecutionNotice)]
    stack.stop_gateway()
    recorded = list(read_day(stack.folder / "home" / "ticks", gateway_stack.DAY))
    assert [record for record in recorded if not isinstance(record, ExecutionNotice)][-20:] == published[-20:]
    notices_recorded = [record for record in recorded if isinstance(record, ExecutionNotice)]
    assert notices_recorded
    assert notices_recorded == [notice for notice in told if notice in notices_recorded]
