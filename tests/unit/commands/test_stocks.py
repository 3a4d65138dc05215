"""Which stock a word means (R-TG-04): a code or an exact name, from list, positions or stock master."""

from types import SimpleNamespace
from typing import Any

import pytest

from jennie_infra.db.read_only import StoreUnreadableError
from jennie_live.commands.stocks import UnknownStockError, find_stock
from tests.unit.strategy.builders import entry, watchlist

HELD = SimpleNamespace(stock_code="000660", stock_name="하이닉스", sector_group="반도체/IT")
MASTER = SimpleNamespace(stock_code="035420", stock_name="네이버", sector_group=None)


def desk(*, master: Any = MASTER) -> Any:
    listed = watchlist(entry("005930", name="삼성전자")).model_dump_json()

    async def get(key: str) -> str:
        return listed

    async def held(_: Any) -> list[Any]:
        return [HELD]

    async def look_up(_: Any) -> Any:
        if isinstance(master, Exception):
            raise master
        return master

    return SimpleNamespace(
        runtime=SimpleNamespace(redis=SimpleNamespace(get=get)),
        ledger=SimpleNamespace(read=held),
        market=SimpleNamespace(read=look_up),
    )


@pytest.mark.rule("R-TG-04")
@pytest.mark.parametrize(
    ("word", "code", "name"),
    [
        ("005930", "005930", "삼성전자"),
        ("삼성전자", "005930", "삼성전자"),
        ("하이닉스", "000660", "하이닉스"),
        ("네이버", "035420", "네이버"),
    ],
)
async def test_a_word_is_found_in_list_positions_or_master(word: str, code: str, name: str) -> None:
    found = await find_stock(desk(), word)
    assert (found.code, found.name) == (code, name)


@pytest.mark.rule("R-TG-04")
async def test_part_of_a_name_is_no_stock_and_an_unlisted_code_is_its_own_name() -> None:
    with pytest.raises(UnknownStockError):
        await find_stock(desk(master=None), "삼성")
    assert (await find_stock(desk(master=None), "0001a0")).name == "0001A0"
    away = StoreUnreadableError("market", "away", "repair")
    assert (await find_stock(desk(master=away), "999999")).code == "999999"
