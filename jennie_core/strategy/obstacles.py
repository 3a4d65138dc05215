"""What stands in the way of buying a watched stock now, and how far away it is.

Every refusal in force carries the value it saw and the limit it holds. Those without a distance (already held, stopped,
blocked, unknown) stand before the others: no price or time moves them. Of the others the nearest is the one that lacks
the smallest share of its limit, since units differ.
"""

import re
from collections.abc import Sequence

from jennie_core.domain.decisions import Refusal

LEADING_NUMBER = re.compile(r"^(-?\d+(?:\.\d+)?)(?: .*)?$")
WITHOUT_DISTANCE = frozenset({"R-GATE-03", "R-CAL-02", "R-GATE-14"})
"""Their value grows while they refuse: time leads away from the limit, not towards it."""


def distance(refusal: Refusal) -> float | None:
    """How far the value is from the limit, in the rule's own unit; None where the rule has no two numbers."""
    value, limit = _number(refusal.value), _number(refusal.limit)
    if value is None or limit is None or refusal.rule in WITHOUT_DISTANCE:
        return None
    return round(abs(value - limit), 4)


def nearest(refusals: Sequence[Refusal]) -> Refusal | None:
    """The first one without a distance, else the one relatively nearest to its limit; None when nothing refuses."""
    walls = [refusal for refusal in refusals if distance(refusal) is None]
    return walls[0] if walls else min(refusals, key=_share_lacking, default=None)


def held_refusal(code: str, quantity: int) -> Refusal | None:
    """R-BUY-06 as the buy executor will say it, for a stock with managed shares."""
    if quantity <= 0:
        return None
    return Refusal(rule="R-BUY-06", detail="already held", value=code)


def _share_lacking(refusal: Refusal) -> float:
    limit = abs(_number(refusal.limit) or 0.0)
    lacking = distance(refusal) or 0.0
    return lacking / limit if limit else lacking


def _number(value: float | str | None) -> float | None:
    """The number, also of a text that begins with one ("0 seconds left")."""
    if not isinstance(value, str):
        return value
    found = LEADING_NUMBER.match(value)
    return None if found is None else float(found[1])
