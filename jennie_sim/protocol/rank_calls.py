"""Lists over the whole market: the most traded codes, the volatility interruptions of the day."""

from jennie_core.domain.enums import Market as Segment
from jennie_sim.market.hours import hhmmss
from jennie_sim.market.interruption import DYNAMIC_PCT_OF_INDEX_MEMBERS, Interruption
from jennie_sim.market.market import Market
from jennie_sim.market.snapshot import Snapshot, take_snapshot
from jennie_sim.protocol.broker import Broker
from jennie_sim.protocol.message import Reply, Request, ok
from jennie_sim.protocol.quote_calls import change_fields

RANKED = 30
CANDIDATES = 90
"""So many codes of the whole day are looked at for the most traded of an instant: each costs a drawn tape."""
LISTED = 200
"""So many codes are looked through for interruptions, for the same reason; any other is found when asked for."""
AVERAGE_DAYS = 20


def volume_rank(broker: Broker, request: Request, tr_id: str) -> Reply:
    """`volume-rank`: 30 codes by volume, or by turnover with FID_BLNG_CLS_CODE 3; price bounds as asked."""
    by_value = request.text("FID_BLNG_CLS_CODE") in ("3", "4")
    lowest, highest = request.number("FID_INPUT_PRICE_1") or 0, request.number("FID_INPUT_PRICE_2") or 0
    bars = broker.market.pack.bars
    largest = sorted(bars, key=lambda code: (-bars[code].volume * (bars[code].close if by_value else 1), code))
    shown = [take_snapshot(broker.market, code, broker.now_ms) for code in largest[:CANDIDATES]]
    shown = [row for row in shown if row.volume and row.price >= lowest and (not highest or row.price <= highest)]
    shown.sort(key=lambda row: (-(row.turnover if by_value else row.volume), row.listed.code))
    return ok(output=[_rank_row(broker, row, number) for number, row in enumerate(shown[:RANKED], start=1)])


def _rank_row(broker: Broker, row: Snapshot, number: int) -> dict[str, str]:
    recent = broker.market.history(row.listed.code).tail(AVERAGE_DAYS)
    average = int(recent["volume"].sum()) // recent.height if recent.height else 0
    value = sum(volume * close for volume, close in recent.select("volume", "close").iter_rows())
    average_value = value // recent.height if recent.height else 0
    earlier = int(recent["close"][0]) if recent.height else row.previous_close
    shares = row.listed.listed_shares or 0
    return {
        "hts_kor_isnm": row.listed.name,
        "mksc_shrn_iscd": row.listed.code,
        "data_rank": str(number),
        "stck_prpr": str(row.price),
        **change_fields(row),
        "acml_vol": str(row.volume),
        "prdy_vol": str(row.previous_volume),
        "lstn_stcn": str(shares),
        "avrg_vol": str(average),
        "n_befr_clpr_vrss_prpr_rate": _rate(row.price - earlier, earlier),
        "vol_inrt": _rate(row.volume - row.previous_volume, row.previous_volume),
        "vol_tnrt": _rate(row.volume, shares),
        "nday_vol_tnrt": _rate(average, shares),
        "avrg_tr_pbmn": str(average_value),
        "tr_pbmn_tnrt": _rate(row.turnover, shares * row.price),
        "nday_tr_pbmn_tnrt": _rate(average_value, shares * row.price),
        "acml_tr_pbmn": str(row.turnover),
    }


def _rate(part: int, whole: int) -> str:
    return f"{part * 100 / whole if whole else 0:.2f}"


def interruptions(broker: Broker, request: Request, tr_id: str) -> Reply:
    """`inquire-vi-status`: volatility interruptions up to now of one code or of the most traded ones, newest first.

    FID_RANK_SORT_CLS_CODE 1 static, 2 dynamic, 3 both; FID_MRKT_CLS_CODE K or Q; FID_INPUT_ISCD one code or blank.
    """
    market, now_ms = broker.market, broker.now_ms
    wanted_kind, segment = request.text("FID_RANK_SORT_CLS_CODE", "0"), request.text("FID_MRKT_CLS_CODE", "0")
    wanted_day = request.text("FID_INPUT_DATE_1")
    if wanted_day not in ("", f"{market.day:%Y%m%d}"):
        return ok(output=[])
    one = request.text("FID_INPUT_ISCD").upper()
    found: list[tuple[int, str, int, Interruption]] = []
    for code in [one] if one in market.listing else _may_have_been_interrupted(market):
        if segment in ("K", "Q") and (market.listing[code].market is Segment.KOSDAQ) != (segment == "Q"):
            continue
        begun = [row for row in market.tape(code).interruptions if row.is_vi and row.begins_ms < now_ms]
        found += [(row.begins_ms, code, number, row) for number, row in enumerate(begun, start=1)
                  if wanted_kind not in ("1", "2", "3") or row.kind.value == wanted_kind]  # fmt: skip
    found.sort(key=lambda entry: (-entry[0], entry[1]))
    return ok(output=[_interruption_row(market, code, number, row, now_ms) for _, code, number, row in found])


def _may_have_been_interrupted(market: Market) -> list[str]:
    """Codes whose day was wide enough, the most traded ones; a tape is drawn for no other."""
    wide = []
    for code, bar in market.pack.bars.items():
        base = market.listing[code].base_price_krw
        top, bottom = max(bar.high, base), min(bar.low, base)
        if bar.traded and (top - bottom) * 100 >= DYNAMIC_PCT_OF_INDEX_MEMBERS * bottom:
            wide.append((-bar.volume * bar.close, code))
    return [code for _, code in sorted(wide)[:LISTED]]


def _interruption_row(market: Market, code: str, number: int, row: Interruption, now_ms: int) -> dict[str, str]:
    ended = now_ms >= row.ends_ms
    static, dynamic = row.static_reference_krw, row.dynamic_reference_krw
    return {
        "hts_kor_isnm": market.listing[code].name,
        "mksc_shrn_iscd": code,
        "vi_cls_code": "N" if ended else "Y",
        "bsop_date": f"{market.day:%Y%m%d}",
        "cntg_vi_hour": hhmmss(row.begins_ms),
        "vi_cncl_hour": hhmmss(row.ends_ms) if ended else "000000",
        "vi_kind_code": row.kind.value,
        "vi_prc": str(row.price_krw),
        "vi_stnd_prc": str(static),
        "vi_dprt": _rate(row.price_krw - static, static),
        "vi_dmc_stnd_prc": str(dynamic),
        "vi_dmc_dprt": _rate(row.price_krw - dynamic, dynamic),
        "vi_count": str(number),
    }
