"""Drills 2, 13, 14 and 15: the gateway between our services and a broker that errs, forgets, limits or is gone."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jennie_core.domain.enums import OrderState
from jennie_infra.db.repositories.tables import SIGNAL_LOG
from jennie_infra.gateway_client import GatewayError
from jennie_infra.kis.token_file import COPY_SUFFIX, FILE_NAME
from jennie_infra.settings import PORTS
from tests.drills.exchange import CODES, HELD, HELD_SHARES
from tests.drills.rig import Rig, running_rig
from tests.drills.services import Readers, saturating, service
from tests.drills.tcp_proxy import Line, Proxy, proxy_to

pytestmark = [pytest.mark.drill, pytest.mark.timeout(300)]

MINUTE = timedelta(seconds=65)
"""More than the minute in which the broker issues one token."""
HALF = HELD_SHARES // 2


@pytest.fixture
async def behind_proxy(
    drill_seed: int, port_bases: Iterator[int], record_property: Callable[[str, object], None]
) -> AsyncIterator[tuple[Rig, Proxy]]:
    """A rig whose gateway reaches the exchange's REST port through a proxy; the feed goes straight."""
    base = next(port_bases)
    with proxy_to(PORTS["sim"] + base) as proxy:
        home = Path(tempfile.mkdtemp(prefix="jd-"))
        async with running_rig(home, base, seed=drill_seed, JENNIE_KIS_REST_URL=proxy.url) as rig:
            rig.recovery.record = record_property
            yield rig, proxy


def violations(rig: Rig) -> list[dict[str, Any]]:
    """Limits of the broker that were broken, as the exchange recorded them."""
    found: list[dict[str, Any]] = rig.admin.violations()["violations"]
    return found


def detail(rig: Rig) -> dict[str, Any]:
    """Detail of the gateway's health."""
    found: dict[str, Any] = rig.health("kis-gateway").get("detail", {})
    return found


async def raised_until_it_leaves(rig: Rig) -> None:
    """The monitor's part: while the exit's rule holds it raises the order again (level-triggered)."""
    for _ in range(12):
        await rig.sell(HELD, HALF)
        await rig.slices(2)
        if rig.orders(HELD):
            break
    assert len(rig.orders(HELD)) == 1, rig.signals(stock_code=HELD)


async def said_once(rig: Rig, alert_id: str) -> bool:
    return [alert.cleared for alert in await rig.alerts() if alert.alert_id == alert_id] == [False, True]


def says(status: int, code: str) -> dict[str, Any]:
    return {"status": status, "msg_cd": code, "msg1": "drill"}


@pytest.mark.safety
async def test_02_the_code_in_the_body_decides_what_an_order_came_to(rig: Rig) -> None:
    """A limit, a dead token and a refusal placed nothing, whatever the status; a code that nobody knows may have."""
    cases = {
        CODES[0]: (says(500, "EGW00201"), "BROKER-RATE"),
        CODES[1]: (says(200, "EGW00201"), "BROKER-RATE"),
        CODES[2]: (says(200, "APBK0952"), "BROKER-CASH"),
        CODES[3]: (says(500, "EGW00123"), "BROKER-TOKEN"),
        CODES[4]: (says(500, "ZZZ00001"), None),
        CODES[5]: (says(200, "ZZZ00001"), None),
    }
    for code, (params, rule) in cases.items():
        await rig.slice(passed=MINUTE)  # a token may be issued again
        before = rig.admin.hits("status")
        rig.admin.faults({"name": "status", "endpoint": "order-cash", "count": 1, "params": params})
        await rig.signal(code)
        await rig.slices_until(lambda code=code: rig.intents(stock_code=code), f"the intent of {code}")
        await rig.slices(2)
        assert rig.admin.hits("status") == before + 1, "sent once"
        (intent,) = rig.intents(stock_code=code)
        if rule is None:
            assert intent["state"] == OrderState.UNKNOWN.value, "an unrecognised code proves nothing"
        else:
            assert (intent["state"], rule in str(intent)) == (OrderState.REJECTED.value, True), intent
    rig.fault_is_over()
    await rig.slices_until(lambda: not rig.unresolved("buy"), "inquiries settle what was unknown")
    assert all(rig.orders(code) == [] for code in cases), "nothing was sent again"
    assert violations(rig) == [], "a limit causes no token, a dead token one"
    await rig.signal(CODES[6])
    await rig.slices_until(lambda: len(rig.orders(CODES[6])) == 1, "buys go on")
    await rig.slices_until(lambda: not rig.unresolved("buy"), "settled")
    await rig.holds()


