"""Faults of the broker seen from the gateway (drills 1, 2, 8, 13-15, 18), with real processes."""

import importlib.util
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from jennie_core.domain.market import ClockMark
from jennie_core.domain.orders import ExecutionNotice, OrderReply
from jennie_infra.bus.streams import decode_entry
from jennie_infra.bus.ticks import decode_tick_entry

_spec = importlib.util.spec_from_file_location("gateway_stack", Path(__file__).with_name("gateway_stack.py"))
assert _spec is not None
assert _spec.loader is not None
gateway_stack = importlib.util.module_from_spec(_spec)
sys.modules["gateway_stack"] = gateway_stack
_spec.loader.exec_module(gateway_stack)
wait_for = gateway_stack.wait_for


@pytest.fixture(scope="module")
def client(redis_server: str) -> Iterator[Any]:
    with redis.Redis.from_url(redis_server) as made:
        made.flushdb()
        yield made


@pytest.fixture(scope="module")
def running(redis_server: str, client: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with gateway_stack.running(tmp_path_factory.mktemp("faults"), redis_server) as made:
        go_on(made, 10)
        yield made


@pytest.fixture
def stack(running: Any) -> Iterator[Any]:
    """The module's exchange and gateway: faults off, a fresh minute and second of the broker's limits, no violation."""
    running.admin("POST", "faults", clear=True)
    go_on(running, 70)
    yield running
    running.admin("POST", "faults", clear=True)
    assert running.admin("GET", "violations")["count"] == 0


def go_on(stack: Any, seconds: int) -> None:
    """Advance and wait until the gateway's market time is there."""
    end = stack.advance(seconds)
    wait_for(lambda: (stack.health()["market_time"] or "") >= end.isoformat(), "market time")


def order(stack: Any, intent_id: str, side: str = "buy", code: str | None = None) -> OrderReply:
    body = {
        "intent_id": intent_id, "lease": 1, "stock_code": code or stack.codes[0], "side": side, "order_type": "market",
        "quantity": 5,
    }  # fmt: skip
    return OrderReply.model_validate_json(stack.api("POST", "/api/trading/order", json=body).content)


def fault(stack: Any, name: str, endpoint: str = "*", **more: Any) -> Any:
    return stack.admin("POST", "faults", name=name, endpoint=endpoint, **more)


def ledger_orders(stack: Any) -> list[Any]:
    orders: list[Any] = stack.admin("GET", "ledger")["orders"]
    return orders


@pytest.mark.rule("R-GW-04", "R-ORD-12")
def test_a_lost_reply_is_unknown_and_the_broker_has_the_order_once(stack: Any) -> None:
    """Drill 1: buy and sell."""
    before = len(ledger_orders(stack))
    fault(stack, "accept_then_drop_reply", "order-cash", count=2)
    for intent, side, code in (("b-1", "buy", None), ("s-1", "sell", stack.codes[-1])):
        reply = order(stack, intent, side, code)
        assert reply.outcome.kind == "unknown"
        again = order(stack, intent, side, code)
        assert again.repeated
        assert again.outcome == reply.outcome
    assert len(ledger_orders(stack)) == before + 2
    listed = stack.api("GET", "/api/trading/orders?day=2025-06-27").json()
    assert len(listed) == before + 2


@pytest.mark.parametrize(
    ("params", "kind", "rule"),
    [
        ({"status": 500, "msg_cd": "EGW00201"}, "refused", "BROKER-RATE"),
        ({"status": 200, "msg_cd": "EGW00201"}, "refused", "BROKER-RATE"),
        ({"status": 500, "msg_cd": "EGW00123"}, "refused", "BROKER-TOKEN"),
        ({"status": 200, "msg_cd": "APBK7777"}, "unknown", None),
    ],
)
def test_the_code_in_the_body_decides(stack: Any, params: dict[str, Any], kind: str, rule: str | None) -> None:
    """Drill 2: no second order, no token for a rate limit, zero violations."""
    fault(stack, "status", "order-cash", count=1, params=params)
    before = len(ledger_orders(stack))
    reply = order(stack, f"b-{params['status']}-{params['msg_cd']}")
    assert reply.outcome.kind == kind
    if rule is not None:
        assert reply.outcome.rule == rule
    assert len(ledger_orders(stack)) == before
    go_on(stack, 70)
    assert stack.api("GET", "/api/account/balance").status_code == 200


def test_a_revoked_token_under_load_is_issued_once_more(stack: Any) -> None:
    """Drill 13."""
    fault(stack, "revoke_token")
    with ThreadPoolExecutor(20) as pool:
        paths = [f"/api/market/snapshot?code={code}" for code in stack.codes[:20]]
        answers = list(pool.map(lambda path: stack.api("GET", path).status_code, paths))
    assert set(answers) == {200}


def test_a_dead_token_within_the_minute_refuses_instead_of_breaking_the_limit(stack: Any) -> None:
    """Drill 13: at most one issue a minute at the broker, whatever happens."""
    for _ in range(2):
        fault(stack, "revoke_token")
        stack.api("GET", "/api/account/balance")
    refused = stack.api("GET", "/api/account/balance")
    assert (refused.status_code, refused.json()["rule"]) == (503, "GW-TOKEN")


@pytest.mark.rule("R-GW-01")
def test_saturating_reads_leave_room_for_a_sell(stack: Any) -> None:
    """Drill 14: no violation over all endpoints together; the sell leaves at once."""
    with ThreadPoolExecutor(12) as pool:
        paths = [f"/api/market/order-book?code={code}" for code in stack.codes * 4]
        reads = [pool.submit(stack.api, "GET", path) for path in paths[:150]]
        wait_for(lambda: stack.health()["detail"]["budget_refused"] > 0, "a refused read")
        sold = order(stack, "s-14", "sell", stack.codes[-1])
        statuses = {read.result().status_code for read in reads}
    assert sold.outcome.kind == "accepted"
    assert statuses == {200, 429}


def test_slow_quotes_hold_up_nobody(stack: Any) -> None:
    """Drill 15: a slow endpoint never delays another one."""
    fault(stack, "delay", "inquire-price", params={"ms": 20_000})
    with ThreadPoolExecutor(10) as pool:
        quotes = [pool.submit(stack.api, "GET", f"/api/market/snapshot?code={code}") for code in stack.codes[:10]]
        wait_for(lambda: stack.health()["detail"]["budget_used"] >= 10, "quotes on their way")
        sold = order(stack, "s-15", "sell", stack.codes[-1])
        assert sold.outcome.kind == "accepted"
        assert not any(quote.done() for quote in quotes), "the sell came back while the slow quotes were still out"
        assert stack.api("GET", "/api/account/balance").status_code == 200
        assert {quote.result().status_code for quote in quotes} == {503}


def test_garbled_frames_are_counted_and_the_process_lives(stack: Any, client: Any) -> None:
    """Drill 18."""
    stack.api("PUT", "/api/realtime/claims/watchlist", json={"codes": stack.codes[:20]})
    fault(stack, "garble_frame", params={"seed": 5})
    for _ in range(5):
        stack.advance(5)
    stack.admin("POST", "faults", clear=True)
    go_on(stack, 5)
    for _, fields in client.xrange("stream:ticks"):
        item = decode_tick_entry(fields)
        assert isinstance(item, ClockMark) or item.price_krw > 0
    wait_for(lambda: stack.health()["status"] == "healthy", "health after the faults")
    kept = stack.api("GET", "/api/realtime/bad-frames").json()
    assert kept["frames"], "kept for inspection"
    assert all(len(frame["text"]) <= 2_000 and frame["reason"] for frame in kept["frames"])
    reason, count = max(kept["dropped"].items(), key=lambda each: each[1])
    wait_for(
        lambda: (
            f'jennie_ticks_dropped_total{{reason="{reason}"}} {count}.0'
            in httpx.get(f"{stack.gateway_url}/metrics").text
        ),
        "counted by reason",
    )
    assert f"{reason} {count}" in stack.health()["detail"]["dropped"]


def test_a_notice_delivered_again_has_the_key_it_had(stack: Any, client: Any) -> None:
    """Drill 8: after a reconnect the exchange may send the same notices again."""
    reply = order(stack, "b-8")
    assert reply.outcome.kind == "accepted"
    go_on(stack, 5)
    keys = [
        entry.message.notice_key
        for entry in (decode_entry(entry_id, fields) for entry_id, fields in client.xrange("stream:notices"))
        if isinstance(entry.message, ExecutionNotice) and entry.message.order_number == reply.outcome.order_number
    ]
    assert keys
    assert len(set(keys)) == len(keys)
