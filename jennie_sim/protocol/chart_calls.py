"""Daily and minute charts of one code."""

from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl

from jennie_sim.market.hours import MINUTE_MS, hhmmss
from jennie_sim.market.snapshot import Snapshot
from jennie_sim.market.tape import Col
from jennie_sim.protocol.broker import Broker
from jennie_sim.protocol.message import Reply, Request, ok
from jennie_sim.protocol.quote_calls import change_fields, find
from jennie_sim.protocol.trade_record import side_sign

PERIOD_ROWS = 100
RECENT_ROWS = 30
MINUTE_ROWS_TODAY = 30
MINUTE_ROWS_DAY = 120
PERIODS = {"D": "1d", "W": "1w", "M": "1mo", "Y": "1y"}


def _bars(broker: Broker, snapshot: Snapshot) -> pl.DataFrame:
    """Daily bars with the running one of today, oldest first."""
    columns = ("date", "open", "high", "low", "close", "volume")
    past = broker.market.history(snapshot.listed.code).select(columns)
    if not snapshot.volume:
        return past
    values = (broker.market.day, snapshot.open, snapshot.high, snapshot.low, snapshot.price, snapshot.volume)
    today = pl.DataFrame([values], schema=past.schema, orient="row")
    return pl.concat([past, today])


def day_of(text: str) -> date | None:
    """A YYYYMMDD day; None when it is not one."""
    try:
        return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007  a calendar day has no zone
    except ValueError:
        return None


def period_chart(broker: Broker, request: Request, tr_id: str) -> Reply:
    """`inquire-daily-itemchartprice`: the newest 100 rows of the range, newest first."""
    snapshot = find(broker, request)
    if snapshot is None:
        return ok(output1={}, output2=[])
    first, last = day_of(request.text("FID_INPUT_DATE_1")), day_of(request.text("FID_INPUT_DATE_2"))
    bars = _bars(broker, snapshot)
    if period := PERIODS.get(request.text("FID_PERIOD_DIV_CODE", "D").upper(), "1d"):
        bars = bars if period == "1d" else _grouped(bars, period)
    bars = bars.with_columns(pl.col("close").shift(1).alias("before"))
    bars = bars.filter(pl.col("date") >= (first or date.min), pl.col("date") <= (last or date.max))
    rows = [_period_row(row) for row in bars.tail(PERIOD_ROWS).reverse().iter_rows(named=True)]
    return ok(output1=summary(snapshot), output2=rows)


def _grouped(bars: pl.DataFrame, period: str) -> pl.DataFrame:
    traded = pl.col("low") > 0
    return (
        bars.group_by_dynamic("date", every=period)
        .agg(
            pl.col("open").filter(traded).first().fill_null(0),
            pl.col("high").max(),
            pl.col("low").filter(traded).min().fill_null(0),
            pl.col("close").last(),
            pl.col("volume").sum(),
        )
        .select("date", "open", "high", "low", "close", "volume")
    )


def _period_row(row: dict[str, Any]) -> dict[str, str]:
    change = row["close"] - (row["before"] if row["before"] is not None else row["close"])
    return {
        "stck_bsop_date": f"{row['date']:%Y%m%d}",
        "stck_clpr": str(row["close"]),
        "stck_oprc": str(row["open"]),
        "stck_hgpr": str(row["high"]),
        "stck_lwpr": str(row["low"]),
        "acml_vol": str(row["volume"]),
        "acml_tr_pbmn": str(row["volume"] * row["close"]),
        "flng_cls_code": "00",
        "prtt_rate": "0.00",
        "mod_yn": "N",
        "prdy_vrss_sign": side_sign(change),
        "prdy_vrss": str(change),
        "revl_issu_reas": "",
    }


