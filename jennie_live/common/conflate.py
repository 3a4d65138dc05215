"""The newest tick of each code between two marks, for a reader that is behind (drill 19)."""

from collections.abc import Sequence

from jennie_core.domain.market import ClockMark, Tick


def newest_per_code(items: Sequence[Tick | ClockMark]) -> list[Tick | ClockMark]:
    """The items without ticks that a newer one of their code follows before the next mark; order is kept."""
    kept: list[Tick | ClockMark] = []
    seen: set[str] = set()
    for item in reversed(items):
        if isinstance(item, ClockMark):
            seen.clear()
        elif item.code in seen:
            continue
        else:
            seen.add(item.code)
        kept.append(item)
    kept.reverse()
    return kept
