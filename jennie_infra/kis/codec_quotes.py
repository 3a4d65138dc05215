"""Quotation calls and their replies as domain models."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from jennie_core.domain.enums import AssetKind, ListingStatus, Market
from jennie_core.domain.market import DailyBar, InvestorFlow, MinuteBar, OrderBook, Quote
from jennie_infra.kis.codec_rest import (
    RestCall,
    RestReply,
    compact_day,
    day,
    decimal,
    instant,
    integer,
    optional_decimal,
    optional_integer,
    optional_text,
    text,
)
from jennie_infra.kis.errors import KisMalformedError, KisRefusedError
from jennie_infra.kis.tr_ids import Function

KRX = "J"
HUNDRED_MILLION = 100_000_000
LEVELS = range(1, 11)
DAILY_ROWS = 100
MINUTE_ROWS = 30
CALENDAR_DAYS_PER_PAGE = 140
"""Fewer than 100 sessions lie in 140 days, so no page is cut off."""

_MARKETS = {"KOSPI": Market.KOSPI, "KOSDA": Market.KOSDAQ, "KSQ15": Market.KOSDAQ, "KONEX": Market.KONEX}
"""By the first five letters of rprs_mrkt_kor_name: it names an index where a code belongs to one (KOSPI200, KSQ150)."""
_FUNDS = {"ETF": AssetKind.ETF, "ETN": AssetKind.ETN}
"""Funds are named instead of their market (unverified)."""
_STATUS_CODES = {
    "51": ListingStatus.ADMINISTRATIVE,
    "52": ListingStatus.INVESTMENT_RISK,
    "53": ListingStatus.INVESTMENT_WARNING,
    "58": ListingStatus.HALTED,
    "59": ListingStatus.OVERHEATED,
}


def _quotation(function: Function, code: str, market: str = KRX, **more: str) -> RestCall:
    return RestCall(function, {"FID_COND_MRKT_DIV_CODE": market, "FID_INPUT_ISCD": code, **more})


def quote_call(code: str) -> RestCall:
    """inquire-price."""
    return _quotation(Function.QUOTE, code)


def decode_quote(reply: RestReply, code: str, name: str, at: datetime) -> Quote:
    """A Quote; a code answered with zeros raises KisRefusedError. inquire-price carries no stock name."""
    row = reply.record("output")
    if optional_integer(row, "stck_prpr") in (None, 0):
        raise KisRefusedError("BROKER-CODE", "", f"the broker has no price for {code}")
    market_cap = optional_integer(row, "hts_avls")
    try:
        return Quote(
            code=code,
            name=optional_text(row, "hts_kor_isnm") or name or code,
            price_krw=integer(row, "stck_prpr"),
            previous_close_krw=integer(row, "stck_sdpr"),
            open_krw=integer(row, "stck_oprc"),
            high_krw=integer(row, "stck_hgpr"),
            low_krw=integer(row, "stck_lwpr"),
            volume=integer(row, "acml_vol"),
            turnover_krw=integer(row, "acml_tr_pbmn"),
            upper_limit_krw=integer(row, "stck_mxpr"),
            lower_limit_krw=integer(row, "stck_llam"),
            change_pct=decimal(row, "prdy_ctrt"),
            per=optional_decimal(row, "per"),
            pbr=optional_decimal(row, "pbr"),
            market_cap_krw=market_cap * HUNDRED_MILLION if market_cap else None,
            week52_high_krw=optional_integer(row, "w52_hgpr"),
            week52_low_krw=optional_integer(row, "w52_lwpr"),
            status=listing_status(row),
            market=_MARKETS.get(optional_text(row, "rprs_mrkt_kor_name")[:5].upper(), Market.UNKNOWN),
            asset_kind=_FUNDS.get(optional_text(row, "rprs_mrkt_kor_name").upper()),
            in_volatility_interruption=optional_text(row, "vi_cls_code") in ("Y", "1", "2", "3"),
            quoted_at=at,
        )
    except ValidationError as error:
        raise KisMalformedError("BROKER-SHAPE", f"quote of {code}: {error.error_count()} impossible values") from error


def listing_status(row: Mapping[str, Any]) -> ListingStatus:
    """The state that keeps a code from being bought (Q3), the gravest first."""
    if optional_text(row, "temp_stop_yn") == "Y":
        return ListingStatus.HALTED
    if optional_text(row, "sltr_yn") == "Y":
        return ListingStatus.LIQUIDATION_TRADING
    by_code = _STATUS_CODES.get(optional_text(row, "iscd_stat_cls_code"), ListingStatus.NORMAL)
    if by_code is not ListingStatus.NORMAL:
        return by_code
    if optional_text(row, "mang_issu_cls_code") == "Y":
        return ListingStatus.ADMINISTRATIVE
    warning = optional_text(row, "mrkt_warn_cls_code")
    if warning in ("02", "03"):
        return ListingStatus.INVESTMENT_WARNING if warning == "02" else ListingStatus.INVESTMENT_RISK
    return ListingStatus.OVERHEATED if optional_text(row, "short_over_yn") == "Y" else ListingStatus.NORMAL


def order_book_call(code: str) -> RestCall:
    """inquire-asking-price-exp-ccn."""
    return _quotation(Function.ORDER_BOOK, code)


def decode_order_book(reply: RestReply, code: str, at: datetime) -> OrderBook:
    """An OrderBook, empty levels left out."""
    row = reply.record("output1")

    def side(price: str, size: str) -> tuple[tuple[int, int], ...]:
        levels = [(integer(row, f"{price}{level}"), integer(row, f"{size}{level}")) for level in LEVELS]
        return tuple(level for level in levels if level[0] > 0)

    return OrderBook(code=code, asks=side("askp", "askp_rsqn"), bids=side("bidp", "bidp_rsqn"), quoted_at=at)


def daily_bars_call(code: str, until: date) -> RestCall:
    """inquire-daily-itemchartprice, adjusted prices, one page that ends at `until`."""
    return _quotation(
        Function.DAILY_BARS,
        code,
        FID_INPUT_DATE_1=compact_day(until - timedelta(days=CALENDAR_DAYS_PER_PAGE)),
        FID_INPUT_DATE_2=compact_day(until),
        FID_PERIOD_DIV_CODE="D",
        FID_ORG_ADJ_PRC="0",
    )


def decode_daily_bars(reply: RestReply, code: str) -> list[DailyBar]:
    """One page of bars in the broker's order (newest first)."""
    return [
        DailyBar(
            code=code,
            trade_date=day(row, "stck_bsop_date"),
            open_krw=integer(row, "stck_oprc"),
            high_krw=integer(row, "stck_hgpr"),
            low_krw=integer(row, "stck_lwpr"),
            close_krw=integer(row, "stck_clpr"),
            volume=integer(row, "acml_vol"),
        )
        for row in reply.rows("output2")
    ]


