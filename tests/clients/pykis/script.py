"""pykis 0.7.0 against the exchange: a domain address given to its constructor."""

import pykis
from steps import ACCOUNT, APP_KEY, APP_SECRET, BOUGHT, CODE, REST, RESTING, TICK, cannot, saw, until, whole

number, product = ACCOUNT.split("-")
api = pykis.Api(
    key_info={"appkey": APP_KEY, "appsecret": APP_SECRET},
    domain_info=pykis.DomainInfo(url=REST),
    account_info={"account_code": number, "product_code": product},
)
saw("price", price=whole(api.get_kr_current_price(CODE)))
saw("token")
lower = whole(api.get_kr_min_price(CODE))
saw("limits", lower=lower, upper=whole(api.get_kr_max_price(CODE)))

chart = api.get_kr_ohlcv(CODE)
for day, bar in chart.iterrows():
    prices = {
        name: whole(bar[title])
        for name, title in zip(("open", "high", "low", "close"), ("Open", "High", "Low", "Close"), strict=True)
    }
    saw("day", date=str(day)[:10], **prices, volume=whole(bar["Volume"]))
cannot("minute", "has no minute chart")
cannot("tick", "has no realtime side")
cannot("notice", "has no realtime side")


def numbers() -> list[int]:
    """Open orders as it lists them."""
    return [int(order) for order in api.get_kr_orders().index]


bought = api.buy_kr_stock(CODE, BOUGHT, price=0)
saw("bought", number=int(bought["ODNO"]))
until(lambda: int(bought["ODNO"]) not in numbers(), "the market order to be filled")
placed = api.buy_kr_stock(CODE, RESTING, price=lower)
saw("placed", number=int(placed["ODNO"]))
revised = api.revise_kr_order(placed["ODNO"], lower + TICK)
saw("revised", number=int(revised["output"]["ODNO"]))
saw("open", numbers=numbers())
cancelled = api.cancel_kr_order(revised["output"]["ODNO"])
saw("cancelled", number=int(cancelled["output"]["ODNO"]))

saw("cash", today=whole(api.get_kr_deposit()), buyable=whole(api.get_kr_buyable_cash()))
for code, row in api.get_kr_stock_balance().iterrows():
    saw("held", code=str(code), quantity=whole(row["보유수량"]), average=float(row["매입단가"]))
