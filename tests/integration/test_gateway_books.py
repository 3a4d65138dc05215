"""Pushed order books of both record widths, from the exchange's socket to the gateway's order-book read."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest
import redis

if "gateway_stack" not in sys.modules:
    _spec = importlib.util.spec_from_file_location("gateway_stack", Path(__file__).with_name("gateway_stack.py"))
    assert _spec is not None
    assert _spec.loader is not None
    sys.modules["gateway_stack"] = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(sys.modules["gateway_stack"])
gateway_stack: Any = sys.modules["gateway_stack"]


def outcome(stack: Any, name: str) -> float:
    """A record counter of the gateway's metrics."""
    text = gateway_stack.httpx.get(stack.gateway_url + "/metrics", timeout=5).text
    found = [line.rsplit(" ", 1)[1] for line in text.splitlines() if f'outcome="{name}"' in line and "_total" in line]
    return float(found[0]) if found else 0.0


@pytest.mark.parametrize("revision", ["47/63/26", "46/59/26"])
def test_the_best_claims_have_a_pushed_book_and_no_registration_is_too_many(
    redis_server: str, tmp_path: Path, revision: str
) -> None:
    with redis.Redis.from_url(redis_server) as client:
        client.flushdb()
    variables = {"JENNIE_BOOK_CODES": "3", "JENNIE_KIS_WIRE_REVISION": revision}
    with gateway_stack.running(tmp_path, redis_server, "--wire-revision", revision, **variables) as stack:
        stack.advance(15)
        claimed = stack.api("PUT", "/api/realtime/claims/watchlist", json={"codes": stack.codes[:50]})
        assert claimed.status_code == 200, claimed.text
        assert len(claimed.json()["subscribed"]) == 37
        for _ in range(12):
            stack.advance(5)
        gateway_stack.wait_for(lambda: outcome(stack, "book_kept") > 20, "books are counted")
        assert stack.health()["detail"]["pushed_books"] == 3
        dropped = stack.health()["detail"]["dropped"] or ""
        assert "book_" not in dropped
        first = stack.codes[0]
        pushed = stack.api("GET", f"/api/market/order-book?code={first}").json()
        polled = stack.api("GET", f"/api/market/order-book?code={stack.codes[10]}").json()
        assert (pushed["source"], polled["source"]) == ("push", "poll")
        assert 0 <= pushed["age_seconds"] <= 10
        asked = stack.admin("GET", "state")
        assert asked["sessions"][0]["registrations"] <= 41
        assert stack.admin("GET", "violations")["count"] == 0
