"""The owner's price alerts are judged on every tick and said once (R-TG-26)."""

from types import SimpleNamespace
from typing import Any

import pytest

from jennie_live.monitor.alerts import PriceAlerts


class Levels:
    """The hash of levels in Redis, and what was said."""

    def __init__(self, **levels: int) -> None:
        self.levels = {code.encode(): str(level).encode() for code, level in levels.items()}
        self.said: list[str] = []

    async def hgetall(self, key: str) -> dict[bytes, bytes]:
        return dict(self.levels)

    async def hdel(self, key: str, code: str) -> None:
        self.levels.pop(code.encode())

    async def alert(self, alert_id: str, severity: str, text: str) -> None:
        self.said.append(alert_id)


async def watching(store: Levels) -> PriceAlerts:
    runtime: Any = SimpleNamespace(redis=store, alert=store.alert)
    alerts = PriceAlerts(runtime)
    await alerts.tell()
    return alerts


@pytest.mark.rule("R-TG-26")
@pytest.mark.parametrize("path", [(99, 100), (101, 100), (99, 105)])
async def test_a_level_reached_from_either_side_is_said_once(path: tuple[int, int]) -> None:
    store = Levels(A00001=100)
    alerts = await watching(store)
    for price in path:
        alerts.on_price("A00001", price)
    await alerts.tell()
    alerts.on_price("A00001", 99)
    alerts.on_price("A00001", 100)
    await alerts.tell()
    assert store.said == ["price-alert:A00001:100"]
    assert store.levels == {}


@pytest.mark.rule("R-TG-26")
async def test_a_price_that_stays_on_its_side_and_a_foreign_code_say_nothing() -> None:
    store = Levels(A00001=100)
    alerts = await watching(store)
    for price in (101, 102, 101):
        alerts.on_price("A00001", price)
        alerts.on_price("A00002", price - 2)
    await alerts.tell()
    assert store.said == []
