"""What the sensors look at, each within two seconds; an unreadable thing is a state of its own, not a good one."""

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import dagster as dg
import httpx
import orjson
from redis.exceptions import RedisError, ResponseError
from sqlalchemy import select

from jennie_assets.partitions import CALENDAR
from jennie_assets.platform import Platform
from jennie_assets.run_facts import market_now
from jennie_core.domain.control import StopState
from jennie_core.domain.health import HealthStatus
from jennie_core.domain.macro import TradingContext
from jennie_core.domain.watchlist import HotWatchlist
from jennie_core.krx.sessions import session_times
from jennie_infra.bus.cache import fresh, get_sync
from jennie_infra.bus.connect import text
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.bus.streams import ALARM_LENGTH, STREAMS, Streams
from jennie_infra.clock import real_now_us
from jennie_infra.db.ledger import FillRow

Probe = Callable[[Platform, str], dg.SensorResult]
TIMEOUT_SECONDS = 2.0
MOST_LAG = 1_000
SILENT_SECONDS = 10.0


def decode(cursor: str) -> dict[str, str]:
    """States of the last tick."""
    return dict(orjson.loads(cursor)) if cursor else {}


def encode(states: dict[str, str]) -> str:
    """States for the next tick."""
    return orjson.dumps(states, option=orjson.OPT_SORT_KEYS).decode()


def health(platform: Platform, service: str) -> tuple[str, str]:
    """State and detail of one worker's /health; `unreachable` when it does not answer."""
    try:
        reply = httpx.get(f"{platform.settings.url(service)}/health", timeout=TIMEOUT_SECONDS)
        status = HealthStatus.model_validate_json(reply.content)
    except httpx.HTTPError as error:
        return "unreachable", type(error).__name__
    except ValueError:
        return "unreadable", "the answer is not a health status"
    broken = [f"{name}: {state.detail}" for name, state in status.dependencies.items() if not state.ok]
    return status.status, "; ".join(broken)


def lagging_streams(platform: Platform) -> dict[str, str]:
    """Each stream with groups, and what is wrong with it ("" = nothing)."""
    found: dict[str, str] = {}
    client: Any = platform.redis
    for stream, spec in STREAMS.items():
        if not spec.groups:
            continue
        try:
            length = int(client.xlen(stream.value))
            groups = client.xinfo_groups(stream.value)
        except ResponseError:
            found[stream.value] = ""  # not made yet: nothing waits in it
            continue
        except (RedisError, OSError) as error:
            found[stream.value] = f"{stream.value}: Redis does not answer ({type(error).__name__})"
            continue
        behind = [
            f"{text(row['name'])} {row['lag']}" for row in groups if row["lag"] is not None and row["lag"] > MOST_LAG
        ]
        if length > ALARM_LENGTH:
            behind.append(f"length {length}")
        found[stream.value] = f"{stream.value}: {', '.join(behind)}" if behind else ""
    return found


def new_fills(platform: Platform, cursor: str) -> tuple[dict[date, int], str]:
    """Fills per market day booked after the cursor (an instant), and the next cursor."""
    statement = select(FillRow.market_day, FillRow.booked_at).order_by(FillRow.booked_at)
    if cursor:
        statement = statement.where(FillRow.booked_at > datetime.fromisoformat(cursor))
    with platform.ledger.connect() as connection:
        rows = connection.execute(statement).all()
    if not rows:
        return {}, cursor
    return dict(Counter(day for day, _ in rows)), rows[-1][1].isoformat()


def regime(platform: Platform) -> tuple[str, str]:
    """The regime in force and its run; `unknown` with the reason when there is none."""
    reading = get_sync(platform.redis, RedisKeys.REGIME_CURRENT, TradingContext)
    if reading.value is None:
        return "unknown", reading.problem
    return reading.value.market_regime.value, reading.value.run_id


def stop(platform: Platform) -> str:
    """The stop in force in a word."""
    reading = get_sync(platform.redis, RedisKeys.STOP_STATE, StopState)
    if reading.value is None:
        return "none" if reading.problem.endswith("is not set") else f"unknown: {reading.problem}"
    if reading.value.halted:
        return "halted"
    return "paused" if reading.value.paused else "none"


def watchlist_problem(platform: Platform) -> str:
    """Why there is no list in force while the market trades; "" when there is one or the market is closed."""
    now = market_now(platform)
    if not _trades(now):
        return ""
    return fresh(get_sync(platform.redis, RedisKeys.WATCHLIST_ACTIVE, HotWatchlist), now).problem


def feed_problem(platform: Platform) -> str:
    """Why the feed counts as silent while the market trades; "" when marks arrive or the market is closed."""
    if not _trades(market_now(platform)):
        return ""
    client: Any = platform.redis
    try:
        newest = client.xrevrange(Streams.TICKS.value, count=1)
    except (RedisError, OSError) as error:
        return f"Redis does not answer: {type(error).__name__}"
    if not newest:
        return "no clock mark was ever written"
    written_ms = int(text(newest[0][0]).partition("-")[0])
    silent = real_now_us() / 1e6 - written_ms / 1e3
    return f"no clock mark for {silent:.0f} s" if silent > SILENT_SECONDS else ""


def _trades(now: datetime) -> bool:
    if CALENDAR.is_session(now.date()) is not True:
        return False
    times = session_times(now.date())
    return times.open_at <= now < times.close_at
