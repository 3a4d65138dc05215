"""What switched-on faults do to notices and frames on their way out."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from jennie_sim.exchange.orders import Notice
from jennie_sim.faults.registry import FaultName, FaultRegistry


def disturbed_notices(faults: FaultRegistry, notices: list[Notice]) -> list[Notice]:
    """Notices after swallow_notice, duplicate_notice and reorder_notices.

    The faults' endpoint may be a code, an order's side, or a kind of notice (accepted, filled, ...).
    """
    if not faults or not notices:
        return notices
    kept: list[Notice] = []
    for notice in notices:
        targets = (notice.order.code, notice.order.side.value, notice.kind.value)
        occasion = ":".join(map(str, _contents(notice)))
        if faults.strike(FaultName.SWALLOW_NOTICE, *targets, occasion=occasion):
            continue
        copies = faults.strike(FaultName.DUPLICATE_NOTICE, *targets, occasion=occasion)
        kept += [notice] * (int(copies.params["times"]) if copies else 1)
    if kept and (fault := faults.strike(FaultName.REORDER_NOTICES)):
        return _out_of_order(kept, random.Random(f"{fault.params['seed']}:{fault.hits}"))
    return kept


def stalled_codes(faults: FaultRegistry, codes: Iterable[str]) -> set[str]:
    """Codes whose market data is held back by stall_ticks."""
    fault = faults.strike(FaultName.STALL_TICKS) if faults else None
    if fault is None:
        return set()
    return set(codes) if fault.params["codes"] is None else set(fault.params["codes"])


def heartbeat_time(faults: FaultRegistry, instant: datetime) -> datetime | None:
    """The date-time the heartbeat shows; None when it is held back too."""
    if not faults:
        return instant
    stall = faults.active(FaultName.STALL_TICKS)
    if stall and not stall.params["heartbeat"]:
        return None
    if fault := faults.strike(FaultName.CLOCK):
        return instant + timedelta(seconds=fault.params["offset_seconds"])
    return instant


def garbled(faults: FaultRegistry, texts: Sequence[str]) -> list[str]:
    """Data frames after garble_frame; its endpoint is a tr_id."""
    changed = []
    for text in texts:
        fault = faults.strike(FaultName.GARBLE_FRAME, text[2:10]) if text[:1] in ("0", "1") else None
        changed.append(damage(text, random.Random(f"{fault.params['seed']}:{fault.hits}")) if fault else text)
    return changed


def damage(text: str, rng: random.Random) -> str:
    """Damage a frame in one of five ways: cut, split a field, change a character, repeat the end, wrong count."""
    position = rng.randrange(len(text))
    match rng.randrange(5):
        case 0:
            return text[:position]
        case 1:
            return text[:position] + "^" + text[position:]
        case 2:
            return text[:position] + chr(rng.randrange(33, 127)) + text[position + 1 :]
        case 3:
            return text + text[position:]
        case _:
            return text.replace("|001|", "|002|", 1)


def _out_of_order(notices: list[Notice], rng: random.Random) -> list[Notice]:
    """Shuffled over the slice: the order of delivery changes, what each notice says does not."""
    latest = max(notice.sent_at_ms for notice in notices)
    shuffled = [replace(notice, delivery_ms=latest) for notice in sorted(notices, key=_contents)]
    rng.shuffle(shuffled)
    return shuffled


def _contents(notice: Notice) -> tuple[int, str, str, str, int, int]:
    """What a notice tells, without its order number: two clients may have reached the exchange in either order."""
    order = notice.order
    return (notice.at_ms, order.code, order.side.value, notice.kind.value, notice.quantity, notice.price_krw)
