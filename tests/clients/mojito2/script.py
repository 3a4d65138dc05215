"""mojito2 against the exchange: `set_base_url` overridden, and the address that its WebSocket client dials replaced."""

import multiprocessing
from datetime import timedelta
from typing import Any

import mojito
import mojito.koreainvestment
from steps import (
    ACCOUNT,
    APP_KEY,
    APP_SECRET,
    BOUGHT,
    CODE,
    HTS_ID,
    REST,
    RESTING,
    TICK,
    TICKS,
    WS,
    YESTERDAY,
    saw,
    until,
    whole,
)

multiprocessing.set_start_method("fork")  # its WebSocket client is a process, which must inherit the address
dial = mojito.koreainvestment.websockets.connect
mojito.koreainvestment.websockets.connect = lambda url, **options: dial(WS, **options)


class Broker(mojito.KoreaInvestment):
    """The client with another address."""

    def set_base_url(self, mock: bool = True) -> None:
        """The exchange, whatever was asked for."""
        self.base_url = REST


broker = Broker(api_key=APP_KEY, api_secret=APP_SECRET, acc_no=ACCOUNT)
quote = broker.fetch_price(CODE)["output"]
saw("token")
facts = {"price": whole(quote["stck_prpr"]), "volume": whole(quote["acml_vol"])}
saw("price", **facts, high=whole(quote["stck_hgpr"]), low=whole(quote["stck_lwpr"]))

first, last = YESTERDAY - timedelta(days=120), YESTERDAY
for bar in broker.fetch_ohlcv(CODE, "D", f"{first:%Y%m%d}", f"{last:%Y%m%d}", adj_price=False)["output2"]:
    prices = {
        name: whole(bar[f"stck_{part}"])
        for name, part in (("open", "oprc"), ("high", "hgpr"), ("low", "lwpr"), ("close", "clpr"))
    }
    day = bar["stck_bsop_date"]
    saw("day", date=f"{day[:4]}-{day[4:6]}-{day[6:]}", **prices, volume=whole(bar["acml_vol"]))
for bar in broker.fetch_today_1m_ohlcv(CODE)["output2"][:11]:
    facts = {"close": whole(bar["stck_prpr"]), "high": whole(bar["stck_hgpr"]), "low": whole(bar["stck_lwpr"])}
    saw("minute", time=bar["stck_cntg_hour"][:4], **facts)

stream = mojito.KoreaInvestmentWS(APP_KEY, APP_SECRET, ["H0STCNT0"], [CODE], user_id=HTS_ID)
stream.base_url = REST
stream.start()
ticks: list[Any] = []
notices: list[Any] = []


def listen() -> tuple[int, int]:
    """Take what the stream has queued."""
    kind, data = stream.get()
    (ticks if kind == "체결" else notices).append(data)
    return len(ticks), len(notices)


until(lambda: listen()[0] >= TICKS, "trades")
for tick in ticks:
    facts = {"price": whole(tick["주식현재가"]), "size": whole(tick["체결거래량"]), "volume": whole(tick["누적거래량"])}
    saw("tick", time=tick["주식체결시간"], **facts)

lower = whole(quote["stck_llam"])
bought = broker.create_market_buy_order(CODE, BOUGHT)["output"]
saw("bought", number=int(bought["ODNO"]))
until(lambda: listen()[1] >= 2, "acceptance and execution notices")
placed = broker.create_limit_buy_order(CODE, lower, RESTING)["output"]
saw("placed", number=int(placed["ODNO"]))
revised = broker.modify_order(placed["KRX_FWDG_ORD_ORGNO"], placed["ODNO"], "00", lower + TICK, RESTING, True)["output"]
saw("revised", number=int(revised["ODNO"]))
listed = broker.fetch_open_order({"CTX_AREA_FK100": "", "CTX_AREA_NK100": "", "INQR_DVSN_1": "0", "INQR_DVSN_2": "0"})
saw("open", numbers=[int(order["odno"]) for order in listed["output"]])
cancelled = broker.cancel_order(revised["KRX_FWDG_ORD_ORGNO"], revised["ODNO"], RESTING, True)["output"]
saw("cancelled", number=int(cancelled["ODNO"]))
until(lambda: listen()[1] >= 5, "the notices of placing, revising and cancelling")
for notice in notices:
    facts = {"quantity": whole(notice["체결수량"]), "price": whole(notice["체결단가"])}
    saw("notice", number=int(notice["주문번호"]), executed=notice["체결여부"] == "2", **facts)

balance = broker.fetch_balance()
saw(
    "cash",
    today=whole(balance["output2"][0]["dnca_tot_amt"]),
    settled=whole(balance["output2"][0]["prvs_rcdl_excc_amt"]),
)
for row in balance["output1"]:
    saw("held", code=row["pdno"], quantity=whole(row["hldg_qty"]), average=float(row["pchs_avg_pric"]))
stream.terminate()