def summary(snapshot: Snapshot) -> dict[str, str]:
    """The quote summary (output1) that charts and lists begin with."""
    listed = snapshot.listed
    shares = listed.listed_shares or 0
    return {
        **change_fields(snapshot),
        "stck_prdy_clpr": str(snapshot.previous_close),
        "acml_vol": str(snapshot.volume),
        "acml_tr_pbmn": str(snapshot.turnover),
        "hts_kor_isnm": listed.name,
        "stck_prpr": str(snapshot.price),
        "stck_shrn_iscd": listed.code,
        "prdy_vol": str(snapshot.previous_volume),
        "stck_mxpr": str(snapshot.upper),
        "stck_llam": str(snapshot.lower),
        "stck_oprc": str(snapshot.open),
        "stck_hgpr": str(snapshot.high),
        "stck_lwpr": str(snapshot.low),
        "stck_prdy_oprc": str(snapshot.previous_open),
        "stck_prdy_hgpr": str(snapshot.previous_high),
        "stck_prdy_lwpr": str(snapshot.previous_low),
        "askp": str(snapshot.ask),
        "bidp": str(snapshot.bid),
        "prdy_vrss_vol": str(snapshot.volume - snapshot.previous_volume),
        "vol_tnrt": f"{snapshot.volume * 100 / shares if shares else 0:.2f}",
        "stck_fcam": "0",
        "lstn_stcn": str(shares),
        "cpfn": "0",
        "hts_avls": str(snapshot.price * shares // 100_000_000),
        "per": "0.00",
        "eps": "0.00",
        "pbr": "0.00",
        "itewhol_loan_rmnd_ratem": "0.00",
    }


def recent_days(broker: Broker, request: Request, tr_id: str) -> Reply:
    """`inquire-daily-price`: the last 30 rows, newest first."""
    snapshot = find(broker, request)
    if snapshot is None:
        return ok(output=[])
    bars = _bars(broker, snapshot)
    period = PERIODS.get(request.text("FID_PERIOD_DIV_CODE", "D").upper(), "1d")
    bars = bars if period == "1d" else _grouped(bars, period)
    bars = bars.with_columns(
        pl.col("close").shift(1).alias("before"), pl.col("volume").shift(1).alias("volume_before")
    ).tail(RECENT_ROWS)
    rows = []
    for row in bars.reverse().iter_rows(named=True):
        before = row["before"] or row["close"]
        change = row["close"] - before
        volume_before = row["volume_before"] or 0
        rows.append(
            {
                "stck_bsop_date": f"{row['date']:%Y%m%d}",
                "stck_oprc": str(row["open"]),
                "stck_hgpr": str(row["high"]),
                "stck_lwpr": str(row["low"]),
                "stck_clpr": str(row["close"]),
                "acml_vol": str(row["volume"]),
                "prdy_vrss_vol_rate": f"{row['volume'] * 100 / volume_before if volume_before else 0:.2f}",
                "prdy_vrss": str(change),
                "prdy_vrss_sign": side_sign(change),
                "prdy_ctrt": f"{change * 100 / before if before else 0:.2f}",
                "hts_frgn_ehrt": "0.00",
                "frgn_ntby_qty": "0",
                "flng_cls_code": "00",
                "acml_prtt_rate": "0.00",
            }
        )
    return ok(output=rows)


def minutes_today(broker: Broker, request: Request, tr_id: str) -> Reply:
    """`inquire-time-itemchartprice`: up to 30 minutes ending at the anchor, newest first.

    Blank, 000000, 235959 and any later anchor mean now; the exchange keeps no minutes of earlier days.
    """
    snapshot = find(broker, request)
    if snapshot is None:
        return ok(output1={}, output2=[])
    anchor = min(anchor_ms(request.text("FID_INPUT_HOUR_1")) or broker.now_ms, broker.now_ms)
    return ok(output1=summary(snapshot), output2=_minutes(broker, snapshot, anchor, MINUTE_ROWS_TODAY))


def minutes_of_day(broker: Broker, request: Request, tr_id: str) -> Reply:
    """`inquire-time-dailychartprice`: 120 minutes of one day; only the traded day has any here."""
    snapshot = find(broker, request)
    if snapshot is None:
        return ok(output1={}, output2=[])
    if day_of(request.text("FID_INPUT_DATE_1")) not in (None, broker.market.day):
        return ok(output1=summary(snapshot), output2=[])
    anchor = min(anchor_ms(request.text("FID_INPUT_HOUR_1")) or broker.now_ms, broker.now_ms)
    return ok(output1=summary(snapshot), output2=_minutes(broker, snapshot, anchor, MINUTE_ROWS_DAY))


def anchor_ms(text: str) -> int:
    """The end of an HHMMSS second in milliseconds of the day; 0 for what is none (and for 000000: now)."""
    if len(text) != 6 or not text.isdigit() or text == "000000":
        return 0
    return ((int(text[:2]) * 60 + int(text[2:4])) * 60 + int(text[4:])) * 1_000 + 999


def _minutes(broker: Broker, snapshot: Snapshot, until_ms: int, count: int) -> list[dict[str, str]]:
    tape = broker.market.tape(snapshot.listed.code)
    rows = tape.rows[: tape.index_at(until_ms) + 1]
    if not len(rows):
        return []
    minute = rows[:, Col.AT_MS] // MINUTE_MS
    starts = np.concatenate(([0], np.flatnonzero(np.diff(minute)) + 1, [len(rows)]))
    made = []
    for first, end in zip(starts[-2::-1][:count].tolist(), starts[:0:-1][:count].tolist(), strict=True):
        part = rows[first:end]
        made.append(
            {
                "stck_bsop_date": f"{broker.market.day:%Y%m%d}",
                "stck_cntg_hour": hhmmss(int(minute[first]) * MINUTE_MS),
                "stck_prpr": str(part[-1, Col.PRICE]),
                "stck_oprc": str(part[0, Col.PRICE]),
                "stck_hgpr": str(part[:, Col.PRICE].max()),
                "stck_lwpr": str(part[:, Col.PRICE].min()),
                "cntg_vol": str(part[:, Col.SIZE].sum()),
                "acml_tr_pbmn": str(part[-1, Col.TURNOVER]),
            }
        )
    return made
