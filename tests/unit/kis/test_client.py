"""The HTTP client against a scripted broker on loopback: orders once, reads again, nobody waits for a neighbour."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from jennie_core.domain.decisions import Accepted, Refused, Unknown
from jennie_core.domain.enums import Mode, OrderSide, OrderType
from jennie_core.domain.orders import OrderRequest
from jennie_infra.kis.client import KisClient
from jennie_infra.kis.codec_orders import order_call
from jennie_infra.kis.codec_quotes import order_book_call, quote_call
from jennie_infra.kis.credentials import Credentials
from jennie_infra.kis.errors import BreakerOpenError, KisRateLimitedError, KisRefusedError, KisUnavailableError
from jennie_infra.kis.limits import WallBudget
from jennie_infra.kis.token import IssuedToken, TokenKeeper
from jennie_infra.kis.token_file import FILE_NAME, TokenFile
from jennie_infra.kis.tr_ids import Function

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
WHO = Credentials("k" * 36, "s" * 180, "5012345601", "jennie")
ORDER = OrderRequest(
    intent_id="i-1", lease=1, stock_code="005930", side=OrderSide.SELL, order_type=OrderType.MARKET, quantity=3
)
SOLD = {"rt_cd": "0", "msg_cd": "APBK0013", "msg1": "", "output": {"ODNO": "0000000117", "ORD_TMD": "093014"}}
FINE = {"rt_cd": "0", "msg_cd": "MCA00000", "msg1": "", "output": {}}
LIMIT = {"rt_cd": "1", "msg_cd": "EGW00201", "msg1": "초당 거래건수를 초과하였습니다."}
DEAD = {"rt_cd": "1", "msg_cd": "EGW00123", "msg1": "기간이 만료된 token 입니다."}


class Broker:
    """Answers by script and counts what arrived."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.tokens = 0
        self.handlers: dict[str, Handler] = {}
        self.bodies: list[dict[str, str]] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        name = request.path.rsplit("/", 1)[-1]
        self.requests.append(name)
        if name == "tokenP":
            self.tokens += 1
            return web.json_response({"access_token": f"t{self.tokens}", "expires_in": 86_400})
        if request.method == "POST":
            self.bodies.append(await request.json())
        return await self.handlers[name](request)


@asynccontextmanager
async def serving(broker: Broker, folder: Path) -> AsyncIterator[KisClient]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", broker.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    client = KisClient(f"http://127.0.0.1:{port}", Mode.LIVE, WHO, WallBudget(1_000, 10))
    ticking = iter(range(0, 10**12, 100_000_000))
    client.tokens = TokenKeeper(
        TokenFile(folder / FILE_NAME), "x", client.issue_token, lambda: next(ticking), may_wait=False
    )
    await client.open()
    try:
        yield client
    finally:
        await client.close()
        await runner.cleanup()


def says(status: int, body: object) -> Handler:
    async def handler(_request: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=status)

    return handler


