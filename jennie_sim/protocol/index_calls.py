"""Quotation calls about an index."""

from datetime import date
from typing import Any

import polars as pl

from jennie_sim.market.index_path import IndexNow, IndexPath
from jennie_sim.protocol.broker import Broker
from jennie_sim.protocol.chart_calls import day_of
from jennie_sim.protocol.message import Reply, Request, ok
from jennie_sim.protocol.trade_record import side_sign

INDEX_CODES = {"0001": "KOSPI", "1001": "KOSDAQ", "2001": "KOSPI200"}
FIGURES = ("acml_vol", "prdy_vol", "acml_tr_pbmn", "prdy_tr_pbmn")
CHART_ROWS = 50
DAY_ROWS = 100


def _find(broker: Broker, request: Request) -> IndexPath | None:
    return broker.market.index(INDEX_CODES.get(request.text("FID_INPUT_ISCD"), ""))


def _sign(points: float) -> str:
    return side_sign((points > 0) - (points < 0))


def _figures(broker: Broker, index: IndexPath) -> dict[str, str]:
    """Volume in thousand shares and value in million won (units unverified); zeros when unknown."""
    known = broker.breadth.of(index.code, broker.now_ms)
    if known is None:
        return dict.fromkeys(FIGURES, "0")
    return {
        "acml_vol": str(known.volume // 1_000),
        "acml_tr_pbmn": str(known.turnover_krw // 1_000_000),
        "prdy_vol": str(known.previous_volume // 1_000),
        "prdy_tr_pbmn": "0",
    }


def _counts(broker: Broker, index: IndexPath) -> dict[str, str]:
    """Codes by their change; those at a limit are also among the advancers or decliners (unverified)."""
    known = broker.breadth.of(index.code, broker.now_ms)
    names = ("ascn", "uplm", "stnr", "down", "lslm")
    values = (0,) * 5 if known is None else (known.up, known.limit_up, known.flat, known.down, known.limit_down)
    return {f"{name}_issu_cnt": str(value) for name, value in zip(names, values, strict=True)}


def _now_fields(now: IndexNow, figures: dict[str, str]) -> dict[str, str]:
    fields = {
        "bstp_nmix_prpr": f"{now.value:.2f}",
        "bstp_nmix_prdy_vrss": f"{now.change:.2f}",
        "prdy_vrss_sign": _sign(now.change),
        "bstp_nmix_prdy_ctrt": f"{now.change_pct:.2f}",
        **figures,
    }
    for name, value in (("oprc", now.open), ("hgpr", now.high), ("lwpr", now.low)):
        difference = value - now.previous_close
        fields[f"bstp_nmix_{name}"] = f"{value:.2f}"
        fields[f"prdy_nmix_vrss_nmix_{name}"] = f"{difference:.2f}"
        fields[f"{name}_vrss_prpr_sign"] = _sign(now.value - value)
        fields[f"bstp_nmix_{name}_prdy_ctrt"] = f"{difference * 100 / now.previous_close:.2f}"
    return fields


def index_now(broker: Broker, request: Request, tr_id: str) -> Reply:
    """`inquire-index-price`: FID_INPUT_ISCD 0001 KOSPI, 1001 KOSDAQ, 2001 KOSPI200."""
    index = _find(broker, request)
    if index is None:
        return ok(output={})
    zeros = dict.fromkeys(("total_askp_rsqn", "total_bidp_rsqn", "ntby_rsqn"), "0")
    now = index.at(broker.now_ms)
    extremes = _extremes_of_year(broker, index, now)
    rates = {"seln_rsqn_rate": "50.00", "shnu_rsqn_rate": "50.00"}
    found = _now_fields(now, _figures(broker, index)) | _counts(broker, index)
    return ok(output=found | zeros | extremes | rates)


def _extremes_of_year(broker: Broker, index: IndexPath, now: IndexNow) -> dict[str, str]:
    """Highest and lowest value of the calendar year with their days and the distance to now, today included."""
    day = broker.market.day
    year = index.rows.filter(pl.col("date").dt.year() == day.year, pl.col("date") < day)
    fields = {}
    for name, column, today, find in (("hgpr", "high", now.high, max), ("lwpr", "low", now.low, min)):
        known = [(today, day), *year.select(column, "date").iter_rows()]
        value = find(row[0] for row in known)
        fields[f"dryy_bstp_nmix_{name}"] = f"{value:.2f}"
        fields[f"dryy_{name}_vrss_prpr_rate"] = f"{(now.value - value) * 100 / value if value else 0:.2f}"
        fields[f"dryy_bstp_nmix_{name}_date"] = f"{next(on for level, on in known if level == value):%Y%m%d}"
    return fields


def _day_rows(broker: Broker, index: IndexPath, first: date, last: date, count: int) -> list[dict[str, Any]]:
    """Daily rows newest first with the running one of today; today's close is not known before the close."""
    rows = index.rows.filter(pl.col("date") < broker.market.day).with_columns(pl.col("close").shift(1).alias("before"))
    found = list(rows.filter(pl.col("date") >= first, pl.col("date") <= last).iter_rows(named=True))
    if first <= broker.market.day <= last and broker.now_ms >= broker.market.hours.open_ms:
        now = index.at(broker.now_ms)
        found.append(
            {
                "date": broker.market.day,
                "open": now.open,
                "high": now.high,
                "low": now.low,
                "close": now.value,
                "before": now.previous_close,
            }
        )
    return found[::-1][:count]


def index_days(broker: Broker, request: Request, tr_id: str) -> Reply:
    """`inquire-index-daily-price`: goes back from the anchor day."""
    index = _find(broker, request)
    if index is None:
        return ok(output1={}, output2=[])
    anchor = day_of(request.text("FID_INPUT_DATE_1")) or broker.market.day
    rows = []
    for row in _day_rows(broker, index, date.min, anchor, DAY_ROWS):
        change = row["close"] - (row["before"] or row["close"])
        rows.append(
            _ohlc(row)
            | {
                "prdy_vrss_sign": _sign(change),
                "bstp_nmix_prdy_vrss": f"{change:.2f}",
                "bstp_nmix_prdy_ctrt": f"{change * 100 / (row['before'] or row['close']):.2f}",
                "acml_vol_rlim": "0.00",
                "invt_new_psdg": "0.00",
                "d20_dsrt": "0.00",
            }
        )
    return ok(output1=_now_fields(index.at(broker.now_ms), _figures(broker, index)), output2=rows)


def index_chart(broker: Broker, request: Request, tr_id: str) -> Reply:
    """`inquire-daily-indexchartprice`: the newest 50 rows of the range, newest first."""
    index = _find(broker, request)
    if index is None:
        return ok(output1={}, output2=[])
    first = day_of(request.text("FID_INPUT_DATE_1")) or date.min
    last = day_of(request.text("FID_INPUT_DATE_2")) or broker.market.day
    rows = [_ohlc(row) | {"mod_yn": "N"} for row in _day_rows(broker, index, first, last, CHART_ROWS)]
    now = index.at(broker.now_ms)
    summary = _now_fields(now, _figures(broker, index)) | {
        "prdy_nmix": f"{now.previous_close:.2f}",
        "hts_kor_isnm": index.code,
        "bstp_cls_code": request.text("FID_INPUT_ISCD"),
        "futs_prdy_oprc": "0.00",
        "futs_prdy_hgpr": "0.00",
        "futs_prdy_lwpr": "0.00",
    }
    return ok(output1=summary, output2=rows)


def _ohlc(row: dict[str, Any]) -> dict[str, str]:
    return {
        "stck_bsop_date": f"{row['date']:%Y%m%d}",
        "bstp_nmix_prpr": f"{row['close']:.2f}",
        "bstp_nmix_oprc": f"{row['open']:.2f}",
        "bstp_nmix_hgpr": f"{row['high']:.2f}",
        "bstp_nmix_lwpr": f"{row['low']:.2f}",
        "acml_vol": "0",
        "acml_tr_pbmn": "0",
    }
