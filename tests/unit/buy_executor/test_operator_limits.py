"""The operator's daily buy limit is what the checks obey (R-TG-28)."""

from typing import Any

import pytest

from jennie_core.domain.trading_settings import TradingSettings
from jennie_live.buy_executor.operator_limits import MARKS_BETWEEN_READINGS, OperatorLimits

TRADING = TradingSettings()


class Ledger:
    def __init__(self, said: int | None) -> None:
        self.said = said

    async def do(self, what: str, work: Any) -> int | None:
        return self.said


@pytest.mark.rule("R-TG-28", "R-BUY-08")
@pytest.mark.parametrize(("said", "limit"), [(0, 0), (20, 20), (None, 6), (6, 6)])
async def test_what_the_operator_said_stands_before_the_setting(said: int | None, limit: int) -> None:
    ledger: Any = Ledger(said)
    limits = OperatorLimits(TRADING, ledger)
    assert limits.in_force.risk.max_buys_per_day == 6
    await limits.refresh()
    assert limits.in_force.risk.max_buys_per_day == limit
    assert limits.in_force.sell == TRADING.sell


@pytest.mark.rule("R-TG-28")
async def test_it_is_read_again_after_a_dozen_marks() -> None:
    ledger: Any = Ledger(None)
    limits = OperatorLimits(TRADING, ledger)
    await limits.refresh()
    ledger.said = 1
    for _ in range(MARKS_BETWEEN_READINGS):
        await limits.refresh()
    assert limits.in_force.risk.max_buys_per_day == 6
    await limits.refresh()
    assert limits.in_force.risk.max_buys_per_day == 1
