"""What the data plane and the monitor have published for buying, as it stands at the last settled mark."""

from datetime import datetime

from jennie_core.domain.decisions import Refusal
from jennie_core.domain.macro import IntradayRisk, SectorBudget, TradingContext
from jennie_core.domain.permit import TradingPermit
from jennie_core.domain.signals import BuySignal
from jennie_core.domain.watchlist import HotWatchlist
from jennie_core.strategy.context import EffectiveContext, effective_context
from jennie_core.strategy.effective import Effective
from jennie_infra import permit
from jennie_infra.bus.keys import RedisKeys
from jennie_live.common.published import Published, refresh
from jennie_live.common.runtime import Runtime


class BuyConditions:
    """Permit, context, sector budget and watchlist. A permit that cannot be read now is no permit (O6)."""

    def __init__(self, runtime: Runtime, key: bytes) -> None:
        self._runtime = runtime
        self._key = key
        self._settings_hash = runtime.trading.settings_hash()
        self._permit = Published(RedisKeys.PERMIT_TRADING, TradingPermit)
        self._context = Published(RedisKeys.REGIME_CURRENT, TradingContext)
        self._budget = Published(RedisKeys.SECTOR_BUDGET, SectorBudget)
        self._watchlist = Published(RedisKeys.WATCHLIST_ACTIVE, HotWatchlist)
        self._risk_read = Published(RedisKeys.RISK_INTRADAY, IntradayRisk)
        self._risk: Effective[IntradayRisk] = Effective(runtime.clock)

    async def refresh(self) -> None:
        """Read everything at a settled mark, in one round trip."""
        published = (self._permit, self._context, self._budget, self._watchlist, self._risk_read)
        await refresh(self._runtime.redis, *published)
        self._risk.offer(self._risk_read.value)

    async def refresh_permit(self) -> None:
        """Read the permit again: a scout run may have replaced it since the last mark."""
        await refresh(self._runtime.redis, self._permit)

    def permit_refusal(self, signal: BuySignal, now: datetime) -> Refusal | None:
        """Why the permit does not allow this buy; a manual order stands on no watchlist."""
        if self._permit.problem:
            return Refusal(rule="PERMIT", detail=self._permit.problem)
        settings = self._runtime.settings
        return permit.check(
            self._permit.value,
            self._key,
            now=now,
            mode=settings.mode.value,
            account_hash=settings.account_hash,
            settings_hash=self._settings_hash,
            watchlist_version=None if signal.source == "manual" else signal.watchlist_version,
        )

    def context(self, now: datetime) -> EffectiveContext | Refusal:
        """Council and throttle joined, or why buying is refused."""
        return effective_context(self._context.value, self._risk.value, now)

    def budget(self, now: datetime) -> SectorBudget | None:
        """The sector budget in force; None when unknown or expired: the fixed cap holds (R-BUD-07)."""
        budget = self._budget.value
        return budget if budget is not None and now < budget.expires_at else None

    def listed(self) -> list[str]:
        """Codes of the watchlist by rank."""
        watchlist = self._watchlist.value
        return [] if watchlist is None else [entry.code for entry in watchlist.entries]

    @property
    def granted(self) -> bool | None:
        """Whether the permit says yes, as read; None when unknown."""
        return None if self._permit.value is None or self._permit.problem else self._permit.value.granted
