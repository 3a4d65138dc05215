"""Order of claim and the cap of 41 registrations (S4, drill 17)."""

import asyncio

import orjson
import pytest

from jennie_infra.kis.codec_ws import Ack
from jennie_live.gateway.session import Registrations
from jennie_live.gateway.subscriptions import Claims, UnknownClaimantError


def codes(start: int, count: int) -> list[str]:
    return [f"{number:06d}" for number in range(start, start + count)]


def test_held_comes_first_and_the_rest_is_polled() -> None:
    claims = Claims()
    claims.put("watchlist", codes(100, 50))
    claims.put("manual", codes(900, 5))
    claims.put("held", codes(0, 3))
    claims.put("open_orders", codes(1, 4))
    wanted = claims.wanted()
    assert wanted.subscribed == (*codes(0, 5), *codes(100, 35))
    assert wanted.polled == (*codes(135, 15), *codes(900, 5))


def test_a_claim_replaces_the_earlier_one() -> None:
    claims = Claims()
    claims.put("held", codes(0, 3))
    claims.put("held", codes(7, 1))
    assert claims.wanted().subscribed == ("000007",)
    with pytest.raises(UnknownClaimantError):
        claims.put("somebody", [])


class Exchange:
    """Answers registrations; refuses the codes it is told to, and can keep silent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.refuse: dict[str, str] = {}
        self.silent: set[str] = set()
        self.registrations = Registrations(self.send, "key", 0)

    async def send(self, raw: str) -> None:
        document = orjson.loads(raw)
        action, wanted = document["header"]["tr_type"], document["body"]["input"]
        self.sent.append((action, wanted["tr_key"]))
        if wanted["tr_key"] in self.silent:
            return
        code = self.refuse.get(wanted["tr_key"])
        ack = Ack(wanted["tr_id"], wanted["tr_key"], code is None, code or "OPSP0000", "")
        asyncio.get_running_loop().call_soon(self.registrations.acknowledge, ack)


async def test_releases_go_before_registrations() -> None:
    exchange = Exchange()
    await exchange.registrations.bring_to(["000001", "000002"])
    exchange.sent.clear()
    await exchange.registrations.bring_to(["000002", "000003"])
    assert exchange.sent == [("2", "000001"), ("1", "000003")]
    assert exchange.registrations.codes == {"000002", "000003"}


async def test_a_refused_code_is_shown_and_tried_again_next_time() -> None:
    exchange = Exchange()
    exchange.refuse = {"000002": "OPSP0008"}
    await exchange.registrations.bring_to(["000001", "000002"])
    assert exchange.registrations.codes == {"000001"}
    assert list(exchange.registrations.refused) == ["000002"]
    exchange.refuse.clear()
    await exchange.registrations.bring_to(["000001", "000002"])
    assert exchange.registrations.codes == {"000001", "000002"}
    assert exchange.registrations.refused == {}


async def test_already_subscribed_counts_as_subscribed() -> None:
    exchange = Exchange()
    exchange.refuse = {"000001": "OPSP0002"}
    await exchange.registrations.bring_to(["000001"])
    assert exchange.registrations.codes == {"000001"}


async def test_a_missing_acknowledgement_ends_the_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jennie_live.gateway.session.ACK_SECONDS", 0.05)
    exchange = Exchange()
    exchange.silent = {"000002"}
    await exchange.registrations.bring_to(["000001", "000002"])
    assert exchange.registrations.codes == {"000001"}
    assert exchange.registrations.refused == {"000002": "no acknowledgement"}


async def test_a_registration_whose_answer_was_lost_is_asked_again_and_released_when_not_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Drill 17: it may stand at the broker all the same, and would use up one of the 41."""
    monkeypatch.setattr("jennie_live.gateway.session.ACK_SECONDS", 0.05)
    exchange = Exchange()
    exchange.silent = {"000002"}
    await exchange.registrations.bring_to(["000001", "000002"])
    assert not exchange.registrations.is_at(["000001", "000002"])
    assert not exchange.registrations.is_at(["000001"])
    exchange.silent.clear()
    exchange.refuse = {"000002": "OPSP0002"}
    await exchange.registrations.bring_to(["000001", "000002"])
    assert exchange.registrations.is_at(["000001", "000002"])
    exchange.silent, exchange.refuse = {"000003"}, {}
    await exchange.registrations.bring_to(["000001", "000003"])
    exchange.silent.clear()
    exchange.sent.clear()
    await exchange.registrations.bring_to(["000001"])
    assert exchange.sent == [("2", "000003")]
    assert exchange.registrations.is_at(["000001"])


async def test_a_renewal_releases_and_registers_and_keeps_the_others() -> None:
    """Drill 16: the broker may have lost one registration while the connection lives."""
    exchange = Exchange()
    await exchange.registrations.bring_to(["000001", "000002"])
    exchange.sent.clear()
    await exchange.registrations.renew(["000002"])
    assert exchange.sent == [("2", "000002"), ("1", "000002")]
    assert exchange.registrations.is_at(["000001", "000002"])
