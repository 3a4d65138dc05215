"""What each mode's host offers, and what stands in where it does not; the gateway's health shows what is degraded."""

from dataclasses import dataclass

from jennie_core.domain.enums import Mode
from jennie_infra.kis.tr_ids import ENDPOINTS, Function


@dataclass(frozen=True, slots=True)
class Capability:
    """Whether a function is offered; else `substitute` says what is done in its place ("" = refused)."""

    offered: bool
    substitute: str = ""


_PAPER_SUBSTITUTES: dict[Function, str] = {
    Function.OPEN_ORDERS: "the unfilled rows of the order list of the day",
    Function.SESSION_DAYS: "the committed calendar alone",
    Function.INDEX: "",
}


def capability(function: Function, mode: Mode) -> Capability:
    """The row of one function in one mode."""
    if mode is not Mode.PAPER or ENDPOINTS[function].paper is not None:
        return Capability(offered=True)
    return Capability(offered=False, substitute=_PAPER_SUBSTITUTES.get(function, ""))


def degraded(mode: Mode) -> tuple[str, ...]:
    """One line per function that is missing in a mode."""
    lines: list[str] = []
    for function in Function:
        row = capability(function, mode)
        if not row.offered:
            lines.append(f"{function.value}: {row.substitute or 'not available'}")
    return tuple(lines)
