"""What one code looks like at one instant: the figures every quotation call is made of."""

from dataclasses import dataclass

from jennie_sim.market.interruption import Interruption
from jennie_sim.market.market import Market
from jennie_sim.market.pack import Listed
from jennie_sim.market.tape import Col


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Prices in won, volumes in shares; before the first trade open, high and low are 0."""

    listed: Listed
    price: int
    open: int
    high: int
    low: int
    volume: int
    turnover: int
    ask: int
    bid: int
    upper: int
    lower: int
    tick: int
    previous_close: int
    previous_open: int
    previous_high: int
    previous_low: int
    previous_volume: int
    halted: bool
    interruption: Interruption | None

    @property
    def change(self) -> int:
        """Against the reference price."""
        return self.price - self.listed.base_price_krw

    @property
    def change_pct(self) -> float:
        """Against the reference price, per cent."""
        return self.change * 100 / self.listed.base_price_krw


def take_snapshot(market: Market, code: str, at_ms: int) -> Snapshot:
    """The state of a listed code at an instant."""
    listed, limits, tape = market.listing[code], market.limits(code), market.tape(code)
    index = tape.index_at(at_ms)
    row = tape.row(index) if index >= 0 else [0] * len(Col)
    price = row[Col.PRICE] or listed.base_price_krw
    history = market.history(code)
    before = history.row(-1, named=True) if history.height else {}
    return Snapshot(
        listed=listed,
        price=price,
        open=tape.bar.open if index >= 0 else 0,
        high=row[Col.HIGH],
        low=row[Col.LOW],
        volume=row[Col.VOLUME],
        turnover=row[Col.TURNOVER],
        ask=row[Col.ASK],
        bid=row[Col.BID],
        upper=limits.upper_krw,
        lower=limits.lower_krw,
        tick=market.grid(code).tick(price),
        previous_close=listed.base_price_krw,
        previous_open=int(before.get("open") or 0),
        previous_high=int(before.get("high") or 0),
        previous_low=int(before.get("low") or 0),
        previous_volume=int(before.get("volume") or 0),
        halted=market.is_halted(code, at_ms),
        interruption=tape.interruption_at(at_ms),
    )
