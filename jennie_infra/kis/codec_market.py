"""Calls about more than one code, an index or the calendar, and their replies as domain models."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from jennie_core.domain.market import IndexQuote, Price, Quote, SessionDay
from jennie_infra.kis.codec_quotes import KRX
from jennie_infra.kis.codec_rest import RestCall, RestReply, compact_day, day, decimal, integer, optional_integer, text
from jennie_infra.kis.errors import KisRefusedError
from jennie_infra.kis.tr_ids import Function

INDEX_MARKET = "U"
CODES_PER_CALL = 30


def prices_call(codes: Sequence[str]) -> RestCall:
    """intstock-multprice: up to 30 codes, each with its number in the names of its parameters."""
    fields: dict[str, str] = {}
    for number, code in enumerate(codes, start=1):
        fields |= {f"FID_COND_MRKT_DIV_CODE_{number}": KRX, f"FID_INPUT_ISCD_{number}": code}
    return RestCall(Function.PRICES, fields)


def decode_prices(reply: RestReply, at: datetime) -> list[Price]:
    """One Price per code that the broker knows; a row without a price is left out."""
    return [_price(row, at) for row in reply.rows("output") if optional_integer(row, "inter2_prpr")]


def _price(row: Mapping[str, Any], at: datetime) -> Price:
    return Price(
        code=text(row, "inter_shrn_iscd"),
        name=text(row, "inter_kor_isnm"),
        price_krw=integer(row, "inter2_prpr"),
        previous_close_krw=integer(row, "inter2_sdpr"),
        open_krw=integer(row, "inter2_oprc"),
        high_krw=integer(row, "inter2_hgpr"),
        low_krw=integer(row, "inter2_lwpr"),
        volume=integer(row, "acml_vol"),
        turnover_krw=integer(row, "acml_tr_pbmn"),
        upper_limit_krw=integer(row, "inter2_mxpr"),
        lower_limit_krw=integer(row, "inter2_llam"),
        change_pct=decimal(row, "prdy_ctrt"),
        quoted_at=at,
    )


def price_of(quote: Quote) -> Price:
    """The Price of a full quote, where the host has no call for many codes."""
    return Price(**{name: getattr(quote, name) for name in Price.model_fields})


def index_call(index_code: str) -> RestCall:
    """inquire-index-price (0001 KOSPI, 1001 KOSDAQ)."""
    return RestCall(Function.INDEX, {"FID_COND_MRKT_DIV_CODE": INDEX_MARKET, "FID_INPUT_ISCD": index_code})


def decode_index(reply: RestReply, index_code: str, at: datetime) -> IndexQuote:
    """Level and change of the day."""
    return _index(reply.record("output"), index_code, at)


def index_bars_call(index_code: str, on: date) -> RestCall:
    """inquire-daily-indexchartprice of one day: its summary has the present level, on every host."""
    return RestCall(
        Function.INDEX_BARS,
        {
            "FID_COND_MRKT_DIV_CODE": INDEX_MARKET,
            "FID_INPUT_ISCD": index_code,
            "FID_INPUT_DATE_1": compact_day(on),
            "FID_INPUT_DATE_2": compact_day(on),
            "FID_PERIOD_DIV_CODE": "D",
        },
    )


def decode_index_summary(reply: RestReply, index_code: str, at: datetime) -> IndexQuote:
    """Level and change of the day from the summary of a chart."""
    return _index(reply.record("output1"), index_code, at)


def _index(row: Mapping[str, Any], index_code: str, at: datetime) -> IndexQuote:
    level = decimal(row, "bstp_nmix_prpr")
    if level <= 0:
        raise KisRefusedError("BROKER-CODE", "", f"the broker has no level for index {index_code}")
    return IndexQuote(index_code=index_code, level=level, change_pct=decimal(row, "bstp_nmix_prdy_ctrt"), quoted_at=at)


def session_days_call(start: date) -> RestCall:
    """chk-holiday from `start` forward; the broker asks for at most one call a day."""
    return RestCall(Function.SESSION_DAYS, {"BASS_DT": compact_day(start), "CTX_AREA_FK": "", "CTX_AREA_NK": ""})


def decode_session_days(reply: RestReply) -> list[SessionDay]:
    """Days with `opnd_yn` (market open), oldest first."""
    days = [SessionDay(day=day(row, "bass_dt"), is_open=text(row, "opnd_yn") == "Y") for row in reply.rows("output")]
    return sorted(days, key=lambda found: found.day)
