"""What the codes of an index have done so far: shares, won, advancers and decliners, counted minute by minute."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jennie_core.domain.enums import AssetKind
from jennie_sim.market.hours import MINUTE_MS
from jennie_sim.market.market import Market
from jennie_sim.market.tape import Col

Ints = NDArray[np.int64]

MOST_CODES = 400
"""Every path of the index has to be drawn once; of a larger listing the figures stay unknown."""
SHARES = (AssetKind.COMMON, AssetKind.PREFERRED)
MEMBERS_OF_KOSPI = "KOSPI200"


@dataclass(frozen=True, slots=True)
class IndexFigures:
    """Shares and won traded since the open, those of the session before (won unknown), and codes by their change."""

    volume: int
    turnover_krw: int
    previous_volume: int
    up: int
    limit_up: int
    flat: int
    down: int
    limit_down: int


@dataclass(frozen=True, slots=True)
class _Table:
    """Per code and minute (shape: codes, minutes): last price (0 before the first trade), shares and won so far."""

    price: Ints
    volume: Ints
    turnover: Ints
    base: Ints
    upper: Ints
    lower: Ints
    previous_volume: int


class Breadth:
    """Counts of the market's indices at full minutes; a halt begun by the admin port does not show in them."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._tables: dict[str, _Table | None] = {}

    def of(self, index_code: str, at_ms: int) -> IndexFigures | None:
        """The figures at the last full minute; None before the open, for too large a listing, and without members."""
        minute = (at_ms - self._market.hours.open_ms) // MINUTE_MS
        if minute < 0:
            return None
        if index_code not in self._tables:
            self._tables[index_code] = self._table(self._members(index_code))
        table = self._tables[index_code]
        if table is None:
            return None
        at = min(minute, table.price.shape[1] - 1)
        price = table.price[:, at]
        change = np.where(price > 0, price - table.base, 0)
        return IndexFigures(
            volume=int(table.volume[:, at].sum()),
            turnover_krw=int(table.turnover[:, at].sum()),
            previous_volume=table.previous_volume,
            up=int((change > 0).sum()),
            limit_up=int((price == table.upper).sum()),
            flat=int(((change == 0) & (price > 0)).sum()),
            down=int((change < 0).sum()),
            limit_down=int((price == table.lower).sum()),
        )

    def _members(self, index_code: str) -> Sequence[str]:
        market = self._market
        if index_code == MEMBERS_OF_KOSPI:
            return sorted(market.index_members)
        return [
            code
            for code, listed in market.listing.items()
            if listed.market.value == index_code and listed.kind in SHARES
        ]

    def _table(self, codes: Sequence[str]) -> _Table | None:
        if not codes or len(self._market.listing) > MOST_CODES:
            return None
        market, hours = self._market, self._market.hours
        # the closing cross falls into the first second behind the close
        edges = np.arange(hours.open_ms, hours.close_ms + 2 * MINUTE_MS, MINUTE_MS)
        made = np.zeros((3, len(codes), len(edges)), dtype=np.int64)
        for number, code in enumerate(codes):
            tape = market.drawn(code)
            if tape.times:
                index = np.searchsorted(np.array(tape.times), edges, side="right") - 1
                columns = tape.rows[:, [Col.PRICE, Col.VOLUME, Col.TURNOVER]][np.maximum(index, 0)]
                made[:, number] = np.where(index >= 0, columns.T, 0)
        history = market.pack.history.filter(market.pack.history["code"].is_in(list(codes)))
        last = history.filter(history["date"] == history["date"].max())
        limits = [market.limits(code) for code in codes]
        return _Table(
            price=made[0],
            volume=made[1],
            turnover=made[2],
            base=np.array([market.listing[code].base_price_krw for code in codes]),
            upper=np.array([row.upper_krw for row in limits]),
            lower=np.array([row.lower_krw for row in limits]),
            previous_volume=int(last["volume"].sum()),
        )
