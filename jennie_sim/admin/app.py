"""The admin port's routes. Loopback and a bearer token; the trading plane never uses it."""

import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import orjson
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jennie_sim.admin.bodies import AdvanceBody, ExternalTradeBody, FaultBody, HaltBody, RunBody
from jennie_sim.engine import Engine, TimeError
from jennie_sim.exchange.ledger import account_facts, fill_facts, ledger_hash, order_facts
from jennie_sim.exchange.orders import Refused
from jennie_sim.faults.registry import FaultName, UnknownFaultError
from jennie_sim.market.fall import Fall
from jennie_sim.market.hours import SECOND_MS, to_instant
from jennie_sim.protocol.broker import Broker
from jennie_sim.protocol.feed import Feed
from jennie_sim.protocol.session import TRADE
from jennie_sim.protocol.subscriptions import Subscriptions


def json_reply(value: Any, status: int = 200) -> Response:
    """Any plain value as JSON."""
    return Response(orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS), status, media_type="application/json")


class Admin:
    """Handlers over one running exchange."""

    def __init__(self, broker: Broker, engine: Engine, feed: Feed, subscriptions: Subscriptions, token: str) -> None:
        self._broker, self._engine, self._feed = broker, engine, feed
        self._subscriptions = subscriptions
        self._expected = f"Bearer {token}"

    def app(self) -> Starlette:
        """The ASGI application."""
        routes = [
            ("/admin/state", "GET", self.state),
            ("/admin/advance", "POST", self.advance),
            ("/admin/run", "POST", self.run),
            ("/admin/ledger", "GET", self.ledger),
            ("/admin/ledger-hash", "GET", self.hash),
            ("/admin/violations", "GET", self.violations),
            ("/admin/faults", "GET", self.faults),
            ("/admin/faults", "POST", self.change_faults),
            ("/admin/external-trade", "POST", self.external_trade),
            ("/admin/halt", "POST", self.halt),
        ]
        return Starlette(routes=[Route(path, self._guarded(handler), methods=[verb]) for path, verb, handler in routes])

    def _guarded(self, handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            if not secrets.compare_digest(request.headers.get("authorization", ""), self._expected):
                return json_reply({"error": "wrong or missing admin token"}, 401)
            try:
                return await handler(request)
            except ValidationError as error:
                problem = error.errors()[0]
                where = ".".join(map(str, problem["loc"]))
                return json_reply({"error": f"{where}: {problem['msg']}" if where else problem["msg"]}, 422)
            except UnknownFaultError as error:
                return json_reply({"error": str(error)}, 422)
            except TimeError as error:
                return json_reply({"error": str(error)}, 409)
            except Refused as error:
                return json_reply({"error": str(error), "refusal": error.refusal.value}, 422)

        return guarded

    async def state(self, request: Request) -> Response:
        """Where the exchange stands."""
        broker, meta = self._broker, self._broker.market.pack.meta
        hours, exchange = broker.market.hours, broker.exchange
        return json_reply(
            {
                "day": meta.day.isoformat(),
                "now": broker.now.isoformat(),
                "open_at": to_instant(meta.day, hours.open_ms).isoformat(),
                "close_at": to_instant(meta.day, hours.close_ms).isoformat(),
                "speed": self._engine.speed,
                "seed": meta.seed,
                "source": meta.source,
                "simulated": meta.simulated,
                "moved_values": meta.moved_values,
                "codes": len(broker.market.listing),
                "wire_revision": broker.settings.wire_revision.value,
                "requests_served": broker.requests_served,
                "ticks_sent": self._feed.total.ticks,
                "notices_sent": self._feed.total.notices,
                "orders": len(exchange.orders),
                "open_orders": len(exchange.open_orders()),
                "fills": len(exchange.fills),
                "violations": len(broker.violations.rows),
                "sessions": [
                    {"app_key": row.app_key, "registrations": len(row.registrations), "frames_sent": row.frames_sent}
                    | {"codes": row.keys_of(TRADE)}
                    for row in self._subscriptions.sessions
                ],
            }
        )

    async def advance(self, request: Request) -> Response:
        """Move market time; answers when all frames have been handed to the sockets."""
        body = AdvanceBody.model_validate_json(await request.body())
        return json_reply((await self._engine.advance(body.until)).as_dict())

    async def run(self, request: Request) -> Response:
        """Let market time pass by itself, or stop it."""
        body = RunBody.model_validate_json(await request.body())
        await self._engine.run(body.speed)
        return json_reply({"speed": self._engine.speed, "now": self._broker.now.isoformat()})

    async def ledger(self, request: Request) -> Response:
        """Orders, fills, accounts; with `?events=1` also every event in order."""
        exchange, day = self._broker.exchange, self._broker.market.day

        def dated(row: dict[str, Any], field: str) -> dict[str, Any]:
            instant: datetime = to_instant(day, row[field])
            return row | {field.removesuffix("_ms"): instant.isoformat()}

        orders = [dated(order_facts(order), "accepted_at_ms") for order in exchange.orders.values()]
        accounts_of_fill = {order.number: order.account for order in exchange.orders.values()}
        answer: dict[str, Any] = {
            "day": day.isoformat(),
            "now": self._broker.now.isoformat(),
            "hash": self._hash(),
            "orders": orders,
            "fills": [
                dated(fill_facts(fill), "at_ms") | {"account": accounts_of_fill[fill.order_number]}
                for fill in exchange.fills
            ],
            "accounts": [account_facts(account) | self._worth(number) for number, account in exchange.accounts.items()],
        }
        if request.query_params.get("events"):
            answer["events"] = exchange.books.ledger.events
        return json_reply(answer)

    def _worth(self, account_number: str) -> dict[str, Any]:
        exchange, market = self._broker.exchange, self._broker.market
        account = exchange.accounts[account_number]
        held = [position for position in account.positions.values() if position.quantity]
        value = sum(market.last_price(position.code, exchange.now_ms) * position.quantity for position in held)
        cost = sum(position.cost_krw for position in held)
        prices = {position.code: market.last_price(position.code, exchange.now_ms) for position in held}
        return {
            "last_prices_krw": prices,
            "holdings_value_krw": value,
            "unrealized_pnl_krw": value - cost,
            "total_krw": account.cash_krw + value,
        }

    def _hash(self) -> str:
        return ledger_hash(self._broker.exchange.orders.values(), self._broker.exchange.accounts.values())

    async def hash(self, request: Request) -> Response:
        """One hash over orders, fills, cash and holdings."""
        return json_reply({"hash": self._hash(), "now": self._broker.now.isoformat()})

    async def violations(self, request: Request) -> Response:
        """Which limits of the broker clients have broken."""
        return json_reply({"count": len(self._broker.violations.rows), "violations": self._broker.violations.rows})

    async def faults(self, request: Request) -> Response:
        """Switched-on faults with their hits, and the names that exist."""
        active = [fault.as_dict() for fault in self._broker.faults.faults]
        return json_reply({"faults": active, "known": [name.value for name in FaultName]})

    async def change_faults(self, request: Request) -> Response:
        """Switch a fault on or off."""
        body = FaultBody.model_validate_json(await request.body())
        registry = self._broker.faults
        if body.clear is not None and body.clear is not False:
            cleared = registry.switch_off(None if body.clear is True else body.clear)
            self._broker.exchange.lift_fill_caps()
            return json_reply({"cleared": cleared})
        if body.name is None:
            raise UnknownFaultError("give the name of a fault, or clear")
        if body.name == FaultName.MARKET_FALL and self._broker.now_ms >= self._broker.market.hours.entry_ms:
            raise TimeError("market_fall changes the whole day: switch it on before the opening auction")
        fault = registry.switch_on(
            body.name, body.endpoint, body.count, body.skip, body.params, body.probability, body.seed
        )
        if fault.name is FaultName.MARKET_FALL:
            fault.hits, fault.left = self._let_fall(fault.params), 0
        if fault.name is FaultName.REVOKE_TOKEN:
            fault.hits, fault.left = self._broker.keys.revoke(), 0
        return json_reply(fault.as_dict())

    def _let_fall(self, params: dict[str, Any]) -> int:
        """Circuit breakers that the fall sets off, counted as its hits."""
        fall = Fall(float(params["pct"]), int(params["after_minutes"]), int(params["minutes"]))
        return self._broker.market.let_fall(fall)

    async def external_trade(self, request: Request) -> Response:
        """A trade or a cancel made by hand; its notices go out with the next slice."""
        body = ExternalTradeBody.model_validate_json(await request.body())
        exchange = self._broker.exchange
        account = body.account or next(iter(exchange.accounts))
        if body.cancel is not None:
            return json_reply(order_facts(exchange.cancel(account, body.cancel, None)))
        if body.code is None or body.side is None or body.code not in self._broker.market.listing:
            return json_reply({"error": "a trade needs a listed code, a side and a quantity"}, 422)
        price = body.price_krw or self._broker.market.last_price(body.code, self._broker.now_ms)
        return json_reply(order_facts(exchange.trade_by_hand(account, body.code, body.side, body.quantity, price)))

    async def halt(self, request: Request) -> Response:
        """Begin or end a trading halt of one code; clients hear of it with the next slice."""
        body = HaltBody.model_validate_json(await request.body())
        if body.code not in self._broker.market.listing:
            return json_reply({"error": f"code {body.code} is not listed"}, 422)
        if body.halted:
            self._broker.exchange.halt(body.code)
        else:
            self._broker.exchange.resume(body.code, body.auction_seconds * SECOND_MS)
        return json_reply({"code": body.code, "halted": self._broker.market.is_halted(body.code, self._broker.now_ms)})