def stock_name(reply: RestReply) -> str:
    """The name that a chart's summary carries, blank when absent."""
    summary = reply.body.get("output1")
    return optional_text(summary, "hts_kor_isnm") if isinstance(summary, dict) else ""


def minute_bars_call(code: str, anchor: str) -> RestCall:
    """inquire-time-itemchartprice: up to 30 minutes that end at `anchor` (HHMMSS)."""
    return _quotation(Function.MINUTE_BARS, code, FID_ETC_CLS_CODE="", FID_INPUT_HOUR_1=anchor, FID_PW_DATA_INCU_YN="N")


def decode_minute_bars(reply: RestReply, code: str) -> list[MinuteBar]:
    """One page of minute bars in the broker's order (newest first)."""
    return [
        MinuteBar(
            code=code,
            started_at=instant(text(row, "stck_bsop_date"), text(row, "stck_cntg_hour")),
            open_krw=integer(row, "stck_oprc"),
            high_krw=integer(row, "stck_hgpr"),
            low_krw=integer(row, "stck_lwpr"),
            close_krw=integer(row, "stck_prpr"),
            volume=integer(row, "cntg_vol"),
        )
        for row in reply.rows("output2")
    ]


def past_minute_bars_call(code: str, on: date, anchor: str) -> RestCall:
    """inquire-time-dailychartprice: up to 120 minutes of a past day that end at `anchor` (HHMMSS)."""
    return _quotation(
        Function.PAST_MINUTE_BARS,
        code,
        FID_INPUT_DATE_1=compact_day(on),
        FID_INPUT_HOUR_1=anchor,
        FID_PW_DATA_INCU_YN="N",
        FID_FAKE_TICK_INCU_YN="",
    )


def investor_flows_call(code: str) -> RestCall:
    """inquire-investor."""
    return _quotation(Function.INVESTOR_FLOWS, code)


def decode_investor_flows(reply: RestReply, code: str) -> list[InvestorFlow]:
    """Net buying per day, oldest first; today's figures are blank, hence None, until after the close."""
    flows = [
        InvestorFlow(
            code=code,
            trade_date=day(row, "stck_bsop_date"),
            foreign_net_shares=optional_integer(row, "frgn_ntby_qty"),
            institution_net_shares=optional_integer(row, "orgn_ntby_qty"),
            individual_net_shares=optional_integer(row, "prsn_ntby_qty"),
        )
        for row in reply.rows("output")
    ]
    return sorted(flows, key=lambda flow: flow.trade_date)
