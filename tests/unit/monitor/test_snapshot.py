"""The live picture of held stocks for the dashboard (R-MON-09): what is unknown is null, never zero."""

from types import SimpleNamespace
from typing import Any

import pytest

from jennie_core.strategy.monitor import MonitorCore
from jennie_live.monitor.worker import MonitorWorker
from tests.unit.strategy.builders import CODE, SESSION, SETTINGS, at, position, tick, us


@pytest.mark.rule("R-MON-09")
def test_the_picture_has_prices_profit_and_watermark_as_far_as_they_are_known() -> None:
    core = MonitorCore(SETTINGS, SESSION)
    core.set_positions([position(), position("000660")], us("08:50"))
    core.on_tick(tick(10_200, us("09:30")))
    worker: Any = MonitorWorker.__new__(MonitorWorker)
    worker._runtime = SimpleNamespace(clock=SimpleNamespace(now=lambda: at("09:30:01")))
    picture = worker._snapshot(core)
    rows = {row["stock_code"]: row for row in picture["positions"]}
    assert picture["as_of"] == at("09:30:01").isoformat()
    assert (rows[CODE]["price_krw"], rows[CODE]["profit_pct"], rows[CODE]["high_watermark_krw"]) == (
        10_200,
        2.0,
        10_200,
    )
    assert (rows["000660"]["price_krw"], rows["000660"]["profit_pct"]) == (None, None)
