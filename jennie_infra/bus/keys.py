"""Every Redis key, declared once with its type, owner, readers and life (S1).

A test finds a writer and a reader for each. The Redis TTL is garbage collection only; freshness is `known_at` and
`expires_at` inside the value, judged in market time (T4).
"""

from enum import StrEnum
from typing import NamedTuple

from jennie_core.domain.base import Message
from jennie_core.domain.control import StopState
from jennie_core.domain.decisions import Obstacles
from jennie_core.domain.macro import IntradayRisk, MacroInsight, SectorBudget, TradingContext
from jennie_core.domain.permit import TradingPermit
from jennie_core.domain.watchlist import HotWatchlist

HOUR = 3600
DAY = 24 * HOUR


class RedisKeys(StrEnum):
    """All keys; `{...}` parts are filled with `.of(...)`."""

    WATCHLIST_ACTIVE = "watchlist:active"
    WATCHLIST_MANUAL = "watchlist:manual"
    MACRO_INSIGHT = "macro:insight:{date}"
    REGIME_CURRENT = "regime:current"
    SECTOR_BUDGET = "budget:sector:active"
    RISK_INTRADAY = "risk:intraday"
    PERMIT_TRADING = "permit:trading"
    EMERGENCY_PAUSE = "emergency:trading_pause"
    EMERGENCY_STOP = "emergency:full_stop"
    STOP_STATE = "emergency:state"
    FORCED_LIQUIDATION = "forced_liquidation:stocks"
    FORCED_LIQUIDATION_ARMED = "forced_liquidation:armed"
    DESK_LEASE = "lease:desk:{side}"
    BUY_COOLDOWN_STOPLOSS = "stoploss_cooldown:{code}"
    BUY_COOLDOWN_SELL = "sell_cooldown:{code}"
    LLM_STATS = "llm:stats:{date}:{service}"
    SCAN_OBSTACLES = "monitoring:obstacles"
    LIVE_POSITIONS = "monitoring:live_positions"
    STATUS = "status:{service}"
    NOTIFICATION_MUTE = "notification:mute_until"
    PRICE_ALERTS = "price_alerts"
    TELEGRAM_RATE = "telegram:rl:{chat}"
    TELEGRAM_OFFSET = "telegram:offset"
    TELEGRAM_SEEN = "telegram:seen:{bot}:{update_id}"
    TELEGRAM_TRADES = "telegram:manual_trades:{date}:{chat}"
    LOGIN_LINK = "dashboard:login:{token_hash}"
    STORE_STAMP = "stamp:store"

    def of(self, **parts: object) -> str:
        """The concrete key; raises KeyError when a part is missing."""
        return self.value.format(**parts)


class KeySpec(NamedTuple):
    """Declaration of one key. `model` is None for plain strings, sets and hashes named in `kind`."""

    kind: str
    model: type[Message] | None
    ttl_seconds: int | None
    owner: str
    readers: tuple[str, ...]


KEYS: dict[RedisKeys, KeySpec] = {
    RedisKeys.WATCHLIST_ACTIVE: KeySpec(
        "json", HotWatchlist, DAY, "data plane", ("scanner", "buy_executor", "gateway", "dashboard", "commands")
    ),
    RedisKeys.WATCHLIST_MANUAL: KeySpec("hash code->name", None, None, "commands", ("scanner", "dashboard")),
    RedisKeys.MACRO_INSIGHT: KeySpec("json", MacroInsight, DAY, "data plane", ("monitor",)),
    RedisKeys.REGIME_CURRENT: KeySpec(
        "json", TradingContext, HOUR * 24, "data plane", ("scanner", "buy_executor", "monitor", "dashboard")
    ),
    RedisKeys.SECTOR_BUDGET: KeySpec("json", SectorBudget, DAY, "data plane", ("buy_executor", "dashboard")),
    RedisKeys.RISK_INTRADAY: KeySpec("json", IntradayRisk, DAY, "monitor", ("scanner", "buy_executor", "dashboard")),
    RedisKeys.PERMIT_TRADING: KeySpec(
        "json", TradingPermit, DAY, "data plane", ("buy_executor", "dashboard", "commands")
    ),
    RedisKeys.EMERGENCY_PAUSE: KeySpec("string reason", None, None, "stops", ("all workers",)),
    RedisKeys.EMERGENCY_STOP: KeySpec("string reason", None, None, "stops", ("all workers",)),
    RedisKeys.STOP_STATE: KeySpec("json", StopState, None, "stops", ("all workers",)),
    RedisKeys.FORCED_LIQUIDATION: KeySpec("set of codes", None, None, "operator", ("monitor", "dashboard")),
    RedisKeys.FORCED_LIQUIDATION_ARMED: KeySpec("string", None, None, "operator", ("monitor", "dashboard")),
    RedisKeys.DESK_LEASE: KeySpec("lease", None, 15, "desk", ("desk",)),
    RedisKeys.BUY_COOLDOWN_STOPLOSS: KeySpec("string until", None, 7 * DAY, "sell_executor", ("scanner",)),
    RedisKeys.BUY_COOLDOWN_SELL: KeySpec("string until", None, 7 * DAY, "sell_executor", ("scanner",)),
    RedisKeys.LLM_STATS: KeySpec("hash", None, 90 * DAY, "llm", ("dashboard",)),
    RedisKeys.SCAN_OBSTACLES: KeySpec("json", Obstacles, 120, "scanner", ("dashboard",)),
    RedisKeys.LIVE_POSITIONS: KeySpec("json text", None, 120, "monitor", ("dashboard",)),
    RedisKeys.STATUS: KeySpec("json text", None, 120, "desk", ()),
    RedisKeys.NOTIFICATION_MUTE: KeySpec("string until", None, DAY, "commands", ("commands",)),
    RedisKeys.PRICE_ALERTS: KeySpec("hash code->price", None, 7 * DAY, "commands", ("monitor",)),
    RedisKeys.TELEGRAM_RATE: KeySpec("string", None, 5, "commands", ("commands",)),
    RedisKeys.TELEGRAM_OFFSET: KeySpec("string", None, None, "commands", ("commands",)),
    RedisKeys.TELEGRAM_SEEN: KeySpec("string", None, DAY, "commands", ("commands",)),
    RedisKeys.TELEGRAM_TRADES: KeySpec("string count", None, DAY, "commands", ("commands",)),
    RedisKeys.LOGIN_LINK: KeySpec("string", None, 600, "cli", ("dashboard",)),
    RedisKeys.STORE_STAMP: KeySpec("string mode/account", None, None, "all workers", ("all workers",)),
}
