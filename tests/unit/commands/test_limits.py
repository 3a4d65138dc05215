"""How often a chat may speak and trade (R-TG-02, R-TG-03)."""

from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from jennie_live.commands.limits import TRADES_PER_DAY, Limits


class Counts:
    """INCR and SET NX of Redis; `away` refuses every command."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.lives: dict[str, int] = {}
        self.away = False

    def _answer(self) -> None:
        if self.away:
            raise RedisConnectionError("away")

    async def incr(self, key: str) -> int:
        self._answer()
        self.numbers[key] = self.numbers.get(key, 0) + 1
        return self.numbers[key]

    async def expire(self, key: str, seconds: int) -> None:
        self.lives[key] = seconds

    async def set(self, key: str, value: str, *, nx: bool, ex: int) -> bool | None:
        self._answer()
        if key in self.lives:
            return None
        self.lives[key] = ex
        return True


@pytest.fixture
def store() -> Any:
    return Counts()


@pytest.mark.rule("R-TG-03")
async def test_twenty_manual_trades_a_day_and_chat() -> None:
    counts: Any = Counts()
    limits = Limits(counts)
    assert [await limits.take_trade(1, "2025-06-27") for _ in range(TRADES_PER_DAY)] == [None] * 20
    assert "20회까지" in (await limits.take_trade(1, "2025-06-27") or "")
    assert await limits.take_trade(1, "2025-06-30") is None
    assert await limits.take_trade(2, "2025-06-27") is None
    assert set(counts.lives.values()) == {86_400}


@pytest.mark.rule("R-TG-03")
async def test_a_trade_that_cannot_be_counted_is_refused(store: Any) -> None:
    store.away = True
    assert "알 수 없어" in (await Limits(store).take_trade(1, "2025-06-27") or "")


@pytest.mark.rule("R-TG-02")
async def test_a_second_command_within_five_seconds_is_too_fast_with_redis_and_without(store: Any) -> None:
    limits = Limits(store)
    assert [await limits.too_fast(1), await limits.too_fast(1), await limits.too_fast(2)] == [False, True, False]
    assert set(store.lives.values()) == {5}
    store.away = True
    assert [await limits.too_fast(3), await limits.too_fast(3)] == [False, True]