@pytest.mark.safety
@pytest.mark.parametrize(
    ("status", "code", "rule"),
    [(500, "EGW00201", "BROKER-RATE"), (200, "EGW00201", "BROKER-RATE"), (500, "ZZZ00001", "BROKER-UNKNOWN")],
    ids=["limit as 500", "limit as 200", "unknown code"],
)
async def test_02_a_failed_quote_is_no_quote_and_causes_no_token(rig: Rig, status: int, code: str, rule: str) -> None:
    rig.admin.faults({"name": "status", "endpoint": "inquire-price", "params": says(status, code)})
    async with service(rig, "drill") as client:
        with pytest.raises(GatewayError, match=rule):
            await client.quote(CODES[0])
    await rig.signal(CODES[0])
    await rig.slices(2)
    assert rig.orders(CODES[0]) == [], "status and price are read again before each buy (Q3, I4)"
    assert [outcome for outcome, _ in rig.signals(stock_code=CODES[0])] == ["refused"]
    await rig.sell(HELD, HALF)
    await rig.slices_until(lambda: rig.theirs().get(HELD) == HELD_SHARES - HALF, "exits need no quote (I6)")
    rig.admin.faults({"clear": True})
    rig.fault_is_over()
    assert detail(rig)["token"] == "valid"
    assert violations(rig) == []
    await rig.holds()


@pytest.mark.safety
async def test_02_a_dead_token_on_a_quote_is_renewed_once_and_the_quote_answered(rig: Rig) -> None:
    await rig.slice(passed=MINUTE)
    rig.admin.faults({"name": "status", "endpoint": "inquire-price", "count": 1, "params": says(500, "EGW00123")})
    async with service(rig, "drill") as client:
        assert (await client.quote(CODES[0])).price_krw > 0
    assert rig.admin.hits("status") == 1
    rig.fault_is_over()
    assert violations(rig) == []
    await rig.holds()


async def test_13_a_token_revoked_under_load_is_issued_once_and_everybody_waits_for_it(rig: Rig) -> None:
    await rig.slice(passed=MINUTE)
    rig.admin.faults({"name": "revoke_token"})
    async with service(rig, "drill") as client:
        answers = await asyncio.gather(*(client.order_book(CODES[number % 12]) for number in range(20)))
        assert len(answers) == 20
        rig.admin.faults({"name": "revoke_token"})
        await rig.sell(HELD, HALF)
        await rig.slices(2)
        assert rig.orders(HELD) == [], "within the minute no second token; the order is refused, not sent late"
        assert {row["state"] for row in rig.intents(stock_code=HELD)} <= {OrderState.REJECTED.value}
        with pytest.raises(GatewayError, match="GW-TOKEN"):
            await client.order_book(CODES[0])
        await rig.slice(passed=MINUTE)
        rig.fault_is_over()
        assert await client.order_book(CODES[0])
    assert rig.orders(HELD) == [], "what was refused does not leave by itself"
    await raised_until_it_leaves(rig)
    await rig.slices_until(lambda: not rig.unresolved("sell"), "settled")
    assert violations(rig) == []
    await rig.holds()


async def test_13_five_deaths_within_a_minute_and_a_damaged_file_cost_no_second_token(rig: Rig) -> None:
    stored = rig.settings.secrets_dir / FILE_NAME
    before = stored.read_text()
    damages = (b"", b"{", before.encode()[:40], b"\x00\xff\x00", None)
    for number, damage in enumerate(damages):
        rig.kill("kis-gateway")
        if damage is not None:
            stored.with_name(FILE_NAME + (COPY_SUFFIX if number % 2 else "")).write_bytes(damage)
        rig.start("kis-gateway")
        await rig.until(lambda: bool(detail(rig).get("feed_connected")), "the gateway is back")
        async with service(rig, "drill") as client:
            assert await client.balance()
        assert detail(rig)["token"] == "valid", "the stored token"
        await rig.slice(passed=timedelta(seconds=10))
        if damage is not None:  # whoever renews the token renews both copies; until then they are put back by hand
            for suffix in ("", COPY_SUFFIX):
                stored.with_name(FILE_NAME + suffix).write_text(before)
    assert violations(rig) == []
    rig.kill("kis-gateway")
    for suffix in ("", COPY_SUFFIX):
        stored.with_name(FILE_NAME + suffix).write_bytes(before.encode()[:40])
    rig.start("kis-gateway")
    await rig.until(lambda: bool(detail(rig).get("feed_connected")), "the gateway is back")
    await rig.slice()
    async with service(rig, "drill") as client:
        with pytest.raises(GatewayError, match="GW-TOKEN"):
            await client.balance()
        rig.fault_is_over()
        await rig.slice(passed=MINUTE)
        assert await client.balance()
    for suffix in ("", COPY_SUFFIX):
        assert stored.with_name(FILE_NAME + suffix).stat().st_mode & 0o777 == 0o600
    assert violations(rig) == []
    await rig.holds()


async def refused_again(rig: Rig, readers: Readers) -> None:
    """Wait until every service finds the room of this slice used up."""
    before = dict(readers.refused)
    await rig.until(lambda: all(readers.refused[name] > before.get(name, 0) for name in readers.names), "saturated")


