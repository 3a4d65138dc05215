"""Values of the command line, read from text or refused in one line that names the variable and the repair."""

import math
from collections.abc import Collection
from datetime import date

from jennie_cli.errors import UserError

HIGHEST_SEED = 2**63 - 1
HIGHEST_PORT_BASE = 50_000
UNLIMITED = ("max", "unlimited")


def parse_day(value: str | None, name: str) -> date | None:
    """A calendar day; raises UserError."""
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise UserError(f"{name}={value}: not a date; write it as 2025-06-27") from error


def parse_speed(value: str) -> float | None:
    """Market seconds per real second, None for as fast as the workers answer; raises UserError."""
    if value in UNLIMITED:
        return None
    try:
        speed = float(value)
    except ValueError as error:
        raise UserError(f"SPEED={value}: not a number; write e.g. 400, or max") from error
    if not math.isfinite(speed) or speed <= 0:
        raise UserError(f"SPEED={value}: must be above zero and finite; write e.g. 400, or max")
    return speed


def parse_whole(value: str, name: str, highest: int) -> int:
    """A whole number from 0 to `highest`; raises UserError."""
    try:
        number = int(value)
    except ValueError as error:
        raise UserError(f"{name}={value}: not a whole number; write one from 0 to {highest}") from error
    if not 0 <= number <= highest:
        raise UserError(f"{name}={value}: must be from 0 to {highest}")
    return number


def parse_seed(value: str) -> int:
    """Seed of a generated market; raises UserError."""
    return parse_whole(value, "SEED", HIGHEST_SEED)


def parse_port_base(value: str) -> int:
    """What is added to every port; raises UserError."""
    return parse_whole(value, "PORT_BASE", HIGHEST_PORT_BASE)


def require_known_check(wanted: str, known: Collection[str]) -> None:
    """Raise UserError for a check that no asset has: a switch that does nothing must not look as if it did."""
    if wanted not in known:
        raise UserError(f"FAIL_CHECK={wanted}: no such asset check; choose one of {', '.join(sorted(known))}")
