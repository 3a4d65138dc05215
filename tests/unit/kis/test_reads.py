"""Typed reads over scripted replies: substitutes of paper mode, the real key for quotations, paging."""

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jennie_core.domain.base import KST
from jennie_core.domain.enums import Mode
from jennie_infra.kis.codec_rest import RestCall, RestReply
from jennie_infra.kis.credentials import Credentials
from jennie_infra.kis.errors import KisRefusedError
from jennie_infra.kis.reads import CALENDAR_DAYS, KisReads
from jennie_infra.kis.tr_ids import Function, NotOfferedError, tr_id

FRAMES = Path(__file__).parents[2] / "contract" / "frames" / "rest"
AT = datetime(2025, 6, 27, 9, 30, 25, tzinfo=KST)
WHO = Credentials("k" * 36, "s" * 180, "5012345601", "jennie")
Answer = Callable[[RestCall], RestReply]


def said(name: str) -> RestReply:
    document = json.loads((FRAMES / f"{name}.json").read_text(encoding="utf-8"))
    return RestReply(document["reply"], document["tr_cont"])


class Host:
    """Stands where KisClient stands. It refuses what its mode's host does not have, as the real table of ids does."""

    def __init__(self, mode: Mode, **answers: str | Answer) -> None:
        self.mode = mode
        self.answers = answers
        self.calls: list[RestCall] = []

    async def read(self, call: RestCall, caller: str, deadline_seconds: float = 1.0) -> RestReply:
        tr_id(call.function, self.mode)
        self.calls.append(call)
        answer = self.answers[call.function.value]
        return said(answer) if isinstance(answer, str) else answer(call)


def reads(host: Host, quotations: Host | None = None) -> KisReads:
    real: Any = quotations
    return KisReads(host, WHO, host.mode, lambda: AT, real)  # type: ignore[arg-type]  # the fake has what is used


async def test_the_host_of_the_test_refuses_what_paper_lacks() -> None:
    with pytest.raises(NotOfferedError):
        await Host(Mode.PAPER).read(RestCall(Function.INDEX, {}), "test")


async def test_on_paper_the_index_comes_from_the_summary_of_its_chart() -> None:
    host = Host(Mode.PAPER, index_bars="index_daily_chart")
    found = await reads(host).index("0001", "test")
    assert (found.level, found.change_pct) == (3010.73, 0.36)
    live = await reads(Host(Mode.LIVE, index="index_price")).index("0001", "test")
    assert live.level > 0


async def test_on_paper_the_committed_calendar_answers_for_the_holiday_check() -> None:
    """T6: 2025-06-28 is a Saturday, 2025-07-01 a session; a day beyond the calendar's knowledge is absent, not open."""
    host = Host(Mode.PAPER)
    days = {found.day: found.is_open for found in await reads(host).session_days(AT.date(), "test")}
    assert (days[date(2025, 6, 27)], days[date(2025, 6, 28)], days[date(2025, 7, 1)]) == (True, False, True)
    unknown = await reads(host).session_days(date(2080, 1, 1), "test")
    assert not any(found.is_open for found in unknown)
    assert len(unknown) < CALENDAR_DAYS
    assert host.calls == []


async def test_on_paper_the_balance_answers_for_sellable_shares() -> None:
    paper = Host(Mode.PAPER, balance="balance", buyable_cash="psbl_order_market")
    live = Host(Mode.LIVE, sellable_shares="psbl_sell")
    stood_in = await reads(paper).sellable_shares("700010", "test")
    assert stood_in == await reads(live).sellable_shares("700010", "test")
    assert (stood_in.held_quantity, stood_in.sellable_quantity) == (10, 10)
    assert (await reads(paper).sellable_shares("700099", "test")).sellable_quantity == 0


async def test_on_paper_the_unfilled_rows_of_the_order_list_answer_for_open_orders() -> None:
    paper = await reads(Host(Mode.PAPER, orders_of_day="daily_ccld")).open_orders("test")
    live = await reads(Host(Mode.LIVE, open_orders="open_orders")).open_orders("test")
    assert [(order.order_number, order.remaining_quantity) for order in paper] == [
        (order.order_number, order.remaining_quantity) for order in live
    ]
    assert paper


