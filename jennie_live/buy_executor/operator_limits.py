"""The operator's daily buy limit stands before the setting (R-TG-28)."""

from jennie_core.domain.trading_settings import TradingSettings
from jennie_infra.run_config import read_max_buys
from jennie_live.desk.journal import Journal

MARKS_BETWEEN_READINGS = 12


class OperatorLimits:
    """Settings in force for buys; what the operator said is read every dozen settled marks."""

    def __init__(self, trading: TradingSettings, journal: Journal) -> None:
        self._trading = trading
        self._journal = journal
        self._marks_left = 0
        self.in_force = trading

    async def refresh(self) -> None:
        """Count a settled mark, and read when it is time."""
        if self._marks_left > 0:
            self._marks_left -= 1
            return
        self._marks_left = MARKS_BETWEEN_READINGS
        said = await self._journal.do("operator's limits", read_max_buys)
        trading = self._trading
        if said is None or said == trading.risk.max_buys_per_day:
            self.in_force = trading
            return
        self.in_force = trading.model_copy(update={"risk": trading.risk.model_copy(update={"max_buys_per_day": said})})
