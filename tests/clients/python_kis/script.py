"""python-kis against the exchange: four address constants are the only thing changed. KIND is real or paper."""

import os
from datetime import timedelta
from typing import Any

import pykis.client.websocket
import pykis.kis
from pykis import PyKis
from steps import (
    ACCOUNT,
    APP_KEY,
    APP_SECRET,
    BOUGHT,
    CODE,
    HTS_ID,
    NOTICE_SECONDS,
    REST,
    RESTING,
    TICKS,
    WS,
    YESTERDAY,
    cannot,
    saw,
    until,
    whole,
)

PAPER = os.environ["KIND"] == "paper"
pykis.kis.REAL_DOMAIN = pykis.kis.VIRTUAL_DOMAIN = REST
pykis.client.websocket.WEBSOCKET_REAL_DOMAIN = pykis.client.websocket.WEBSOCKET_VIRTUAL_DOMAIN = WS

keys = {"id": HTS_ID, "account": ACCOUNT, "appkey": APP_KEY, "secretkey": APP_SECRET, "keep_token": False}
if PAPER:
    keys |= {"virtual_id": HTS_ID, "virtual_appkey": "V" * 36, "virtual_secretkey": "v" * 180}
kis = PyKis(**keys)
account, stock = kis.account(), kis.stock(CODE)
quote = stock.quote()
saw("token")
saw("price", price=whole(quote.price), volume=whole(quote.volume), high=whole(quote.high), low=whole(quote.low))

for bar in stock.daily_chart(start=YESTERDAY - timedelta(days=200), end=YESTERDAY).bars:
    prices = {name: whole(getattr(bar, name)) for name in ("open", "high", "low", "close")}
    saw("day", date=bar.time_kst.date().isoformat(), **prices, volume=whole(bar.volume))
for bar in stock.day_chart(start=timedelta(minutes=10)).bars:
    saw("minute", time=f"{bar.time_kst:%H%M}", close=whole(bar.close), high=whole(bar.high), low=whole(bar.low))

ticks: list[Any] = []
notices: list[Any] = []
tick_ticket = stock.on("price", lambda sender, event: ticks.append(event.response))
notice_ticket = account.on("execution", lambda sender, event: notices.append(event.response))
until(lambda: len(ticks) >= TICKS, "trades")
for tick in ticks:
    facts = {"price": whole(tick.price), "volume": whole(tick.volume)}
    saw("tick", time=f"{tick.time_kst:%H%M%S}", **facts)

bought = stock.buy(qty=BOUGHT)
saw("bought", number=int(bought.number))
until(
    lambda: sum(whole(n.executed_quantity) for n in notices if not n.receipt) >= BOUGHT,
    "execution notices",
    NOTICE_SECONDS,
)

resting = stock.buy(price=quote.low_limit, qty=RESTING)
saw("placed", number=int(resting.number))
if PAPER:
    for step in ("revised", "open"):
        cannot(step, "not offered on the mock-trading host")
    cancelled = resting.cancel()
else:
    revised = resting.modify(price=quote.low_limit + quote.tick)
    saw("revised", number=int(revised.number))
    saw("open", numbers=[int(order.number) for order in account.pending_orders(country="KR").orders])
    cancelled = revised.cancel()
saw("cancelled", number=int(cancelled.number))

until(lambda: {int(n.order_number.number) for n in notices} >= {int(cancelled.number)}, "the cancel's notice")
for notice in notices:
    facts = {"quantity": whole(notice.executed_quantity), "price": whole(notice.price or 0)}
    saw("notice", number=int(notice.order_number.number), executed=not notice.receipt, **facts)

balance = account.balance(country="KR")
saw("cash", today=whole(balance.deposit("KRW").amount))
for held in balance.stocks:
    saw("held", code=held.symbol, quantity=whole(held.quantity), average=float(held.purchase_price))
for ticket in (tick_ticket, notice_ticket):
    ticket.unsubscribe()
kis.close() if hasattr(kis, "close") else kis.websocket.disconnect()
