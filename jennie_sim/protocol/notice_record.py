"""H0STCNI0/9: an order or execution notice as the broker's record of 26 or 23 fields (protocol sheet 4.6)."""

from jennie_sim.exchange.orders import Lifetime, Notice, NoticeKind
from jennie_sim.market.hours import hhmmss

_REVISION_CLASS = {"new": "0", "revise": "1", "cancel": "2"}
_CONDITION = {Lifetime.DAY: "0", Lifetime.IOC: "1", Lifetime.FOK: "2"}
BRANCH = "00950"


def notice_record(notice: Notice, *, hts_id: str, account_name: str, stock_name: str, fields: int) -> str:
    """One record in clear text, fields joined by ^.

    In acceptance notices fields 9 and 10 hold the order's quantity and price, in execution notices the fill's.
    """
    order = notice.order
    is_fill = notice.kind is NoticeKind.FILLED
    common = [
        hts_id,
        notice.account,
        f"{order.number:010d}",
        f"{order.original_number:010d}" if order.original_number else "",
        "02" if order.is_buy else "01",
        _REVISION_CLASS[order.action],
        order.type_code,
        _CONDITION[order.lifetime],
        order.code,
        f"{notice.quantity:010d}",
        f"{notice.price_krw:09d}",
        hhmmss(notice.at_ms),
        "1" if notice.kind is NoticeKind.REJECTED else "0",
        "2" if is_fill else "1",
        _acceptance(notice),
        BRANCH,
        f"{order.quantity:09d}",
        account_name,
    ]
    order_price = f"{order.price_krw:09d}" if is_fill else f"{0:09d}"
    if fields >= 26:
        rest = ["0", "1", "Y", "", "10", "", stock_name, order_price]
    else:
        rest = [stock_name, "10", "", stock_name, order_price]
    return "^".join([*common, *rest])


def _acceptance(notice: Notice) -> str:
    """1 received, 2 confirmed, 3 remainder of an IOC or FOK order cancelled (ACPT_YN)."""
    if notice.kind is NoticeKind.KILLED:
        return "3"
    return "1" if notice.kind in (NoticeKind.ACCEPTED, NoticeKind.REJECTED) else "2"