async def test_14_a_sell_leaves_at_once_while_three_services_saturate_the_reads(rig: Rig) -> None:
    names = ("scan", "backfill", "page")
    async with saturating(rig, CODES[1], *names) as readers:
        for _ in range(3):
            await refused_again(rig, readers)
            await rig.slice()
        await refused_again(rig, readers)
        raised = await rig.sell(HELD, HELD_SHARES)
        await rig.slice()
        (end,) = rig.rows(SIGNAL_LOG, signal_id=raised.order_id)
        if end["refusal_rule"] == "GW-DEADLINE":  # this machine was too busy to send it in time: it is raised once more
            await rig.slice(passed=MINUTE)
            await rig.sell(HELD, HELD_SHARES)
            await rig.slice()
        assert len(rig.orders(HELD)) == 1, f"in the slice in which it was raised: {end}"
        await rig.signal(CODES[0])
        for _ in range(3):
            await rig.slice()
            await refused_again(rig, readers)
        shares = dict(readers.served)
        refused_by = str(detail(rig)["budget_refused_by"])
    assert all(name in refused_by for name in names), "who was turned away is shown"
    assert set(readers.rules) == {"GW-BUDGET"}
    assert min(shares.values()) * 3 >= max(shares.values()), f"no service takes the others' turn: {shares}"
    assert violations(rig) == [], "in no second of market time over all endpoints together"
    await rig.slices_until(lambda: HELD not in rig.theirs(), "sold")
    await rig.slices_until(lambda: not rig.unresolved("buy"), "settled")
    await rig.holds()


@pytest.mark.rule("R-ORD-06")
async def test_15_a_sell_leaves_while_fifty_quotes_hang_and_only_quotes_rest(rig: Rig) -> None:
    rig.admin.faults({"name": "delay", "endpoint": "inquire-price", "params": {"ms": 20_000}})
    async with service(rig, "scan") as one, service(rig, "page") as two, service(rig, "drill") as other:
        quotes = [
            asyncio.create_task(client.quote(CODES[number % 12])) for number in range(25) for client in (one, two)
        ]
        await rig.until(lambda: rig.admin.hits("delay") >= 50, "fifty quotes hang at the exchange")
        await rig.sell(HELD, HELD_SHARES)
        slicing = asyncio.create_task(rig.slice())
        await rig.until(lambda: len(rig.orders(HELD)) == 1, "the sell is there")
        hanging = sum(not quote.done() for quote in quotes)
        await slicing
        assert hanging, "the sell reached the exchange while quotes were still out"
        answers = await asyncio.gather(*quotes, return_exceptions=True)
        assert all(isinstance(answer, GatewayError) for answer in answers), "every call has a deadline"
        found = detail(rig)
        assert found["breaker"] == "closed", "a slow endpoint says nothing of the broker"
        assert await other.balance()
        assert await other.order_book(CODES[0])
    rig.admin.faults({"clear": True})
    rig.fault_is_over()
    await rig.slices_until(lambda: HELD not in rig.theirs(), "sold")
    assert violations(rig) == []
    await rig.holds()


@pytest.mark.parametrize("mode", [Line.REFUSE, Line.BLACK_HOLE])
async def test_15_a_broker_gone_for_ten_minutes_rests_reads_and_buys_and_not_the_next_exit(
    behind_proxy: tuple[Rig, Proxy], mode: Line
) -> None:
    rig, proxy = behind_proxy
    proxy.set(mode)
    async with service(rig, "scan") as client:
        endpoints = (client.order_book, client.quote, client.minute_bars)
        asked = [endpoint(CODES[0]) for endpoint in endpoints for _ in range(10)]
        lost = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(answer, GatewayError) for answer in lost), "every call has a deadline"
    await rig.until(lambda: detail(rig).get("breaker") != "closed", "the breaker is open")
    await rig.until(lambda: rig.health("kis-gateway")["status"] == "degraded", "and it shows")
    await rig.signal(CODES[0])
    await rig.sell(HELD, HALF)
    await rig.slice(passed=timedelta(seconds=60))
    assert [outcome for outcome, _ in rig.signals(stock_code=CODES[0])] != ["ordered"], "no buy"
    tried = rig.intents(stock_code=HELD)
    assert tried, "the exit was tried although reads rest"
    for _ in range(9):
        await rig.slice(passed=timedelta(seconds=60))
    late = await rig.signal(CODES[1])
    proxy.set(Line.PASS)
    rig.fault_is_over()
    await rig.slice(passed=MINUTE)
    await rig.until(lambda: detail(rig)["breaker"] == "closed", "a probe was answered")
    await rig.until_async(lambda: said_once(rig, "gateway-broker-gone"), "the outage and its end were said, once (I5)")
    assert rig.signals(signal_id=late.signal_id)[0][0] in ("expired", "refused"), "not executed after the recovery"
    await rig.slices_until(lambda: not rig.unresolved("sell"), "what was tried is settled")
    assert rig.orders(HELD) == [], "exits are not replayed"
    await raised_until_it_leaves(rig)
    await rig.slices_until(lambda: not rig.unresolved("sell"), "settled")
    assert rig.orders(CODES[0]) == rig.orders(CODES[1]) == []
    assert violations(rig) == []
    await rig.holds()