async def cut(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


def soon(seconds: float = 2.0) -> float:
    return time.monotonic() + seconds


async def test_an_order_is_accepted_with_its_send_time(tmp_path: Path) -> None:
    broker = Broker()
    broker.handlers["order-cash"] = says(200, SOLD)
    async with serving(broker, tmp_path) as client:
        sent = await client.send_order(order_call(WHO, ORDER), soon())
    assert isinstance(sent.outcome, Accepted)
    assert sent.sent_at_us is not None
    assert broker.bodies == [
        {"CANO": "50123456", "ACNT_PRDT_CD": "01", "PDNO": "005930", "ORD_DVSN": "01", "ORD_QTY": "3",
         "ORD_UNPR": "0", "EXCG_ID_DVSN_CD": "KRX", "SLL_TYPE": "01"}
    ]  # fmt: skip


@pytest.mark.rule("R-GW-04")
async def test_a_lost_reply_is_unknown_and_the_order_went_out_once(tmp_path: Path) -> None:
    """Drill 1: retrying middleware never wraps an order call."""
    broker = Broker()
    broker.handlers["order-cash"] = cut
    async with serving(broker, tmp_path) as client:
        sent = await client.send_order(order_call(WHO, ORDER), soon())
    assert isinstance(sent.outcome, Unknown)
    assert broker.requests.count("order-cash") == 1


@pytest.mark.rule("R-GW-04")
@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (500, LIMIT, Refused),
        (200, LIMIT, Refused),
        (500, {"rt_cd": "1", "msg_cd": "ZZZ"}, Unknown),
        (500, {"rt_cd": "1", "msg_cd": "EGW00302"}, Unknown),
        (502, None, Unknown),
    ],
)
async def test_an_order_is_never_sent_again(tmp_path: Path, status: int, body: object, kind: type) -> None:
    """Drill 2."""
    broker = Broker()
    broker.handlers["order-cash"] = says(status, body)
    async with serving(broker, tmp_path) as client:
        sent = await client.send_order(order_call(WHO, ORDER), soon())
    assert isinstance(sent.outcome, kind)
    assert broker.requests.count("order-cash") == 1
    assert broker.tokens == 1


async def test_a_dead_token_on_an_order_refuses_it_and_renews_for_the_next(tmp_path: Path) -> None:
    broker = Broker()
    broker.handlers["order-cash"] = says(500, DEAD)
    async with serving(broker, tmp_path) as client:
        first = await client.send_order(order_call(WHO, ORDER), soon())
        broker.handlers["order-cash"] = says(200, SOLD)
        second = await client.send_order(order_call(WHO, ORDER), soon())
    assert isinstance(first.outcome, Refused)
    assert isinstance(second.outcome, Accepted)
    assert broker.tokens == 2


async def test_an_order_that_cannot_leave_in_time_is_refused_unsent(tmp_path: Path) -> None:
    """Drill 13: orders waiting longer than their life are refused, not sent late."""
    broker = Broker()
    async with serving(broker, tmp_path) as client:
        client.budget = WallBudget(1, 0, window_seconds=10)
        broker.handlers["inquire-price"] = says(200, FINE)
        await client.read(quote_call("005930"), "test")
        sent = await client.send_order(order_call(WHO, ORDER), soon(0.05))
    assert isinstance(sent.outcome, Refused)
    assert sent.sent_at_us is None
    assert "order-cash" not in broker.requests


async def test_without_a_connection_the_order_certainly_did_not_leave(tmp_path: Path) -> None:
    broker = Broker()
    broker.handlers["inquire-price"] = says(200, FINE)
    async with serving(broker, tmp_path) as client:
        await client.read(quote_call("005930"), "test")
        client._rest_url = "http://127.0.0.1:1"
        sent = await client.send_order(order_call(WHO, ORDER), soon())
    assert isinstance(sent.outcome, Refused)
    assert sent.outcome.rule == "GW-UNREACHED"


@pytest.mark.rule("R-GW-04")
async def test_a_read_is_asked_again_after_a_passing_fault(tmp_path: Path) -> None:
    """Reads only; an order is never asked again."""
    broker = Broker()
    answers = iter([cut, says(500, {"rt_cd": "1", "msg_cd": "EGW00300"}), says(200, FINE)])

    async def scripted(request: web.Request) -> web.StreamResponse:
        return await next(answers)(request)

    broker.handlers["inquire-price"] = scripted
    async with serving(broker, tmp_path) as client:
        await client.read(quote_call("005930"), "test")
    assert broker.requests.count("inquire-price") == 3


async def test_a_read_with_a_dead_token_gets_a_new_one(tmp_path: Path) -> None:
    broker = Broker()

    async def by_token(request: web.Request) -> web.StreamResponse:
        is_first = request.headers["Authorization"] == "Bearer t1"
        return web.json_response(DEAD if is_first else FINE, status=500 if is_first else 200)

    broker.handlers["inquire-price"] = by_token
    async with serving(broker, tmp_path) as client:
        await asyncio.gather(*(client.read(quote_call("005930"), "test") for _ in range(20)))
    assert broker.tokens == 2


