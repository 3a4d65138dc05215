"""What a client saw, as JSON lines on standard output; imported by the scripts, which run in the clients' own worlds.

Environment: EXCHANGE_REST and EXCHANGE_WS are the addresses, APP_KEY, APP_SECRET, ACCOUNT (50123456-01) and HTS_ID the
published credentials of `jennie sim`, CODE the stock to look at and trade.
"""

import json
import os
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

REST, WS = os.environ["EXCHANGE_REST"], os.environ["EXCHANGE_WS"]
APP_KEY, APP_SECRET = os.environ["APP_KEY"], os.environ["APP_SECRET"]
ACCOUNT, HTS_ID, CODE = os.environ["ACCOUNT"], os.environ["HTS_ID"], os.environ["CODE"]
TICK = int(os.environ["TICK"])
"""Tick size at the lower price limit, in won."""
MARKET_NOW = datetime.fromisoformat(os.environ["MARKET_NOW"])
YESTERDAY = MARKET_NOW.date() - timedelta(days=1)
TICKS = 3
"""Trades to wait for; about ten a minute and code come at market speed."""
BOUGHT, RESTING = 7, 5
"""Shares of the market order that is filled, and of the limit order that is revised and cancelled."""
DEADLINE_SECONDS = 90.0
NOTICE_SECONDS = float(os.environ.get("NOTICE_SECONDS", DEADLINE_SECONDS))


def saw(step: str, **facts: Any) -> None:
    """One thing the client has seen; prices and quantities are whole numbers."""
    print(json.dumps({"step": step, **facts}, ensure_ascii=False), flush=True)


def cannot(step: str, why: str) -> None:
    """A step that this client has no way to do, and the reason."""
    print(json.dumps({"step": step, "cannot": why}, ensure_ascii=False), flush=True)


def until(condition: Callable[[], Any], what: str, seconds: float = DEADLINE_SECONDS) -> Any:
    """Wait for what the exchange pushes; fails by name after the deadline."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise SystemExit(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.02)
    return value


def whole(value: Any) -> int:
    """A price or quantity, in whatever type or text the client gives it, as a whole number."""
    number = float(value)
    if not number.is_integer():
        raise SystemExit(f"{value} is not whole")
    return int(number)
