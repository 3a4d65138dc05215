"""kis-agent against the exchange: addresses given to its constructors. Its clock is the exchange's."""

import asyncio
import os
from datetime import timedelta
from typing import Any

import time_machine
from steps import (
    ACCOUNT,
    APP_KEY,
    APP_SECRET,
    BOUGHT,
    CODE,
    DEADLINE_SECONDS,
    HTS_ID,
    MARKET_NOW,
    REST,
    RESTING,
    TICK,
    TICKS,
    WS,
    YESTERDAY,
    cannot,
    saw,
    whole,
)

time_machine.travel(MARKET_NOW, tick=True).start()
os.environ["KIS_TOKEN_PATH"] = os.path.join(os.getcwd(), "token.json")  # else a file inside the installed package

from kis_agent import Agent  # noqa: E402
from kis_agent.websocket import SubscriptionType, WSAgent  # noqa: E402

number, product = ACCOUNT.split("-")
agent = Agent(app_key=APP_KEY, app_secret=APP_SECRET, account_no=number, account_code=product, base_url=REST)
quote = agent.get_stock_price(CODE)["output"]
saw("token")
facts = {"price": whole(quote["stck_prpr"]), "volume": whole(quote["acml_vol"])}
saw("price", **facts, high=whole(quote["stck_hgpr"]), low=whole(quote["stck_lwpr"]))

first, last = YESTERDAY - timedelta(days=120), YESTERDAY
for bar in agent.inquire_daily_itemchartprice(CODE, f"{first:%Y%m%d}", f"{last:%Y%m%d}")["output2"]:
    prices = {
        name: whole(bar[f"stck_{short}"])
        for name, short in (("open", "oprc"), ("high", "hgpr"), ("low", "lwpr"), ("close", "clpr"))
    }
    day = bar["stck_bsop_date"]
    saw("day", date=f"{day[:4]}-{day[4:6]}-{day[6:]}", **prices, volume=whole(bar["acml_vol"]))
for bar in agent.get_intraday_price(CODE)["output2"][:11]:
    facts = {"close": whole(bar["stck_prpr"]), "high": whole(bar["stck_hgpr"]), "low": whole(bar["stck_lwpr"])}
    saw("minute", time=bar["stck_cntg_hour"][:4], **facts)

ticks: list[Any] = []
notices: list[Any] = []


async def arrived(seen: list[Any], count: int) -> None:
    """Wait for records."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while len(seen) < count:  # noqa: ASYNC110  the client calls back, it has nothing to await
            await asyncio.sleep(0.02)


async def trade() -> None:
    """Listen while ordering; its REST side is not asynchronous."""
    stream = WSAgent(agent.client.get_ws_approval_key(), url=WS)
    stream.subscribe(SubscriptionType.STOCK_TRADE, CODE, handler=lambda data, metadata: ticks.append(data))
    stream.subscribe(SubscriptionType.STOCK_NOTICE, HTS_ID)
    stream.register_handler(SubscriptionType.STOCK_NOTICE, lambda data, metadata: notices.append(data))
    connection = asyncio.create_task(stream.connect())
    await arrived(ticks, TICKS)
    lower = whole(quote["stck_llam"])
    bought = agent.order_stock_cash("buy", CODE, "01", str(BOUGHT), "0")["output"]
    saw("bought", number=int(bought["ODNO"]))
    await arrived(notices, 2)
    placed = agent.order_stock_cash("buy", CODE, "00", str(RESTING), str(lower))["output"]
    saw("placed", number=int(placed["ODNO"]))
    # Its help says 정정 and 취소, but the word goes out as given and the broker knows 01 and 02.
    revised = agent.order_rvsecncl(placed["ODNO"], RESTING, lower + TICK, "00", "01")["output"]
    saw("revised", number=int(revised["ODNO"]))
    saw("open", numbers=[int(order["odno"]) for order in agent.inquire_psbl_rvsecncl()["output"]])
    cancelled = agent.order_rvsecncl(revised["ODNO"], RESTING, 0, "00", "02")["output"]
    saw("cancelled", number=int(cancelled["ODNO"]))
    await arrived(notices, 5)
    await stream.disconnect()
    connection.cancel()


asyncio.run(trade())
for tick in ticks:
    saw("tick", time=tick[1], price=whole(tick[2]), size=whole(tick[12]), volume=whole(tick[13]))
cannot("notice", "hands notices on as they arrive, encrypted, and offers no key")
saw("encrypted", count=sum(len(record) == 1 and len(record[0]) % 4 == 0 for record in notices))
balance = agent.get_account_balance()
totals = balance["output2"][0]
saw("cash", today=whole(totals["dnca_tot_amt"]), settled=whole(totals["prvs_rcdl_excc_amt"]))
for row in balance["output1"]:
    saw("held", code=row["pdno"], quantity=whole(row["hldg_qty"]), average=float(row["pchs_avg_pric"]))
