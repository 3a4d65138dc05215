"""Manual trades by chat (R-TG-16..18): typed messages to the executors, each after a confirmation."""

import uuid
from datetime import datetime

from redis.exceptions import RedisError

from jennie_core.domain.macro import TradingContext
from jennie_core.domain.signals import BuySignal, SellOrder
from jennie_core.domain.watchlist import HotWatchlist
from jennie_infra.bus.cache import get
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.bus.streams import Streams
from jennie_infra.gateway_client import GatewayError
from jennie_infra.telegram import escape
from jennie_infra.telemetry import get_logger
from jennie_live.commands.context import Caller, Desk, Reply
from jennie_live.commands.grammar import positive_int
from jennie_live.commands.stocks import Stock, find_stock, held
from jennie_live.common.manual import manual_buy, manual_sell, shares_for_cash

ALL_WORDS = ("전량", "all")


async def buy(desk: Desk, caller: Caller, words: tuple[str, ...]) -> Reply:
    """`/buy stock [quantity]`; without a quantity 20 % of the orderable cash. Caps, stops and permit still apply."""
    if not words:
        return Reply("사용법: <code>/buy 종목 [수량]</code>")
    stock = await find_stock(desk, words[0])
    quote = await desk.gateway.quote(stock.code)
    quantity = positive_int(words[1]) if len(words) > 1 else None
    if len(words) > 1 and quantity is None:
        return Reply("수량은 1 이상의 정수로 보내세요.")
    if quantity is None:
        quantity = shares_for_cash((await desk.gateway.balance()).orderable_cash_krw, quote.price_krw)
        if quantity == 0:
            return Reply(f"주문 가능 현금의 20 %로는 {escape(quote.name)} 1주({quote.price_krw:,}원)를 살 수 없습니다.")
    shares, signal_id = quantity, f"manual-{uuid.uuid4().hex}"
    named = Stock(stock.code, quote.name, stock.sector_group)

    async def content() -> object:
        return {"buy": named.code, "quantity": shares, "chat": caller.chat}

    async def act() -> str:
        now = await desk.market_now()
        refused = await desk.limits.take_trade(caller.chat, now.date().isoformat())
        return refused or await _publish_buy(desk, named, shares, signal_id, now)

    summary = (
        f"수동 매수 <b>{escape(quote.name)}</b> {quote.code} {shares:,}주 "
        f"≈ {shares * quote.price_krw:,}원 (현재가 {quote.price_krw:,}원)"
    )
    return Reply(summary, desk.confirmations.ask(caller.chat, summary, await content(), content, act))


async def sell(desk: Desk, caller: Caller, words: tuple[str, ...]) -> Reply:
    """`/sell stock [quantity|전량]`; default all. Works during every stop."""
    if not words:
        return Reply("사용법: <code>/sell 종목 [수량|전량]</code>")
    stock = await find_stock(desk, words[0])
    row = next((row for row in await held(desk) if row.stock_code == stock.code), None)
    if row is None:
        return Reply(f"{escape(stock.name)}은(는) 보유하고 있지 않습니다. /portfolio 로 확인하세요.")
    quantity = row.quantity
    if len(words) > 1 and words[1] not in ALL_WORDS:
        asked = positive_int(words[1])
        if asked is None or asked > row.quantity:
            return Reply(f"수량은 1~{row.quantity:,} 또는 전량으로 보내세요.")
        quantity = asked
    plan = {stock.code: quantity}
    summary = f"수동 매도 <b>{escape(row.stock_name)}</b> {stock.code} {quantity:,}주 (보유 {row.quantity:,}주)"
    return _ask_to_sell(desk, caller, summary, plan, {stock.code: row.quantity}, only=stock.code)


