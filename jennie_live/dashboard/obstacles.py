"""The rule nearest in the way of a watched stock: held, else what the scanner says now, else the last refusal."""

from datetime import datetime

from jennie_core.domain.decisions import Obstacles, Refusal
from jennie_core.strategy.obstacles import distance, held_refusal, nearest
from jennie_live.dashboard.schemas.research import RefusalView


def nearest_obstacle(
    code: str,
    managed_quantity: int,
    scanned: Obstacles | None,
    last: RefusalView | None,
    now: datetime,
) -> RefusalView | None:
    """`scanned`: the scanner's picture, None when it is absent or old; `last`: the newest refusal on record today."""
    held = held_refusal(code, managed_quantity)
    if held is not None:
        return _view(code, held, "buy-executor", now)
    found = None if scanned is None else nearest(scanned.by_code.get(code, ()))
    if found is not None and scanned is not None:
        return _view(code, found, "buy-scanner", scanned.known_at)
    if last is None:
        return None
    recorded = Refusal(rule=last.rule, detail=last.detail, value=last.value, limit=last.limit)
    return last.model_copy(update={"distance": distance(recorded)})


def _view(code: str, refusal: Refusal, service: str, at: datetime) -> RefusalView:
    return RefusalView(
        stock_code=code,
        service=service,
        subject="now",
        rule=refusal.rule,
        detail=refusal.detail,
        value=None if refusal.value is None else str(refusal.value),
        limit=None if refusal.limit is None else str(refusal.limit),
        distance=distance(refusal),
        price_krw=None,
        decided_at=at,
    )
