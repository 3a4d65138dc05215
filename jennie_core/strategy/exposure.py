"""What a new buy is measured against: managed positions, and open buys as if they were filled (R-SIZE, R-GRD)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from jennie_core.domain.positions import Position
from jennie_core.strategy.intent import Intent
from jennie_core.strategy.sizing import HeldPosition


def exposure(
    positions: Mapping[str, Position], price_of: Callable[[str], float | None], open_buys: Iterable[Intent]
) -> list[HeldPosition]:
    """Held stocks by code at their price now (None = unknown), then stocks that are only being bought."""
    found: dict[str, HeldPosition] = {}
    for code, position in sorted(positions.items()):
        if position.quantity:
            price = price_of(code)
            found[code] = HeldPosition(
                code,
                position.quantity,
                None if price is None else round(price),
                position.sector_group,
                position.atr_krw,
            )
    for intent in open_buys:
        known = found.get(intent.stock_code)
        found[intent.stock_code] = (
            replace(known, quantity=known.quantity + intent.remaining_quantity)
            if known is not None
            else HeldPosition(
                intent.stock_code,
                intent.remaining_quantity,
                intent.reference_price_krw,
                intent.context.get("sector_group"),
                intent.context.get("atr_krw"),
            )
        )
    return list(found.values())
