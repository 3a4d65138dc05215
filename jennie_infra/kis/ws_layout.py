"""Widths of the broker's realtime records by wire revision, and what no field of them can exceed (section 4)."""

from dataclasses import dataclass

MOST_KRW = 100_000_000
MOST_SHARES = 10_000_000_000
"""Far above any price and any day's shares of KRX: beyond them two fields have run together. Streams take 64 bits."""
PHASES = frozenset("0ABCD")
"""HOUR_CLS_CODE: continuous trading, the announcements, after hours."""

_WIDTHS = {"trade": (46, 47), "book": (59, 63), "notice": (23, 26)}


@dataclass(frozen=True, slots=True)
class WireLayout:
    """Field counts per record; the market changed them on 2026-09-14 (46 to 47 and 59 to 63)."""

    trade: int
    book: int
    notice: int

    @staticmethod
    def parse(text: str) -> "WireLayout":
        """From `47/63/26`; raises ValueError for a count that never existed."""
        parts = text.split("/")
        if len(parts) != 3 or not all(part.isdigit() for part in parts):
            raise ValueError(f"wire revision {text!r} is not of the form 47/63/26")
        layout = WireLayout(*map(int, parts))
        for name, widths in _WIDTHS.items():
            if getattr(layout, name) not in widths:
                raise ValueError(f"wire revision {text!r}: a {name} record has {widths[0]} or {widths[1]} fields")
        return layout


def is_code(text: str) -> bool:
    """Six letters or digits, the shape of a stock code."""
    return len(text) == 6 and text.isalnum() and text.isascii()
