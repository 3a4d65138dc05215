"""kis-trader against the exchange: its two address tables are the only thing changed."""

from datetime import timedelta

from kis_trader import KISClient
from kis_trader._internal import _endpoints
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

_endpoints._BASE_URL_BY_ENVIRONMENT["real"] = REST
_endpoints._WEBSOCKET_URL_BY_ENVIRONMENT["real"] = WS

kis = KISClient(
    app_key=APP_KEY, app_secret=APP_SECRET, account=ACCOUNT, environment="real", hts_id=HTS_ID, token_cache_dir="token"
)
stock = kis.domestic.stock(CODE)
quote = stock.quote()
saw("token")
saw("price", price=whole(quote.current_price), volume=quote.volume, high=whole(quote.high), low=whole(quote.low))

for bar in stock.bars("1d", start=YESTERDAY - timedelta(days=200), end=YESTERDAY, adjusted=False):
    prices = {name: whole(getattr(bar, name)) for name in ("open", "high", "low", "close")}
    saw("day", date=bar.timestamp.date().isoformat(), **prices, volume=bar.volume)
for bar in stock.bars("1m", max_bars=10):
    saw("minute", time=f"{bar.timestamp:%H%M}", close=whole(bar.close), high=whole(bar.high), low=whole(bar.low))

ticks, notices = [], []
realtime = kis.realtime()
realtime.domestic.stock(CODE).trades(on=ticks.append)
realtime.domestic.execution_notices.stock(HTS_ID, on=notices.append)
realtime.start()
until(lambda: len(ticks) >= TICKS, "trades")
for tick in ticks:
    facts = {"price": whole(tick.current_price), "size": tick.trade_volume, "volume": tick.accumulated_volume}
    saw("tick", time=tick.time, **facts)

bought = stock.buy(quantity=BOUGHT)
saw("bought", number=int(bought.order_id or 0))
until(lambda: sum(whole(n.filled_quantity) for n in notices if n.fill_status == "2") >= BOUGHT, "execution notices")
lower = whole(quote._raw["stck_llam"])
resting = stock.buy(quantity=RESTING, limit_price=lower)
saw("placed", number=int(resting.order_id or 0))
revised = kis.orders.modify(resting.client_order_id, limit_price=lower + TICK)
saw("revised", number=int(revised.order_id or 0))
saw("open", numbers=[int(order.order_id) for order in kis.account.domestic.open_orders()])
cancelled = kis.orders.cancel(resting.client_order_id)
saw("cancelled", number=int(cancelled.order_id or 0), status=str(cancelled.status))

until(lambda: len(notices) >= 5, "the notices of placing, revising and cancelling")
for notice in notices:
    facts = {"quantity": whole(notice.filled_quantity), "price": whole(notice.filled_price)}
    saw("notice", number=int(notice.order_id), executed=notice.fill_status == "2", **facts)

summary = kis.account.domestic.balance()
saw("cash", today=whole(summary.deposit), settled=whole(summary.settlement_cash_d2))
for position in kis.account.domestic.positions():
    facts = {"quantity": whole(position.quantity), "average": float(position.average_purchase_price)}
    saw("held", code=position.symbol, **facts)
realtime.stop()
kis.close()
