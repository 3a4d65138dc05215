"""Who wants ticks of which codes, and which of them get one of the 40 registrations (S4)."""

from collections.abc import Iterable
from dataclasses import dataclass

CLAIMANTS = ("held", "open_orders", "watchlist", "manual")
"""In order of claim."""
MAX_CODES = 40
"""41 registrations a session: 40 for codes and the execution notice. An order book is one of its own."""


class UnknownClaimantError(ValueError):
    """The claimant is none of the four."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Codes to register, codes to poll and codes whose order book is pushed, best claim first."""

    subscribed: tuple[str, ...]
    polled: tuple[str, ...]
    books: tuple[str, ...] = ()


class Claims:
    """The claims in memory; a worker states its claims again at its start and every minute."""

    def __init__(self, limit: int = MAX_CODES, book_limit: int = 0) -> None:
        self._limit = limit - book_limit
        self._book_limit = book_limit
        self._codes: dict[str, tuple[str, ...]] = {}

    def put(self, claimant: str, codes: Iterable[str]) -> None:
        """Replace what a claimant wants, best first."""
        if claimant not in CLAIMANTS:
            raise UnknownClaimantError(f"{claimant} is none of {', '.join(CLAIMANTS)}")
        self._codes[claimant] = tuple(dict.fromkeys(codes))

    def of(self, claimant: str) -> tuple[str, ...]:
        """What a claimant wants."""
        return self._codes.get(claimant, ())

    def wanted(self) -> Wanted:
        """All claims in order: the first codes are registered, the rest is polled; the very first get a book, too."""
        ordered = tuple(dict.fromkeys(code for claimant in CLAIMANTS for code in self.of(claimant)))
        return Wanted(ordered[: self._limit], ordered[self._limit :], ordered[: self._book_limit])
