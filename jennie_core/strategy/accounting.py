"""How fills and adjustments make a position: pure arithmetic, the same for one step and for the whole history (O3)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from jennie_core.domain.enums import OrderSide


class AdjustmentKind(StrEnum):
    """Changes of a position that are not our fills."""

    CARRIED = "carried"  # managed shares that were there before the ledger began
    EXTERNAL = "external"  # shares bought or sold by hand, beside the managed ones
    EXTERNAL_SALE = "external_sale"  # managed shares that were sold by hand
    TRANSFER = "transfer"  # external shares handed over to the managed ones
    BONUS = "bonus"  # new shares without cost (split, 무상증자): the cost stays, the average falls


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a position; `side` for a fill, `kind` for an adjustment."""

    quantity: int
    price_krw: float | None
    at: datetime
    change_id: str
    side: OrderSide | None = None
    kind: AdjustmentKind | None = None


@dataclass(frozen=True, slots=True)
class Shares:
    """Managed shares with their own average price, and external ones beside them."""

    quantity: int = 0
    external_quantity: int = 0
    average_price_krw: float = 0.0

    @property
    def is_empty(self) -> bool:
        """Nothing of the code is held."""
        return self.quantity == 0 and self.external_quantity == 0

    def bought(self, quantity: int, price_krw: float) -> "Shares":
        """More managed shares at the weighted average."""
        total = self.quantity + quantity
        average = (self.average_price_krw * self.quantity + price_krw * quantity) / total
        return replace(self, quantity=total, average_price_krw=average)

    def sold(self, quantity: int) -> "Shares":
        """Fewer managed shares; the average of the rest stays. Raises ValueError below zero."""
        if quantity > self.quantity:
            raise ValueError(f"cannot take {quantity} of {self.quantity} managed shares")
        rest = self.quantity - quantity
        return replace(self, quantity=rest, average_price_krw=self.average_price_krw if rest else 0.0)

    def sold_by_fill(self, quantity: int) -> "Shares":
        """A sale that has happened: managed shares first, and what exceeds them came from the external ones."""
        managed = min(quantity, self.quantity)
        beyond = quantity - managed
        left = replace(self, external_quantity=max(0, self.external_quantity - beyond))
        return left.sold(managed)

    def apply(self, change: Change) -> "Shares":
        """The position after one change."""
        if change.side is OrderSide.SELL:
            return self.sold_by_fill(change.quantity)
        if change.side is OrderSide.BUY:
            return self.bought(change.quantity, _price(change))
        if change.kind is AdjustmentKind.CARRIED:
            return self.bought(change.quantity, _price(change))
        if change.kind is AdjustmentKind.EXTERNAL:
            return replace(self, external_quantity=self.external_quantity + change.quantity)
        if change.kind is AdjustmentKind.EXTERNAL_SALE:
            return self.sold(-change.quantity)
        if change.kind is AdjustmentKind.TRANSFER:
            handed = replace(self, external_quantity=self.external_quantity - change.quantity)
            return handed.bought(change.quantity, _price(change))
        if change.kind is AdjustmentKind.BONUS:
            return self.bought(change.quantity, 0.0)
        raise ValueError(f"{change.change_id}: neither a fill nor an adjustment")


def derive(changes: Iterable[Change]) -> Shares:
    """The position that a history makes, in the order in which it was booked."""
    shares = Shares()
    for change in sorted(changes, key=lambda each: (each.at, each.change_id)):
        shares = shares.apply(change)
    return shares


def realized_pnl_krw(quantity: int, price_krw: int, average_price_krw: float, fee_krw: int, tax_krw: int) -> int:
    """Won gained by selling, net of the sale's own fee and tax."""
    return round((price_krw - average_price_krw) * quantity) - fee_krw - tax_krw


def _price(change: Change) -> float:
    if change.price_krw is None:
        raise ValueError(f"{change.change_id}: a {change.kind or change.side} needs a price")
    return change.price_krw
