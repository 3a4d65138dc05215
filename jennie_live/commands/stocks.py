"""Which stock a word means (R-TG-04), and what is held."""

import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from jennie_core.domain.watchlist import HotWatchlist
from jennie_infra.bus.cache import get
from jennie_infra.bus.keys import RedisKeys
from jennie_infra.db.ledger import ActivePortfolio
from jennie_infra.db.market import StockMaster
from jennie_infra.db.read_only import StoreUnreadableError
from jennie_infra.telegram import escape
from jennie_live.commands.context import Desk

_CODE = re.compile(r"^[0-9A-Z]{6}$")


@dataclass(frozen=True, slots=True)
class Stock:
    """A code with its name; the name of an unlisted code is the code."""

    code: str
    name: str
    sector_group: str | None = None


class UnknownStockError(Exception):
    """The word is neither a code nor an exact name."""

    def __init__(self, word: str) -> None:
        super().__init__(f"'{escape(word)}' 종목을 찾을 수 없습니다. 6자리 코드나 정확한 이름을 보내세요.")


async def find_stock(desk: Desk, word: str) -> Stock:
    """The stock of a six-character code or an exact name, from the list, the positions, then the stock master."""
    is_code = _CODE.match(word.upper()) is not None
    listed = (await get(desk.runtime.redis, RedisKeys.WATCHLIST_ACTIVE, HotWatchlist)).value
    for entry in listed.entries if listed else ():
        if word == entry.name or (is_code and word.upper() == entry.code):
            return Stock(entry.code, entry.name, entry.sector_group)
    for row in await held(desk):
        if word == row.stock_name or (is_code and word.upper() == row.stock_code):
            return Stock(row.stock_code, row.stock_name, row.sector_group)
    try:
        found = await desk.market.read(lambda c: _in_master(c, word.upper() if is_code else word, is_code=is_code))
    except StoreUnreadableError:
        found = None
    if found is not None:
        return Stock(found.stock_code, found.stock_name, found.sector_group)
    if is_code:
        return Stock(word.upper(), word.upper())
    raise UnknownStockError(word)


async def held(desk: Desk) -> list[Any]:
    """Rows of active_portfolio with managed shares, by code. Raises StoreUnreadableError."""
    table = ActivePortfolio.__table__
    return await desk.ledger.read(
        lambda c: list(c.execute(select(table).where(table.c.quantity > 0).order_by(table.c.stock_code)))
    )


def _in_master(connection: Connection, word: str, *, is_code: bool) -> Any | None:
    table = StockMaster.__table__
    newest = select(func.max(table.c.as_of)).scalar_subquery()
    column = table.c.stock_code if is_code else table.c.stock_name
    return connection.execute(select(table).where(column == word, table.c.as_of == newest).limit(1)).first()
