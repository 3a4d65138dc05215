"""Calendar and master data."""

from datetime import timedelta

from jennie_core.domain.enums import AssetKind, ListingStatus, Market
from jennie_core.krx.calendar import KrxCalendar
from jennie_sim.protocol.broker import Broker
from jennie_sim.protocol.chart_calls import day_of
from jennie_sim.protocol.message import Reply, Request, ok

HOLIDAY_ROWS = 25
MARKET_IDS = {Market.KOSPI: "STK", Market.KOSDAQ: "KSQ", Market.KONEX: "KNX"}
GROUP_IDS = {AssetKind.ETF: "EF", AssetKind.ETN: "EN", AssetKind.REIT: "RT"}


def holidays(broker: Broker, request: Request, tr_id: str) -> Reply:
    """`chk-holiday`: 25 days forward from BASS_DT. The traded day is open whatever the calendar says of it."""
    first = day_of(request.text("BASS_DT")) or broker.market.day
    calendar = KrxCalendar.shipped()
    rows = []
    for offset in range(HOLIDAY_ROWS):
        day = first + timedelta(days=offset)
        is_open = "Y" if day == broker.market.day or calendar.is_session(day) else "N"
        rows.append(
            {
                "bass_dt": f"{day:%Y%m%d}",
                "wday_dvsn_cd": f"{day.isoweekday() % 7 + 1:02d}",
                "bzdy_yn": is_open,
                "tr_day_yn": is_open,
                "opnd_yn": is_open,
                "sttl_day_yn": is_open,
            }
        )
    return ok(tr_cont="D", output=rows, ctx_area_fk=" " * 20, ctx_area_nk=" " * 20)


def stock_info(broker: Broker, request: Request, tr_id: str) -> Reply:
    """`search-stock-info`: master data with the flags a universe looks at (names of the portal, partly unverified)."""
    listed = broker.market.listing.get(request.text("PDNO").upper())
    if listed is None:
        return ok("MCA05918", "종목코드 오류입니다.", output={"pdno": request.text("PDNO")})
    group = GROUP_IDS.get(listed.kind, "ST")
    output = {
        "pdno": listed.code.rjust(12, "0"),
        "shtn_pdno": listed.code,
        "prdt_type_cd": "300",
        "mket_id_cd": MARKET_IDS.get(listed.market, ""),
        "scty_grp_id_cd": group,
        "stck_kind_cd": "201" if listed.kind is AssetKind.PREFERRED else "101",
        "excg_dvsn_cd": "02" if listed.market is Market.KOSPI else "03",
        "lstg_stqt": str(listed.listed_shares or 0),
        "prdt_name": listed.name,
        "prdt_abrv_name": listed.name,
        "std_idst_clsf_cd_name": listed.sector,
        "idx_bztp_lcls_cd_name": listed.sector,
        "tr_stop_yn": "Y" if broker.market.is_halted(listed.code, broker.now_ms) else "N",
        "admn_item_yn": "Y" if listed.status is ListingStatus.ADMINISTRATIVE else "N",
        "lstg_abol_dt": "",
        "thdt_clpr": str(broker.market.last_price(listed.code, broker.now_ms)),
        "bfdy_clpr": str(listed.base_price_krw),
        "etf_dvsn_cd": "1" if listed.kind is AssetKind.ETF else "0",
        "spac_yn": "Y" if listed.kind is AssetKind.SPAC else "N",
    }
    return ok(output=output)


def product_info(broker: Broker, request: Request, tr_id: str) -> Reply:
    """`search-info`: names of a product."""
    listed = broker.market.listing.get(request.text("PDNO").upper())
    if listed is None:
        return ok("MCA05918", "종목코드 오류입니다.", output={"pdno": request.text("PDNO")})
    output = {
        "pdno": listed.code.rjust(12, "0"),
        "shtn_pdno": listed.code,
        "std_pdno": f"KR7{listed.code}000",
        "prdt_type_cd": "300",
        "prdt_name": listed.name,
        "prdt_name120": listed.name,
        "prdt_abrv_name": listed.name,
        "prdt_eng_name": f"Generated {listed.code}",
        "prdt_eng_name120": f"Generated {listed.code}",
        "prdt_eng_abrv_name": f"GEN{listed.code}",
    }
    return ok(output=output)
