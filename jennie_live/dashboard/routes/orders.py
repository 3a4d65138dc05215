"""An owner's own orders: handed to the executors as typed messages, never to the broker (R-TG-16, R-TG-17)."""

from fastapi import APIRouter
from redis.exceptions import RedisError

from jennie_core.domain.macro import TradingContext
from jennie_core.domain.signals import BuySignal, SellOrder
from jennie_core.domain.watchlist import HotWatchlist
from jennie_infra.bus.cache import get
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.bus.streams import Streams
from jennie_infra.db.read_only import StoreUnreadableError
from jennie_infra.gateway_client import GatewayClient
from jennie_infra.telemetry import get_logger
from jennie_live.common.manual import manual_buy, manual_sell
from jennie_live.dashboard import ledger_queries, market_queries
from jennie_live.dashboard.context import Context, Dashboard
from jennie_live.dashboard.problems import ProblemError
from jennie_live.dashboard.schemas.operation import ManualAnswer, ManualBuyRequest, ManualSellRequest, SignalOutcome

router = APIRouter(prefix="/api", tags=["orders"])


@router.post("/orders/buy", status_code=202)
async def buy(context: Context, body: ManualBuyRequest) -> ManualAnswer:
    """Publish a manual buy; the executor's caps, stops and permit apply, and its verdict is under the signal id."""
    signal_id = f"manual-{body.request_id}"
    now = context.runtime.clock.now()
    _refuse_repeat(context, signal_id)
    quote = await _gateway(context).quote(body.stock_code)
    redis = context.runtime.redis
    watchlist = (await get(redis, RedisKeys.WATCHLIST_ACTIVE, HotWatchlist)).value
    regime = (await get(redis, RedisKeys.REGIME_CURRENT, TradingContext)).value
    signal = manual_buy(
        signal_id=signal_id,
        quote=quote,
        quantity=body.quantity,
        now=now,
        watchlist=watchlist,
        regime=regime.market_regime if regime else None,
        sector_group=await _sector(context, body.stock_code),
    )
    await _publish(context, Streams.BUY_SIGNALS, signal)
    return ManualAnswer(
        signal_id=signal_id,
        stock_code=quote.code,
        stock_name=quote.name,
        quantity=body.quantity,
        reference_price_krw=quote.price_krw,
    )


@router.post("/orders/sell", status_code=202)
async def sell(context: Context, body: ManualSellRequest) -> ManualAnswer:
    """Publish a MANUAL sell of managed shares; it passes every stop."""
    order_id = f"manual-{body.request_id}"
    now = context.runtime.clock.now()
    _refuse_repeat(context, order_id)
    rows = await context.ledger.read(ledger_queries.positions)
    held = next((row for row in rows if row.stock_code == body.stock_code), None)
    if held is None or held.quantity == 0:
        raise ProblemError(409, "SELL-NOT-HELD", "no managed shares of this code are held", "see Portfolio")
    quantity = body.quantity or held.quantity
    if quantity > held.quantity:
        raise ProblemError(
            409, "SELL-TOO-MANY", f"{quantity} shares asked, {held.quantity} are held", f"enter at most {held.quantity}"
        )
    known = context.book.price(body.stock_code)
    price = known.price_krw if known else (await _gateway(context).quote(body.stock_code)).price_krw
    order = manual_sell(
        order_id=order_id,
        code=held.stock_code,
        name=held.stock_name,
        quantity=quantity,
        trigger_price_krw=price,
        average_price_krw=held.average_price_krw,
        now=now,
    )
    await _publish(context, Streams.SELL_ORDERS, order)
    return ManualAnswer(
        signal_id=order_id,
        stock_code=held.stock_code,
        stock_name=held.stock_name,
        quantity=quantity,
        reference_price_krw=price,
    )


@router.get("/signals/{signal_id}")
async def outcome(context: Context, signal_id: str) -> SignalOutcome:
    """What became of a signal; the outcome is null until an executor has spoken."""
    return await context.ledger.read(lambda c: ledger_queries.signal_outcome(c, signal_id))


def _gateway(context: Dashboard) -> GatewayClient:
    if context.runtime.gateway is None:
        raise ProblemError(503, "BROKER-SILENT", "no gateway is configured", "check kis-gateway on the System page")
    return context.runtime.gateway


def _refuse_repeat(context: Dashboard, signal_id: str) -> None:
    if not context.accept_once(signal_id):
        raise ProblemError(409, "ORDER-REPEATED", "this order was already handed over", "see Portfolio for its state")


async def _sector(context: Dashboard, code: str) -> str | None:
    try:
        row = await context.market.read(lambda c: market_queries.master_row(c, code))
    except StoreUnreadableError:
        return None
    sector: str | None = None if row is None else row.sector_group
    return sector


async def _publish(context: Dashboard, stream: Streams, message: BuySignal | SellOrder) -> None:
    try:
        await context.runtime.writer(stream).publish(message, context.runtime.clock.now())
    except (RedisError, OSError) as error:
        raise ProblemError(
            503, "REDIS-DOWN", "the order could not be handed over; nothing was sent", "see System, then try again"
        ) from error
    get_logger().info("manual order", stream=stream.value, stock_code=message.stock_code)