async def sellall(desk: Desk, caller: Caller, words: tuple[str, ...]) -> Reply:
    """Sell every managed share; the word is required, then a confirmation bound to what is held."""
    if not words or words[0] != "확인":
        return Reply("모든 종목을 팔려면 <code>/sellall 확인</code> 으로 보내세요. 아직 팔지 않았습니다.")
    rows = await held(desk)
    if not rows:
        return Reply("보유 종목이 없습니다.")
    plan = {row.stock_code: row.quantity for row in rows}
    listed = "\n".join(f"· {escape(row.stock_name)} {row.quantity:,}주" for row in rows)
    return _ask_to_sell(desk, caller, f"<b>전 종목 매도</b> ({len(rows)}종목)\n{listed}", plan, plan)


def _ask_to_sell(
    desk: Desk, caller: Caller, summary: str, plan: dict[str, int], holdings: dict[str, int], *, only: str | None = None
) -> Reply:
    """Ask for a confirmation bound to the holdings: all of them, or those of one code."""
    order_id = uuid.uuid4().hex

    async def content() -> object:
        return {
            "held": {row.stock_code: row.quantity for row in await held(desk) if only in (None, row.stock_code)},
            "chat": caller.chat,
        }

    async def act() -> str:
        now = await desk.market_now()
        refused = await desk.limits.take_trade(caller.chat, now.date().isoformat())
        return refused or await _publish_sells(desk, plan, order_id, now)

    bound = {"held": holdings, "chat": caller.chat}
    return Reply(summary, desk.confirmations.ask(caller.chat, summary, bound, content, act))


async def _publish_buy(desk: Desk, stock: Stock, quantity: int, signal_id: str, now: datetime) -> str:
    redis = desk.runtime.redis
    watchlist = (await get(redis, RedisKeys.WATCHLIST_ACTIVE, HotWatchlist)).value
    context = (await get(redis, RedisKeys.REGIME_CURRENT, TradingContext)).value
    signal = manual_buy(
        signal_id=signal_id,
        quote=await desk.gateway.quote(stock.code),
        quantity=quantity,
        now=now,
        watchlist=watchlist,
        regime=context.market_regime if context else None,
        sector_group=stock.sector_group,
    )
    problem = await _publish(desk, Streams.BUY_SIGNALS, signal, now)
    return problem or (
        f"🟥 매수 요청을 넘겼습니다: {escape(signal.stock_name)} {quantity:,}주. "
        "한도, 정지, 허가를 거쳐 결과를 알립니다."
    )


async def _publish_sells(desk: Desk, plan: dict[str, int], order_id: str, now: datetime) -> str:
    lines: list[str] = []
    for row in await held(desk):
        if row.stock_code not in plan:
            continue
        price = await _quoted_price(desk, row.stock_code)
        order = manual_sell(
            order_id=f"manual-{order_id}-{row.stock_code}",
            code=row.stock_code,
            name=row.stock_name,
            quantity=min(plan[row.stock_code], row.quantity),
            # A market order is not limited by its reference: without a quote the average stands in.
            trigger_price_krw=price or max(1, round(row.average_price_krw)),
            average_price_krw=None if price is None else row.average_price_krw,
            now=now,
        )
        problem = await _publish(desk, Streams.SELL_ORDERS, order, now)
        lines.append(problem or f"🟦 매도 요청을 넘겼습니다: {escape(row.stock_name)} {order.quantity:,}주")
    return "\n".join(lines)


async def _quoted_price(desk: Desk, code: str) -> int | None:
    """The price now; None is unknown."""
    try:
        return (await desk.gateway.quote(code)).price_krw
    except GatewayError:
        return None


async def _publish(desk: Desk, stream: Streams, message: BuySignal | SellOrder, now: datetime) -> str | None:
    try:
        await desk.runtime.writer(stream).publish(message, now)
    except (RedisError, OSError):
        return f"⚠️ {escape(message.stock_name)}: Redis가 응답하지 않아 넘기지 못했습니다. 주문은 나가지 않았습니다."
    get_logger().info("manual order", stream=stream.value, stock_code=message.stock_code)
    return None
