"""What the exchange checks before it takes an order."""

from dataclasses import dataclass

from jennie_core.domain.enums import OrderSide
from jennie_core.krx.costs import commission_krw
from jennie_sim.exchange.account import Account
from jennie_sim.exchange.orders import Lifetime, OrderKind, Refusal, Refused
from jennie_sim.market.market import Market


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A new order as it arrives. `by_hand` marks a trade made outside the protocol, at any hour."""

    account: str
    code: str
    side: OrderSide
    kind: OrderKind
    quantity: int
    price_krw: int
    lifetime: Lifetime = Lifetime.DAY
    type_code: str = "00"
    by_hand: bool = False


def check_request(request: OrderRequest, account: Account, market: Market, now_ms: int, commission_ratio: float) -> int:
    """The price the order gets in the book (0 for a market order); raises Refused with the rule that forbids it."""
    if request.code not in market.listing:
        raise Refused(Refusal.UNKNOWN_CODE, request.code)
    if request.quantity <= 0:
        raise Refused(Refusal.BAD_QUANTITY, str(request.quantity))
    if not request.by_hand:
        _check_hours(market, now_ms)
    if market.is_halted(request.code, now_ms):
        raise Refused(Refusal.HALTED, request.code)
    _check_auction(request, market, now_ms)
    price = _price(request, market, now_ms)
    if request.side is OrderSide.BUY:
        _check_cash(request, price, account, market, commission_ratio)
    else:
        _check_shares(request, account)
    return price


def reservation_krw(kind: OrderKind, quantity: int, price_krw: int, upper_limit_krw: int, ratio: float) -> int:
    """Cash a buy order of this size ties up: a market buy counts at the upper price limit, fees included."""
    amount = quantity * (upper_limit_krw if kind is OrderKind.MARKET else price_krw)
    return amount + commission_krw(amount, ratio)


def _check_hours(market: Market, now_ms: int) -> None:
    if now_ms < market.hours.entry_ms:
        raise Refused(Refusal.BEFORE_ENTRY)
    if now_ms >= market.hours.close_ms:
        raise Refused(Refusal.AFTER_CLOSE)


def _check_auction(request: OrderRequest, market: Market, now_ms: int) -> None:
    """A call auction (opening, closing, VI) takes limit, market and conditional orders of the day only."""
    needs_quotes = request.kind in (OrderKind.BEST, OrderKind.PRIORITY) or request.lifetime is not Lifetime.DAY
    if needs_quotes and market.in_auction(request.code, now_ms):
        raise Refused(Refusal.ORDER_TYPE, "not in a call auction")


def _price(request: OrderRequest, market: Market, now_ms: int) -> int:
    if request.kind is OrderKind.MARKET:
        return 0
    if request.kind in (OrderKind.BEST, OrderKind.PRIORITY):
        book = market.book(request.code, now_ms)
        takes_ask = (request.side is OrderSide.BUY) == (request.kind is OrderKind.BEST)
        price = book.best_ask if takes_ask else book.best_bid
        if price <= 0:
            raise Refused(Refusal.ORDER_TYPE, "no quote to take the price from")
        return price
    if request.price_krw <= 0:
        raise Refused(Refusal.BAD_PRICE, str(request.price_krw))
    if not market.limits(request.code).holds(request.price_krw):
        raise Refused(Refusal.PRICE_LIMIT, str(request.price_krw))
    if not market.grid(request.code).is_legal(request.price_krw):
        raise Refused(Refusal.TICK_SIZE, str(request.price_krw))
    return request.price_krw


def _check_cash(request: OrderRequest, price: int, account: Account, market: Market, ratio: float) -> None:
    upper = market.limits(request.code).upper_krw
    needed = reservation_krw(request.kind, request.quantity, price, upper, ratio)
    if needed > account.orderable_krw:
        raise Refused(Refusal.CASH, f"needs {needed}, has {account.orderable_krw}")


def _check_shares(request: OrderRequest, account: Account) -> None:
    position = account.held(request.code)
    if position is None:
        raise Refused(Refusal.NO_HOLDING, request.code)
    if request.quantity > position.sellable:
        raise Refused(Refusal.SHARES, f"wants {request.quantity}, may sell {position.sellable}")
