"""The newest tick of each code between two marks, for a reader that is behind (drill 19)."""

from collections.abc import Sequence

from jennie_core.domain.market import ClockMark, Tick


def newest_per_code(items: Sequence[Tick | ClockMark]) -> list[Tick | ClockMark]:
    """The items without ticks that a newer one of their code and phase follows before the next mark; order is kept.

    An announcement is no price: it never stands for the trade before it.
    """
    kept: list[Tick | ClockMark] = []
    newer: dict[str, str] = {}
    for item in reversed(items):
        if isinstance(item, ClockMark):
            newer.clear()
        elif newer.get(item.code) == item.session_phase:
            continue
        else:
            newer[item.code] = item.session_phase
        kept.append(item)
    kept.reverse()
    return kept
