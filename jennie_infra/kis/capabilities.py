"""What each mode's host offers, and what stands in where it does not; health and /api/capabilities show it.

A rehearsal speaks as the real host does. The paper host (mock trading) lacks five calls; `reads.py` does what the
substitute says. With a real key for quotations the real host answers every call that names no account.
"""

from dataclasses import dataclass

from jennie_core.domain.enums import Mode
from jennie_infra.kis.tr_ids import ENDPOINTS, QUOTATIONS, Function


@dataclass(frozen=True, slots=True)
class Capability:
    """Whether a function is offered; where it is not, `substitute` says what is done in its place."""

    offered: bool
    substitute: str = ""


PAPER_SUBSTITUTES: dict[Function, str] = {
    Function.PRICES: "one quote per code",
    Function.INDEX: "the summary of the index's daily chart",
    Function.SESSION_DAYS: "the committed calendar alone",
    Function.SELLABLE_SHARES: "the sellable shares of the balance",
    Function.OPEN_ORDERS: "the unfilled rows of the order list of the day",
}
"""One row for each function of tr_ids.py whose paper column is empty (test)."""


def capability(function: Function, mode: Mode, *, real_quotes: bool = False) -> Capability:
    """The row of one function in one mode. `real_quotes`: a real key answers quotations in paper mode."""
    if mode is not Mode.PAPER or ENDPOINTS[function].paper is not None or (real_quotes and function in QUOTATIONS):
        return Capability(offered=True)
    return Capability(offered=False, substitute=PAPER_SUBSTITUTES[function])


def degraded(mode: Mode, *, real_quotes: bool = False) -> tuple[str, ...]:
    """One line per function that is missing in a mode."""
    rows = ((function, capability(function, mode, real_quotes=real_quotes)) for function in Function)
    return tuple(f"{function.value}: {row.substitute}" for function, row in rows if not row.offered)
