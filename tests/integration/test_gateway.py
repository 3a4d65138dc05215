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

from jennie_core.domain.base import KST, to_epoch_us
from jennie_core.domain.market import ClockMark, Tick
from jennie_core.domain.orders import ExecutionNotice, OrderReply
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


@pytest.fixture
def client(redis_url: str) -> Iterator["redis.Redis[bytes]"]:
    with redis.Redis.from_url(redis_url) as made:
        yield made


@pytest.fixture
def stack(redis_url: str, tmp_path: Path) -> Iterator[Any]:
    with running(tmp_path, redis_url) as made:
        yield made


def ticks_and_marks(client: Any) -> list[Tick | ClockMark]:
    return [decode_tick_entry(fields) for _, fields in client.xrange("stream:ticks")]


def notices(client: Any) -> list[Entry]:
    return [decode_entry(entry_id, fields) for entry_id, fields in client.xrange("stream:notices")]


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


def test_ticks_arrive_in_order_between_marks_and_a_watermark_follows(stack: Any, client: Any) -> None:
    """T2, T3, decision 0001: who has seen a mark has seen all that came before it."""
    codes = stack.codes[:5]
    assert claim(stack, "watchlist", codes)["subscribed"] == sorted(codes)
    settle(stack, client, 10)
    for _ in range(6):
        end = settle(stack, client, 5)
    items = ticks_and_marks(client)
    ticks = [item for item in items if isinstance(item, Tick)]
    assert {tick.code for tick in ticks} <= set(codes)
    assert len(ticks) > 5
    newest = 0
    for item in items:
        if isinstance(item, ClockMark):
            assert item.market_us >= newest
            newest = item.market_us
        else:
            assert item.exchange_us // 1_000_000 * 1_000_000 == newest
    assert items[-1] == ClockMark(to_epoch_us(end), settled=True)
    marks_of_notices = [entry.mark for entry in notices(client)]
    assert marks_of_notices == [item for item in items if isinstance(item, ClockMark)]
    sent = stack.admin("GET", "state")["ticks_sent"]
    assert sent == len(ticks)


def test_a_market_order_is_accepted_filled_and_told_once(stack: Any, client: Any) -> None:
    """O2: a repeated intent returns the stored outcome, an old lease is refused."""
    code = stack.codes[0]
    claim(stack, "watchlist", [code])
    settle(stack, client, 10)
    for _ in range(4):
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
    told = [entry.message for entry in notices(client) if isinstance(entry.message, ExecutionNotice)]
    assert not told[0].is_execution
    assert sum(notice.quantity for notice in told if notice.is_execution) == 10
    assert len({notice.notice_key for notice in told}) == len(told)
    assert {notice.order_number for notice in told} == {first.outcome.order_number}
    assert len(stack.admin("GET", "ledger")["orders"]) == 1
    holdings = {
        row["stock_code"]: row["quantity"] for row in stack.api("GET", "/api/account/balance").json()["holdings"]
    }
    assert holdings == {code: 10, stack.codes[-1]: 100}


def test_a_restart_keeps_token_and_outcomes_and_answers_the_repeated_heartbeat(
    stack: Any, client: Any, tmp_path: Path
) -> None:
    """Drill 13: in-session restarts reuse the stored token. O2: outcomes outlive the process."""
    code = stack.codes[0]
    claim(stack, "watchlist", [code])
    settle(stack, client, 10)
    for _ in range(3):
        settle(stack, client, 5)
    first = order(stack, "b-1", code)
    wait_for(lambda: stored_outcome(tmp_path / "home" / "gateway.db", "b-1"), "outcome in the durable table")
    stack.stop_gateway(9)
    stack.start_gateway()
    again = order(stack, "b-1", code)
    assert again.repeated
    assert again.outcome == first.outcome
    assert stack.health()["detail"]["token"] == "valid"
    before = client.xlen("stream:watermarks")
    stack.advance(0)
    wait_for(lambda: client.xlen("stream:watermarks") > before, "watermark after the repeated heartbeat")
    assert stack.admin("GET", "violations")["count"] == 0


def test_codes_beyond_forty_are_polled_and_shown_as_such(stack: Any, client: Any) -> None:
    """S4, drill 17: held first; what does not fit is polled within the read budget."""
    held, watchlist = stack.codes[:3], stack.codes[3:50]
    claim(stack, "watchlist", watchlist)
    status = claim(stack, "held", held)
    assert len(status["subscribed"]) == 40
    assert set(held) <= set(status["subscribed"])
    assert status["polled"] == watchlist[37:]
    state = stack.admin("GET", "state")
    assert state["sessions"][0]["registrations"] == 41
    settle(stack, client, 10)
    for _ in range(12):
        settle(stack, client, 5)
    polled = [item for item in ticks_and_marks(client) if isinstance(item, Tick) and item.source == "poll"]
    assert polled
    assert {tick.code for tick in polled} <= set(status["polled"])
    assert stack.admin("GET", "violations")["count"] == 0


