"""Sells that ended without a fill: said once, remembered until the stock sells or is gone (drills 9, 10)."""

from collections.abc import Iterable
from datetime import datetime

from jennie_core.strategy.agenda import Agenda
from jennie_core.strategy.intent import Intent
from jennie_live.common.runtime import Runtime


class SellFailures:
    """When the last sell of each stock failed."""

    def __init__(self, runtime: Runtime, agenda: Agenda) -> None:
        self._runtime = runtime
        self._agenda = agenda
        self._failed_at: dict[str, datetime] = {}

    def begin_day(self) -> None:
        """Yesterday's failures hold back nothing today."""
        self._failed_at.clear()

    def last(self, code: str) -> datetime | None:
        """When the last sell of a stock failed; None when it did not."""
        return self._failed_at.get(code)

    async def note(self, intent: Intent, now: datetime) -> None:
        """A sell without a fill: say so, and have the books compared before the next try."""
        self._failed_at[intent.stock_code] = now
        self._agenda.want("failed-sell")
        await self._runtime.alert(
            _alert_id(intent.stock_code),
            "critical",
            f"{intent.reason} of {intent.stock_name} ({intent.stock_code}) x {intent.quantity} did not sell: "
            f"{intent.refusal_text or intent.state.value}",
            "the monitor raises it again while its rule holds",
        )

    async def end(self, codes: Iterable[str]) -> None:
        """These stocks sold, or nothing of them is left to sell."""
        for code in codes:
            self._failed_at.pop(code, None)
            await self._runtime.clear_alert(_alert_id(code))

    async def end_but(self, held: Iterable[str]) -> None:
        """Forget what is no longer held."""
        await self.end(self._failed_at.keys() - set(held))


def _alert_id(code: str) -> str:
    return f"sell-failed-{code}"
