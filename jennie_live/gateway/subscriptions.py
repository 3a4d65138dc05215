"""Who wants ticks of which codes, and which 40 of them get a registration (S4)."""

from collections.abc import Iterable
from dataclasses import dataclass

CLAIMANTS = ("held", "open_orders", "watchlist", "manual")
"""In order of claim."""
MAX_CODES = 40
"""41 registrations a session: 40 codes and the execution notice."""


class UnknownClaimantError(ValueError):
    """The claimant is none of the four."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Codes to register and codes to poll, best claim first."""

    subscribed: tuple[str, ...]
    polled: tuple[str, ...]


class Claims:
    """The claims in memory; a worker states its claims again at its start and every minute."""

    def __init__(self, limit: int = MAX_CODES) -> None:
        self._limit = limit
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
        """All claims in order; the first 40 codes are registered, the rest is polled."""
        ordered = tuple(dict.fromkeys(code for claimant in CLAIMANTS for code in self.of(claimant)))
        return Wanted(ordered[: self._limit], ordered[self._limit :])