def test_reads_come_typed_and_ascending(stack: Any, client: Any) -> None:
    """R-GW-05: bars ascending and paged to the asked length."""
    code = stack.codes[0]
    settle(stack, client, 10)
    for _ in range(30):
        settle(stack, client, 5)
    bars = stack.api("GET", f"/api/market/daily-prices?code={code}&sessions=250&until=2025-06-26").json()
    days = [bar["trade_date"] for bar in bars]
    assert len(days) == 250
    assert days == sorted(days)
    assert days[-1] == "2025-06-26"
    minutes = stack.api("GET", f"/api/market/minute-prices?code={code}").json()
    assert [bar["started_at"] for bar in minutes] == sorted(bar["started_at"] for bar in minutes)
    assert stack.api("GET", f"/api/market/order-book?code={code}").json()["asks"]
    quote = stack.api("GET", f"/api/market/snapshot?code={code}").json()
    assert quote["quoted_at"] == "2025-06-27T09:02:30+09:00"
    assert stack.api("GET", f"/api/market/investor-flows?code={code}").status_code == 200
    assert stack.api("GET", "/api/market/index?index_code=0001").json()["level"] > 0
    assert stack.api("GET", "/api/market/session-days?start=2025-06-27").json()[0] == {
        "day": "2025-06-27", "is_open": True,
    }  # fmt: skip
    assert stack.api("GET", "/api/trading/orders?day=2025-06-27").json() == []
    assert stack.api("GET", "/api/trading/open-orders").json() == []


def test_a_resting_order_is_listed_and_cancelled(stack: Any, client: Any) -> None:
    """R-GW-09: the whole remainder; the order list says so afterwards."""
    code = stack.codes[0]
    settle(stack, client, 10)
    for _ in range(3):
        settle(stack, client, 5)
    lower = stack.api("GET", f"/api/market/snapshot?code={code}").json()["lower_limit_krw"]
    placed = order(stack, "b-1", code, order_type="limit", limit_price_krw=lower)
    assert placed.outcome.kind == "accepted"
    listed = stack.api("GET", "/api/trading/open-orders").json()
    assert [row["order_number"] for row in listed] == [placed.outcome.order_number]
    body = {"intent_id": "b-1", "lease": 1, "order_number": placed.outcome.order_number, "stock_code": code}
    reply = OrderReply.model_validate_json(stack.api("POST", "/api/trading/cancel", json=body).content)
    assert reply.outcome.kind == "accepted"
    settle(stack, client, 5)
    assert stack.api("GET", "/api/trading/open-orders").json() == []
    rows = {row["order_number"]: row for row in stack.api("GET", "/api/trading/orders?day=2025-06-27").json()}
    assert rows[placed.outcome.order_number]["remaining_quantity"] == 0
    told = [entry.message for entry in notices(client) if isinstance(entry.message, ExecutionNotice)]
    assert any(notice.is_cancel_confirmation for notice in told)


def test_without_the_service_token_nothing_is_answered(stack: Any) -> None:
    reply = stack.api("GET", "/api/account/balance", params={})
    assert reply.status_code == 200
    for method, path in (
        ("GET", "/api/account/balance"),
        ("POST", "/api/trading/order"),
        ("PUT", "/api/realtime/claims/held"),
    ):
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            refused = httpx.request(method, stack.gateway_url + path, headers=headers, json={"codes": []})
            assert refused.status_code == 401
            assert refused.json()["rule"] == "GW-TOKEN"


def test_the_tick_log_holds_what_was_published(stack: Any, client: Any, tmp_path: Path) -> None:
    """Versioned local log: the same records in the same order as the streams."""
    claim(stack, "watchlist", stack.codes[:5])
    settle(stack, client, 10)
    for _ in range(5):
        settle(stack, client, 5)
    published = ticks_and_marks(client)
    stack.stop_gateway()
    recorded = list(read_day(tmp_path / "home" / "ticks", gateway_stack.DAY))
    assert recorded == published
    assert datetime.fromtimestamp(published[-1][0] / 1e6, KST).date() == gateway_stack.DAY  # the last is a mark