async def test_a_rate_limit_is_not_hammered_and_causes_no_token(tmp_path: Path) -> None:
    broker = Broker()
    broker.handlers["inquire-price"] = says(500, LIMIT)
    async with serving(broker, tmp_path) as client:
        with pytest.raises(KisRateLimitedError):
            await client.read(quote_call("005930"), "test")
    assert broker.requests.count("inquire-price") == 1
    assert broker.tokens == 1


@pytest.mark.rule("R-GW-02")
async def test_a_business_refusal_does_not_count_against_the_broker(tmp_path: Path) -> None:
    broker = Broker()
    broker.handlers["inquire-price"] = says(200, {"rt_cd": "1", "msg_cd": "MCA05918", "msg1": "x"})
    async with serving(broker, tmp_path) as client:
        for _ in range(25):
            with pytest.raises(KisRefusedError):
                await client.read(quote_call("005930"), "test")
        assert client.circuits.host.state == "closed"


async def test_a_slow_quote_delays_neither_another_read_nor_an_order(tmp_path: Path) -> None:
    """Drill 15: a sell and a read come and go while 50 quotes hang, and after their failures only quotes rest."""
    broker, all_hang, release = Broker(), asyncio.Event(), asyncio.Event()

    async def hangs(_request: web.Request) -> web.StreamResponse:
        if broker.requests.count("inquire-price") >= 50:
            all_hang.set()
        await release.wait()
        return web.json_response(None, status=500)

    broker.handlers |= {
        "inquire-price": hangs,
        "order-cash": says(200, SOLD),
        "inquire-asking-price-exp-ccn": says(200, FINE),
    }
    async with serving(broker, tmp_path) as client:
        await client.read(order_book_call("005930"), "test")
        quotes = [asyncio.create_task(client.read(quote_call("005930"), "scan", 60)) for _ in range(50)]
        await asyncio.wait_for(all_hang.wait(), 30)
        sent = await client.send_order(order_call(WHO, ORDER), soon(30))
        await client.read(order_book_call("005930"), "test")
        assert isinstance(sent.outcome, Accepted)
        assert not any(quote.done() for quote in quotes), "the sell did not wait for a quote"
        release.set()
        answers = await asyncio.gather(*quotes, return_exceptions=True)
        assert all(isinstance(answer, KisUnavailableError) for answer in answers)
        assert client.circuits.state(Function.QUOTE) != "closed"
        await client.read(order_book_call("005930"), "test")
        assert client.circuits.host.state == "closed"


async def test_an_order_that_waits_for_a_token_longer_than_its_life_is_refused_unsent(tmp_path: Path) -> None:
    """Drill 13: not sent late."""
    broker = Broker()

    async def never() -> IssuedToken:
        await asyncio.Event().wait()
        raise AssertionError

    async with serving(broker, tmp_path) as client:
        client.tokens = TokenKeeper(TokenFile(tmp_path / "slow"), "x", never, lambda: 0, may_wait=True)
        sent = await client.send_order(order_call(WHO, ORDER), soon(0.05))
    assert isinstance(sent.outcome, Refused)
    assert (sent.outcome.rule, sent.sent_at_us) == ("GW-TOKEN", None)
    assert "order-cash" not in broker.requests


async def test_the_breaker_rests_reads_and_lets_a_sell_pass(tmp_path: Path) -> None:
    """I6: whatever blocks buying must not block protective selling."""
    broker = Broker()
    broker.handlers |= {"inquire-price": says(500, None), "order-cash": says(200, SOLD)}
    async with serving(broker, tmp_path) as client:
        for _ in range(20):
            client.circuits.failed(Function.QUOTE, unreached=True)
        with pytest.raises(BreakerOpenError):
            await client.read(quote_call("005930"), "test", 0.3)
        sent = await client.send_order(order_call(WHO, ORDER), soon())
    assert isinstance(sent.outcome, Accepted)
    assert "inquire-price" not in broker.requests
