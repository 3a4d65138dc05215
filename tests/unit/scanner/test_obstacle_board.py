"""The scanner's picture of what stands in the way reaches the dashboard's key, and seldom enough."""

from types import SimpleNamespace
from typing import Any

import pytest

from jennie_core.domain.decisions import Obstacles
from jennie_core.domain.market import ClockMark
from jennie_infra.bus.keys import RedisKeys
from jennie_live.scanner.obstacles import ObstacleBoard
from tests.unit.strategy.builders import CODE, at, scanner, us


class Store:
    def __init__(self) -> None:
        self.written: list[tuple[str, str]] = []

    async def set(self, key: str, value: str, *, ex: int) -> None:
        self.written.append((key, value))


@pytest.mark.rule("R-GATE-01", "R-GATE-02")
async def test_each_listed_code_has_every_refusal_of_now() -> None:
    store = Store()
    runtime: Any = SimpleNamespace(redis=store, clock=SimpleNamespace(now=lambda: at("09:05")))
    board, core = ObstacleBoard(runtime), scanner()
    await board.tell(core, ClockMark(us("09:05"), True))
    await board.tell(core, ClockMark(us("09:05:05"), True))
    [(key, text)] = store.written
    picture = Obstacles.model_validate_json(text)
    assert key == RedisKeys.SCAN_OBSTACLES.value
    assert picture.known_at == at("09:05")
    assert [refusal.rule for refusal in picture.by_code[CODE]] == ["R-GATE-01", "R-GATE-02"]