async def test_on_paper_many_prices_are_one_quote_each_and_an_unknown_code_is_absent() -> None:
    live = Host(Mode.LIVE, prices="multi_price")
    together = await reads(live).prices(["700010", "700020"], "test")
    assert [price.code for price in together] == ["700010", "700020"]
    assert len(live.calls) == 1

    def quote(call: RestCall) -> RestReply:
        if call.fields["FID_INPUT_ISCD"] == "700010":
            return said("inquire_price")
        return RestReply({"output": {"stck_prpr": "0"}})

    paper = Host(Mode.PAPER, quote=quote)
    (alone,) = await reads(paper).prices(["700010", "999999"], "test")
    assert alone.model_copy(update={"name": together[0].name}) == together[0]
    assert len(paper.calls) == 2


async def test_thirty_codes_go_into_one_request() -> None:
    live = Host(Mode.LIVE, prices=lambda _call: RestReply({"output": []}))
    await reads(live).prices([f"7{number:05d}" for number in range(61)], "test")
    assert [len(call.fields) // 2 for call in live.calls] == [30, 30, 1]


async def test_a_real_key_answers_quotations_on_paper_and_nothing_about_the_account() -> None:
    paper = Host(Mode.PAPER, balance="balance", buyable_cash="psbl_order_market")
    real = Host(Mode.LIVE, index="index_price", session_days="chk_holiday", prices="multi_price", quote="inquire_price")
    both = reads(paper, real)
    await both.index("0001", "test")
    await both.session_days(AT.date(), "test")
    await both.prices(["700010"], "test")
    await both.quote("700010", "test")
    await both.sellable_shares("700010", "test")
    assert [call.function for call in real.calls] == [
        Function.INDEX, Function.SESSION_DAYS, Function.PRICES, Function.QUOTE
    ]  # fmt: skip
    assert {call.function for call in paper.calls} == {Function.BALANCE, Function.BUYABLE_CASH}


async def test_buyable_cash_tells_the_price_it_was_calculated_at() -> None:
    """Fact 8 of the sheet: a market buy is calculated at the upper limit."""
    host = Host(Mode.LIVE, buyable_cash=lambda call: said(f"psbl_order_{TYPES[call.fields['ORD_DVSN']]}"))
    limit = await reads(host).buyable_cash("700010", 71_000, "test")
    market = await reads(host).buyable_cash("700010", None, "test")
    assert (limit.calculation_price_krw, limit.quantity) == (71_000, 1_408)
    assert market.calculation_price_krw == 91_000
    assert market.quantity < limit.quantity
    assert [call.fields["ORD_UNPR"] for call in host.calls] == ["71000", "0"]


TYPES = {"00": "limit", "01": "market"}


def bar(start: datetime) -> dict[str, str]:
    figures = dict.fromkeys(("stck_oprc", "stck_hgpr", "stck_lwpr", "stck_prpr"), "70000")
    return {"stck_bsop_date": f"{start:%Y%m%d}", "stck_cntg_hour": f"{start:%H%M}00", "cntg_vol": "1"} | figures


def minutes_until(rows: int) -> Answer:
    """As the broker pages: so many minutes that end at the anchor, newest first, none before the open."""

    def answer(call: RestCall) -> RestReply:
        day, anchor = call.fields.get("FID_INPUT_DATE_1", "20250627"), call.fields["FID_INPUT_HOUR_1"]
        last = datetime.strptime(day + anchor[:4], "%Y%m%d%H%M").replace(tzinfo=KST)
        starts = [last - timedelta(minutes=back) for back in range(rows)]
        return RestReply({"output2": [bar(start) for start in starts if start.hour >= 9]})

    return answer


@pytest.mark.rule("R-GW-05")
async def test_minutes_of_an_earlier_day_are_paged_by_hundred_and_twenty_and_ascend() -> None:
    host = Host(Mode.LIVE, past_minute_bars=minutes_until(120))
    bars = await reads(host).minute_bars("700010", None, date(2025, 6, 26), "test")
    starts = [bar.started_at for bar in bars]
    assert starts == sorted(set(starts))
    assert (len(starts), f"{starts[0]:%H:%M}", f"{starts[-1]:%H:%M}") == (391, "09:00", "15:30")
    assert len(host.calls) == 4


async def test_minutes_of_today_are_paged_by_thirty_to_the_asked_length() -> None:
    host = Host(Mode.LIVE, minute_bars=minutes_until(30))
    everything = await reads(host).minute_bars("700010", None, None, "test")
    assert len(everything) == 31
    last = await reads(host).minute_bars("700010", 5, None, "test")
    assert last == everything[-5:]


async def test_minutes_of_a_day_to_come_are_refused_with_the_day() -> None:
    with pytest.raises(KisRefusedError, match="2025-06-28 lies after 2025-06-27"):
        await reads(Host(Mode.LIVE)).minute_bars("700010", None, date(2025, 6, 28), "test")
