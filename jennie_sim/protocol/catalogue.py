"""Which tr_id leads to which handler: old and new ids alike, mock-trading ids like real ones."""

from collections.abc import Callable
from dataclasses import dataclass

from jennie_sim.exchange.orders import Refusal
from jennie_sim.faults.registry import Fault
from jennie_sim.protocol import (
    account_calls,
    book_calls,
    chart_calls,
    index_calls,
    investor_calls,
    order_calls,
    order_lists,
    profit_calls,
    quote_calls,
    rank_calls,
    reference_calls,
)
from jennie_sim.protocol.broker import Broker
from jennie_sim.protocol.message import Reply, Request, failure, refusal

Handler = Callable[[Broker, Request, str], Reply]


@dataclass(frozen=True, slots=True)
class Call:
    """One function of the broker: its name as in the path, and who answers it."""

    name: str
    handler: Handler

    @property
    def is_order(self) -> bool:
        """Order entry, revise and cancel."""
        return self.name in ("order-cash", "order-rvsecncl")

    @property
    def is_of_account(self) -> bool:
        """Served by the account ledger behind the gateway, which has a limit of its own (EGW00215)."""
        return self.name in ACCOUNT_CALLS

    def reject(self, request: Request, fault: Fault) -> Reply:
        """A switched-on refusal: by one of the exchange's own reasons, or by a given code."""
        reason = fault.params["reason"]
        if reason is not None and fault.params["msg_cd"] is None:
            return refusal(Refusal(reason), request.is_paper)
        code = fault.params["msg_cd"] or ("40070000" if request.is_paper else "APBK1078")
        return failure(code, fault.params["msg1"], str(fault.params["rt_cd"]))


_TABLE: tuple[tuple[str, Handler, tuple[str, ...]], ...] = (
    ("order-cash", order_calls.order_cash, (*order_calls.BUY_IDS, *order_calls.SELL_IDS)),
    ("order-rvsecncl", order_calls.order_revise_cancel, ("TTTC0013U", "TTTC0803U")),
    ("inquire-psbl-order", account_calls.buyable, ("TTTC8908R",)),
    ("inquire-psbl-sell", account_calls.sellable, ("TTTC8408R",)),
    ("inquire-balance", account_calls.balance, ("TTTC8434R",)),
    ("inquire-daily-ccld", order_lists.daily_orders, ("TTTC0081R", "TTTC8001R", "CTSC9215R", "CTSC9115R")),
    ("inquire-psbl-rvsecncl", order_lists.open_orders, ("TTTC0084R", "TTTC8036R")),
    ("inquire-period-trade-profit", profit_calls.profit_by_stock, ("TTTC8715R",)),
    ("inquire-price", quote_calls.price, ("FHKST01010100",)),
    ("inquire-price-2", quote_calls.price_and_status, ("FHPST01010000",)),
    ("inquire-asking-price-exp-ccn", book_calls.order_book, ("FHKST01010200",)),
    ("inquire-ccnl", book_calls.recent_trades, ("FHKST01010300",)),
    ("intstock-multprice", book_calls.many_prices, ("FHKST11300006",)),
    ("inquire-daily-price", chart_calls.recent_days, ("FHKST01010400",)),
    ("inquire-daily-itemchartprice", chart_calls.period_chart, ("FHKST03010100",)),
    ("inquire-time-itemchartprice", chart_calls.minutes_today, ("FHKST03010200",)),
    ("inquire-time-dailychartprice", chart_calls.minutes_of_day, ("FHKST03010230",)),
    ("inquire-time-itemconclusion", book_calls.trades_by_time, ("FHPST01060000",)),
    ("inquire-investor", investor_calls.investors, ("FHKST01010900",)),
    ("investor-trade-by-stock-daily", investor_calls.investors_in_detail, ("FHPTJ04160001",)),
    ("investor-trend-estimate", investor_calls.investor_estimate, ("HHPTJ04160200",)),
    ("foreign-institution-total", investor_calls.foreign_institution_total, ("FHPTJ04400000",)),
    ("volume-rank", rank_calls.volume_rank, ("FHPST01710000",)),
    ("inquire-vi-status", rank_calls.interruptions, ("FHPST01390000",)),
    ("inquire-index-price", index_calls.index_now, ("FHPUP02100000",)),
    ("inquire-index-daily-price", index_calls.index_days, ("FHPUP02120000",)),
    ("inquire-daily-indexchartprice", index_calls.index_chart, ("FHKUP03500100",)),
    ("chk-holiday", reference_calls.holidays, ("CTCA0903R",)),
    ("search-stock-info", reference_calls.stock_info, ("CTPF1002R",)),
    ("search-info", reference_calls.product_info, ("CTPF1604R",)),
)

ACCOUNT_CALLS = frozenset(name for name, _, tr_ids in _TABLE if tr_ids[0].startswith("TTT"))
CALLS: dict[str, Call] = {tr_id: Call(name, handler) for name, handler, tr_ids in _TABLE for tr_id in tr_ids}


def canonical(tr_id: str) -> str:
    """The real-trading id of a mock-trading one; others unchanged."""
    if tr_id.startswith("V"):
        for first in "TJC":
            if first + tr_id[1:] in CALLS:
                return first + tr_id[1:]
    return tr_id
