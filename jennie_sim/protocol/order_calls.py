"""Order entry: buy, sell, revise, cancel."""

from jennie_core.domain.enums import OrderSide
from jennie_sim.exchange.orders import Lifetime, Order, OrderKind, Refusal, Refused
from jennie_sim.exchange.request import OrderRequest
from jennie_sim.faults.registry import FaultName
from jennie_sim.market.hours import hhmmss
from jennie_sim.protocol.broker import Broker
from jennie_sim.protocol.message import Reply, Request, failure, ok, refusal

BUY_IDS = ("TTTC0012U", "TTTC0802U")
SELL_IDS = ("TTTC0011U", "TTTC0801U")
ORGANISATION_REAL, ORGANISATION_PAPER = "91252", "00950"

ORDER_TYPES: dict[str, tuple[OrderKind, Lifetime]] = {
    "00": (OrderKind.LIMIT, Lifetime.DAY),
    "01": (OrderKind.MARKET, Lifetime.DAY),
    "02": (OrderKind.CONDITIONAL, Lifetime.DAY),
    "03": (OrderKind.BEST, Lifetime.DAY),
    "04": (OrderKind.PRIORITY, Lifetime.DAY),
    "11": (OrderKind.LIMIT, Lifetime.IOC),
    "12": (OrderKind.LIMIT, Lifetime.FOK),
    "13": (OrderKind.MARKET, Lifetime.IOC),
    "14": (OrderKind.MARKET, Lifetime.FOK),
    "15": (OrderKind.BEST, Lifetime.IOC),
    "16": (OrderKind.BEST, Lifetime.FOK),
}
"""ORD_DVSN of the regular session; after-hours, after-market and NXT types are refused."""
PAPER_TYPES = ("00", "01", "02", "03", "04")


def order_cash(broker: Broker, request: Request, tr_id: str) -> Reply:
    """`order-cash`: the tr_id says buy or sell."""
    side = OrderSide.BUY if tr_id in BUY_IDS else OrderSide.SELL
    try:
        wanted = _parse(request, side)
        if fault := broker.faults.strike(FaultName.PARTIAL_FILL, "order-cash", wanted.code, side.value):
            broker.exchange.fill_ratio_for_next = float(fault.params["ratio"])
        order = broker.exchange.place(wanted)
    except Refused as refused:
        return refusal(refused.refusal, request.is_paper, refused.detail)
    if request.is_paper:
        return _sent(request, order, "40600000" if order.is_buy else "40590000", "모의투자 주문이 완료 되었습니다.")
    return _sent(request, order, "APBK0013", "주문 전송 완료 되었습니다.")


def order_revise_cancel(broker: Broker, request: Request, tr_id: str) -> Reply:
    """`order-rvsecncl`: RVSE_CNCL_DVSN_CD 01 revises, 02 cancels; a cancel's price and type are not looked at."""
    original, action = request.number("ORGN_ODNO") or 0, request.text("RVSE_CNCL_DVSN_CD")
    if action not in ("01", "02"):
        return failure("OPSQ2002", "ERROR : INPUT INVALID_CHECK_RVSE_CNCL_DVSN_CD", "2")  # text unverified
    try:
        if request.text("QTY_ALL_ORD_YN", "N").upper() == "Y":
            quantity: int | None = None
        else:
            quantity = request.number("ORD_QTY") or 0
        if action == "02":
            order = broker.exchange.cancel(request.account, original, quantity)
        else:
            kind, _ = _order_type(request)
            order = broker.exchange.revise(request.account, original, quantity, request.number("ORD_UNPR") or 0, kind)
    except Refused as refused:
        return refusal(refused.refusal, request.is_paper, refused.detail)
    if request.is_paper:
        return _sent(request, order, "40630000", "모의투자 정정/취소주문이 완료 되었습니다.")
    return _sent(request, order, "APBK0013", "주문 전송 완료 되었습니다.")


def _parse(request: Request, side: OrderSide) -> OrderRequest:
    kind, lifetime = _order_type(request)
    if request.text("EXCG_ID_DVSN_CD", "KRX") not in ("", "KRX") and not (
        request.text("EXCG_ID_DVSN_CD") == "SOR" and not request.is_paper
    ):
        raise Refused(Refusal.VENUE, request.text("EXCG_ID_DVSN_CD"))
    quantity, price = request.number("ORD_QTY"), request.number("ORD_UNPR")
    if quantity is None:
        raise Refused(Refusal.BAD_QUANTITY, request.text("ORD_QTY"))
    if price is None:
        raise Refused(Refusal.BAD_PRICE, request.text("ORD_UNPR"))
    return OrderRequest(
        account=request.account,
        code=request.text("PDNO"),
        side=side,
        kind=kind,
        quantity=quantity,
        price_krw=price,
        lifetime=lifetime,
        type_code=request.text("ORD_DVSN"),
    )


def _order_type(request: Request) -> tuple[OrderKind, Lifetime]:
    code = request.text("ORD_DVSN")
    if code not in ORDER_TYPES or (request.is_paper and code not in PAPER_TYPES):
        raise Refused(Refusal.ORDER_TYPE, code)
    return ORDER_TYPES[code]


def _sent(request: Request, order: Order, msg_cd: str, msg1: str) -> Reply:
    output = {
        "KRX_FWDG_ORD_ORGNO": ORGANISATION_PAPER if request.is_paper else ORGANISATION_REAL,
        "ODNO": f"{order.number:010d}",
        "ORD_TMD": hhmmss(order.accepted_at_ms),
    }
    return ok(msg_cd, msg1, output=output)
